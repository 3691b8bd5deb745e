/**
 * A reader of Python's pickle format, protocols 0 to 5, that builds plain values and runs nothing: names of classes stay
 * names, and only the few makers of `globals.ts` are followed. Format: CPython's Lib/pickletools.py.
 */
import { inputError, type InputError } from "../errors.ts";
import { arrayState, fillArray, isBeside, isHostile, isKnownName, maker, type CallSite } from "./globals.ts";
import { OPCODES } from "./opcodes.ts";
import { latin1, PickleBytes } from "./pickle-bytes.ts";
import { Global, NumpyArray, NumpyDType, Opaque, PyDict, PyList, type Value } from "./values.ts";

export interface UnpickleOptions {
  /** File, and entry in it, for messages. */
  readonly where: string;
  /** What a persistent id stands for. */
  persistent?(id: Value, site: CallSite): Value;
  /** Leave out objects of unknown classes instead of refusing the file. */
  readonly skipObjects?: boolean;
}

/** Digits of a number in text form; more make no number of a checkpoint, and take quadratic time. */
const MAX_DIGITS = 400;

/**
 * The value of the pickle that begins at `start`, and the byte after it. SP0543: broken; SP0544: it asks to call
 * something; SP0545: a dictionary has a name twice.
 */
export function unpickle(bytes: Uint8Array, start: number, options: UnpickleOptions): { readonly value: Value; readonly end: number } {
  return new Unpickler(bytes, start, options).run();
}

class Unpickler {
  readonly #in: PickleBytes;
  readonly #options: UnpickleOptions;
  readonly #memo = new Map<number, Value>();
  /** Stacks set aside by MARK, the innermost last. */
  readonly #outer: Value[][] = [];
  #stack: Value[] = [];
  /** The opcode at work and its byte. */
  #op = 0;
  #at = 0;

  constructor(bytes: Uint8Array, start: number, options: UnpickleOptions) {
    this.#in = new PickleBytes(bytes, options.where, start);
    this.#options = options;
  }

  run(): { readonly value: Value; readonly end: number } {
    for (;;) {
      this.#at = this.#in.at;
      this.#op = this.#in.u8();
      if (this.#op === 0x2e) return { value: this.#pop(), end: this.#in.at };
      this.#step();
    }
  }

  #step(): void {
    const input = this.#in;
    switch (String.fromCharCode(this.#op)) {
      case "\x80":
        if (input.u8() > 5) throw this.#broken("it is written in a later protocol than 5");
        return;
      case "\x95":
        input.take(8);
        return;
      case "(":
        this.#outer.push(this.#stack);
        this.#stack = [];
        return;
      case "0":
        if (this.#stack.length > 0) this.#stack.pop();
        else this.#popMark();
        return;
      case "1":
        this.#popMark();
        return;
      case "2":
        return this.#push(this.#top());
      case "N":
        return this.#push(null);
      case "\x88":
        return this.#push(true);
      case "\x89":
        return this.#push(false);
      case "I":
      case "L":
        return this.#push(this.#decimal(input.line()));
      case "J":
        return this.#push(input.i32());
      case "K":
        return this.#push(input.u8());
      case "M":
        return this.#push(input.u16());
      case "\x8a":
        return this.#push(integer(input.take(input.u8())));
      case "\x8b":
        return this.#push(integer(input.take(this.#atMost(input.u32(), 1024))));
      case "F":
        return this.#push(Number(input.line()));
      case "G":
        return this.#push(input.f64());
      case "S":
        return this.#push(this.#quoted(input.line()));
      case "T":
        return this.#push(latin1(input.take(input.u32())));
      case "U":
        return this.#push(latin1(input.take(input.u8())));
      case "V":
        return this.#push(input.line());
      case "X":
        return this.#push(input.utf8(input.u32()));
      case "\x8c":
        return this.#push(input.utf8(input.u8()));
      case "\x8d":
        return this.#push(input.utf8(input.u64()));
      case "B":
        return this.#push(input.take(input.u32()));
      case "C":
        return this.#push(input.take(input.u8()));
      case "\x8e":
      case "\x96":
        return this.#push(input.take(input.u64()));
      default:
        return this.#build();
    }
  }

  #build(): void {
    switch (String.fromCharCode(this.#op)) {
      case "}":
        return this.#push(new PyDict());
      case "d": {
        const dict = new PyDict();
        this.#setItems(dict, this.#popMark());
        return this.#push(dict);
      }
      case "s": {
        const [value, key] = [this.#pop(), this.#pop()];
        return this.#setItems(this.#top(), [key, value]);
      }
      case "u": {
        const items = this.#popMark();
        return this.#setItems(this.#top(), items);
      }
      case "]":
      case ")":
      case "\x8f":
        return this.#push(new PyList());
      case "l":
      case "t":
      case "\x91":
        return this.#push(new PyList(this.#popMark()));
      case "\x85":
      case "\x86":
      case "\x87":
        return this.#push(new PyList(this.#popMany(this.#op - 0x84)));
      case "a": {
        const value = this.#pop();
        return this.#append(this.#top(), [value]);
      }
      case "e":
      case "\x90": {
        const items = this.#popMark();
        return this.#append(this.#top(), items);
      }
      default:
        return this.#refer();
    }
  }

  #refer(): void {
    const input = this.#in;
    switch (String.fromCharCode(this.#op)) {
      case "g":
        return this.#get(Number(input.line()));
      case "h":
        return this.#get(input.u8());
      case "j":
        return this.#get(input.u32());
      case "p":
        return void this.#memo.set(this.#atMost(Number(input.line()), 0xffffffff), this.#top());
      case "q":
        return void this.#memo.set(input.u8(), this.#top());
      case "r":
        return void this.#memo.set(input.u32(), this.#top());
      case "\x94":
        return void this.#memo.set(this.#memo.size, this.#top());
      case "P":
        return this.#push(this.#persistent(input.line()));
      case "Q":
        return this.#push(this.#persistent(this.#pop()));
      case "c": {
        const module = input.line();
        return this.#push(this.#global(module, input.line()));
      }
      case "\x93": {
        const [name, module] = [this.#pop(), this.#pop()];
        if (typeof name !== "string" || typeof module !== "string") throw this.#broken("the name of a class is no text");
        return this.#push(this.#global(module, name));
      }
      case "R": {
        const [args, callee] = [this.#pop(), this.#pop()];
        return this.#push(this.#call(callee, args));
      }
      case "\x81": {
        const [args, callee] = [this.#pop(), this.#pop()];
        return this.#push(this.#call(callee, args));
      }
      case "\x92": {
        const [, args, callee] = [this.#pop(), this.#pop(), this.#pop()];
        return this.#push(this.#call(callee, args));
      }
      case "i": {
        const module = input.line();
        const callee = this.#global(module, input.line());
        return this.#push(this.#call(callee, new PyList(this.#popMark())));
      }
      case "o": {
        const [callee, ...args] = this.#popMark();
        return this.#push(this.#call(callee ?? null, new PyList(args)));
      }
      case "b": {
        const state = this.#pop();
        return this.#fill(this.#top(), state);
      }
      default:
        throw OPCODES.has(this.#op) ? this.#refuse("extensions and buffers outside of the file are not followed") : this.#broken(`0x${this.#op.toString(16)} is no opcode`);
    }
  }

  /** What a class's name becomes: something known, something left out, or the end. */
  #global(module: string, name: string): Value {
    const full = `${module}.${name}`;
    if (isHostile(full)) throw this.#refuse(`it names ${full}, which runs code; nothing was run. Such a file is an attack or damaged`);
    if (isKnownName(full)) return new Global(full);
    if (isBeside(full) || this.#options.skipObjects === true) return new Opaque(full);
    throw this.#refuse(`it names ${full.slice(0, 120)}, which is neither a tensor nor a plain value`, "save plain tensors: torch.save(model.state_dict(), file); or leave such objects out unmade with --skip-objects");
  }

  #call(callee: Value, args: Value): Value {
    if (callee instanceof Opaque) return new Opaque(callee.what);
    const make = callee instanceof Global ? maker(callee.name) : undefined;
    if (make === undefined) throw this.#refuse(callee instanceof Global ? `it calls ${callee.name}` : "it calls something that is no class");
    if (!(args instanceof PyList)) throw this.#broken("the arguments of a call are no tuple");
    return make(args.items, this.#site());
  }

  #fill(target: Value, state: Value): void {
    if (target instanceof Opaque) {
      target.state = state;
      return;
    }
    if (target instanceof NumpyDType) {
      target.bigEndian = state instanceof PyList && state.items[1] === ">";
      return;
    }
    if (target instanceof NumpyArray) {
      const filling = arrayState(state, this.#site());
      if (filling !== undefined) fillArray(target, filling, this.#site());
      return;
    }
    // The state of a dictionary is its attributes: torch keeps versions of modules there.
    if (!(target instanceof PyDict)) throw this.#refuse("it fills something that has no state");
  }

  #setItems(target: Value, items: readonly Value[]): void {
    if (items.length % 2 !== 0) throw this.#broken("a dictionary has a name without a value");
    if (target instanceof Opaque) return;
    if (!(target instanceof PyDict)) throw this.#broken("items are put into something that is no dictionary");
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      const name = typeof key === "string" ? key : typeof key === "number" || typeof key === "bigint" || typeof key === "boolean" ? String(key) : undefined;
      if (name === undefined) continue;
      if (target.entries.has(name)) throw inputError("SP0545", `${this.#options.where} has ${JSON.stringify(name.slice(0, 200))} twice in one dictionary (byte ${this.#at})`);
      target.entries.set(name, items[i + 1]!);
    }
  }

  #append(target: Value, items: readonly Value[]): void {
    if (target instanceof Opaque) return;
    if (!(target instanceof PyList)) throw this.#broken("items are put into something that is no list");
    for (const item of items) target.items.push(item);
  }

  #persistent(id: Value): Value {
    if (this.#options.persistent === undefined) throw this.#refuse("it refers to something outside of the file");
    return this.#options.persistent(id, this.#site());
  }

  #get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#broken(`it takes value ${index} of its memo, which was never put there`);
    this.#push(value);
  }

  #push(value: Value): void {
    this.#stack.push(value);
  }

  #pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined) throw this.#broken("the stack is empty");
    return value;
  }

  #top(): Value {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.#broken("the stack is empty");
    return value;
  }

  #popMany(count: number): Value[] {
    if (this.#stack.length < count) throw this.#broken("the stack is empty");
    return this.#stack.splice(-count);
  }

  #popMark(): Value[] {
    const outer = this.#outer.pop();
    if (outer === undefined) throw this.#broken("no mark was set");
    const items = this.#stack;
    this.#stack = outer;
    return items;
  }

  #decimal(line: string): Value {
    if (line === "00" || line === "01") return line === "01";
    const digits = line.replace(/L$/, "");
    if (!/^-?\d+$/.test(digits) || digits.length > MAX_DIGITS) throw this.#broken("a number is none, or too long");
    return narrow(BigInt(digits));
  }

  #quoted(line: string): string {
    const match = /^(['"])(.*)\1$/.exec(line.trim());
    if (match === null) throw this.#broken("a text has no quotes");
    return match[2]!.replace(/\\x([0-9a-fA-F]{2})|\\(.)/g, (_, hex: string | undefined, char: string) => (hex === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(parseInt(hex, 16))));
  }

  #atMost(value: number, most: number): number {
    if (!(value >= 0 && value <= most)) throw this.#broken(`${value} is more than ${most}`);
    return value;
  }

  #opcode(): string {
    return OPCODES.get(this.#op) ?? `0x${this.#op.toString(16)}`;
  }

  #broken(what: string): InputError {
    return this.#in.broken(`${this.#opcode()}: ${what}`, this.#at);
  }

  #refuse(what: string, help?: string): InputError {
    return inputError("SP0544", `${this.#options.where}: the pickle has ${this.#opcode()} at byte ${this.#at}: ${what}`, help === undefined ? {} : { help });
  }

  #site(): CallSite {
    const [op, at] = [this.#opcode(), this.#at];
    return {
      place: this.#in.place(at),
      refuse: (what) => inputError("SP0546", `${this.#options.where}, ${op} at byte ${at}: ${what}`),
    };
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };



const narrow = (value: bigint): number | bigint => (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value);

/** Two's complement, little-endian. */
function integer(bytes: Uint8Array): number | bigint {
  if (bytes.byteLength === 0) return 0;
  const hex = Buffer.from(bytes).reverse().toString("hex");
  return narrow(BigInt.asIntN(8 * bytes.byteLength, BigInt(`0x${hex}`)));
}
