import type { Arithmetic, CpuPlan } from "../../runtime/cpu/plan.ts";
import type { Func } from "./func.ts";
import { printSexpr, type Sexpr } from "./wat.ts";

/** Where constant tables begin; below lies nothing, so that address 0 is never anybody's. */
const DATA_START = 1024;

/** The functions and constant tables of one WebAssembly module, each made once. */
export class Assembly {
  readonly arithmetic: Arithmetic;
  readonly #functions = new Map<string, { readonly header: readonly string[]; readonly text: Sexpr }>();
  readonly #tables = new Map<string, number>();
  readonly #data: { readonly at: number; readonly words: readonly number[] }[] = [];
  /** Multiplications of lists of pairs, for checks. */
  readonly checks: CpuPlan["checks"][number][] = [];
  #end = DATA_START;
  #scratch = 0;

  constructor(arithmetic: Arithmetic = "strict") {
    this.arithmetic = arithmetic;
  }

  /** Bytes of scratch that each thread needs. */
  get scratch(): number {
    return this.#scratch;
  }

  /** First byte behind the constant tables. */
  get dataEnd(): number {
    return Math.ceil(this.#end / 64) * 64;
  }

  needScratch(bytes: number): void {
    this.#scratch = Math.max(this.#scratch, Math.ceil(bytes / 64) * 64);
  }

  has(name: string): boolean {
    return this.#functions.has(name);
  }

  add(func: Func, header: readonly string[] = []): void {
    if (this.has(func.name)) throw new Error(`internal: two functions ${func.name}`);
    this.#functions.set(func.name, { header, text: func.finish() });
  }

  /** Address of a constant table of words. */
  table(words: readonly number[]): number {
    const key = words.join();
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const at = this.#end;
    this.#tables.set(key, at);
    this.#data.push({ at, words });
    this.#end += 4 * words.length;
    return at;
  }

  /** The module's text: shared memory and whether lanes are joined from the host, tables, functions, each with its comment. */
  text(): string {
    const lines = [
      `(module`,
      `  (import "env" "memory" (memory ${Math.ceil(this.dataEnd / 65536)} 65536 shared))`,
      `  (import "env" "wide" (global $wide i32))`,
      ...this.#data.map(({ at, words }) => `  (data (i32.const ${at}) "${words.map(wordBytes).join("")}")`),
    ];
    for (const { header, text } of this.#functions.values()) {
      lines.push("", ...header.map((line) => `  ;; ${line.replaceAll("×", "x").replace(/[^\x20-\x7e]/g, "?")}`), `  ${printSexpr(text, 2)}`);
    }
    return `${lines.join("\n")}\n)\n`;
  }
}

/** A word as escaped bytes, least first. */
const wordBytes = (word: number): string => [0, 8, 16, 24].map((s) => `\\${((word >>> s) & 255).toString(16).padStart(2, "0")}`).join("");
