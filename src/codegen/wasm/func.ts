import { i32, i32Const, type I32, type Sexpr, type ValueType } from "./wat.ts";

/** A local variable or parameter of a function. */
export class Local {
  readonly name: string;
  readonly type: ValueType;

  constructor(name: string, type: ValueType) {
    this.name = name;
    this.type = type;
  }

  get get(): Sexpr {
    return ["local.get", `$${this.name}`];
  }

  set(value: I32): Sexpr {
    return ["local.set", `$${this.name}`, i32Const(value)];
  }

  tee(value: I32): Sexpr {
    return ["local.tee", `$${this.name}`, i32Const(value)];
  }

  /** this += by */
  grow(by: I32): Sexpr {
    return this.set(i32.add(this.get, by));
  }
}

/** Builds one function: statements go to the innermost open block. */
export class Func {
  readonly name: string;
  readonly #params: Local[] = [];
  readonly #locals: Local[] = [];
  readonly #names = new Map<string, number>();
  readonly #result: ValueType | undefined;
  readonly #exported: boolean;
  #body: Sexpr[] = [];
  #labels = 0;

  constructor(name: string, options: { readonly exported?: boolean; readonly result?: ValueType } = {}) {
    this.name = name;
    this.#exported = options.exported ?? false;
    this.#result = options.result;
  }

  param(name: string, type: ValueType = "i32"): Local {
    const local = new Local(this.#unique(name), type);
    this.#params.push(local);
    return local;
  }

  /** A fresh local; its name gets a number when taken. */
  local(name: string, type: ValueType = "i32"): Local {
    const local = new Local(this.#unique(name), type);
    this.#locals.push(local);
    return local;
  }

  /** A fresh local that is set to a value here. */
  let(name: string, value: I32, type: ValueType = "i32"): Local {
    const local = this.local(name, type);
    this.add(local.set(value));
    return local;
  }

  add(...statements: readonly Sexpr[]): void {
    this.#body.push(...statements);
  }

  comment(text: string): void {
    this.add(`;; ${text.replace(/[^\x20-\x7e]/g, "?")}`);
  }

  /** Repeats the body while the condition, checked before each round, holds. */
  while(condition: Sexpr, body: () => void): void {
    const [done, next] = [this.#label("done"), this.#label("next")];
    const inner = this.#collect(() => {
      this.add(["br_if", done, i32.eqz(condition)]);
      body();
      this.add(["br", next]);
    });
    this.add(["block", done, ["loop", next, ...inner]]);
  }

  /** Repeats the body, then again while the condition holds: the condition is checked after each round. */
  doWhile(body: () => void, condition: () => Sexpr): void {
    const next = this.#label("next");
    const inner = this.#collect(() => {
      body();
      this.add(["br_if", next, condition()]);
    });
    this.add(["loop", next, ...inner]);
  }

  /** for (i = from; i < to; i += step), unsigned; `i` may be given to be read afterwards. */
  for(i: Local, from: I32, to: I32, step: I32, body: () => void): void {
    this.add(i.set(from));
    this.while(i32.ltU(i.get, to), () => {
      body();
      this.add(i.grow(step));
    });
  }

  if(condition: Sexpr, then: () => void, otherwise?: () => void): void {
    const yes = this.#collect(then);
    const no = otherwise === undefined ? undefined : this.#collect(otherwise);
    this.add(["if", condition, ["then", ...yes], ...(no === undefined ? [] : [["else", ...no]])]);
  }

  /** Text form. */
  finish(): Sexpr {
    return [
      "func", `$${this.name}`,
      ...(this.#exported ? [["export", JSON.stringify(this.name)]] : []),
      ...this.#params.map((p) => ["param", `$${p.name}`, p.type]),
      ...(this.#result === undefined ? [] : [["result", this.#result]]),
      ...this.#locals.map((l) => ["local", `$${l.name}`, l.type]),
      ...this.#body,
    ];
  }

  #label(name: string): string {
    return `$${name}${this.#labels++}`;
  }

  #unique(name: string): string {
    const count = this.#names.get(name) ?? 0;
    this.#names.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  }

  #collect(build: () => void): Sexpr[] {
    const outer = this.#body;
    this.#body = [];
    build();
    const inner = this.#body;
    this.#body = outer;
    return inner;
  }
}

export const call = (name: string, ...args: readonly I32[]): Sexpr => ["call", `$${name}`, ...args.map(i32Const)];
