import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError } from "./errors.ts";
import type { Io } from "./io.ts";

/** An option of a command: one line of its help, and how `node:util` reads it. */
export interface OptionDef {
  /** Placeholder of the value; without one the option is a switch. */
  readonly value?: string;
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly doc: string;
}

export type OptionDefs = Readonly<Record<string, OptionDef>>;

export interface Command {
  /** What stands after the command's name, `FILE --out DIR`. */
  readonly usage: string;
  readonly options: OptionDefs;
  /** How many file arguments it takes. */
  readonly files: number;
  /** Exit status. */
  run(args: Args, io: Io): Promise<number>;
}

/** The arguments of one invocation. Wrong values are `UsageError`s that name the option. */
export class Args {
  readonly files: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(files: readonly string[], values: Readonly<Record<string, unknown>>) {
    this.files = files;
    this.#values = values;
  }

  get file(): string {
    const [file] = this.files;
    if (file === undefined) throw new Error("internal: a command without files asks for one");
    return file;
  }

  /** The arguments of another command that takes `file`, with its own options. */
  withFile(file: string, values: Readonly<Record<string, unknown>>): Args {
    return new Args([file], values);
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new UsageError(`--${name} is required`);
    return value;
  }

  choice<C extends string>(name: string, choices: readonly C[], otherwise: C): C {
    const value = this.text(name) ?? otherwise;
    const found = choices.find((c) => c === value);
    if (found === undefined) throw new UsageError(`--${name} is ${value}, expected ${choices.join(", ")}`);
    return found;
  }

  wholeNumber(name: string, least: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number) || number < least) throw new UsageError(`--${name} is ${value}, expected a whole number of at least ${least}`);
    return number;
  }

  /** Comma-separated numbers, exactly `count` of them, or one that stands for all where `spread` is set. */
  numbers(name: string, count: number, spread = false): readonly number[] | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const numbers = value.split(",").map((word) => (word.trim() === "" ? NaN : Number(word)));
    const fits = numbers.length === count || (spread && numbers.length === 1);
    if (!fits || numbers.some((n) => !Number.isFinite(n))) throw new UsageError(`--${name} is ${value}, expected ${spread ? `one or ${count}` : count} numbers separated by commas`);
    return numbers.length === count ? numbers : Array<number>(count).fill(numbers[0]!);
  }
}

/** Reads the arguments of a command. */
export function readArgs(command: Command, argv: readonly string[]): Args {
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, def] of Object.entries(command.options)) {
    options[name] = { type: def.value === undefined ? "boolean" : "string", ...(def.short === undefined ? {} : { short: def.short }), multiple: def.multiple === true };
  }
  let parsed: { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (parsed.positionals.length !== command.files) {
    throw new UsageError(parsed.positionals.length < command.files ? "a file is missing" : `unexpected argument ${parsed.positionals[command.files]}`);
  }
  return new Args(parsed.positionals, parsed.values);
}

/** The help text of one command; `call` is how it is called. */
export function commandHelp(call: string, summary: string, command: Command): string {
  const rows = Object.entries(command.options).map(([name, def]) => {
    const long = def.value === undefined ? `--${name}` : `--${name} ${def.value}`;
    return [def.short === undefined ? `    ${long}` : `-${def.short}, ${long}`, `${def.doc}${def.multiple === true ? " (repeatable)" : ""}`] as const;
  });
  return [`${call} ${command.usage}`, "", summary, ...(rows.length === 0 ? [] : ["", "options:", ...table(rows)]), ""].join("\n");
}

/** Rows of two columns, the first padded to the widest. */
export function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
