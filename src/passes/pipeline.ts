import { DiagnosticSink, type Diagnostic } from "../parser/diagnostics/diagnostic.ts";
import { optionRange, parseOption, type OptionValue } from "./options.ts";
import { defaultOptions, type Pass } from "./pass.ts";
import { passes } from "./registry.ts";

/** One pass with the options it is to run with (all of them, defaults filled in). */
export interface Step {
  readonly pass: Pass;
  readonly options: Readonly<Record<string, OptionValue>>;
}

export type Pipeline = readonly Step[];

/** The name under which diagnostics speak of the text of a pipeline. */
export const PIPELINE_FILE = "<pipeline>";

/**
 * Reads `lower,reuse-rulebooks{slices=false},fuse-pairs{pairs=model,capacity=64}`; spaces are allowed anywhere.
 * Mistakes: SP0190 malformed text, SP0290 unknown pass, SP0291 unknown or repeated option, SP0292 value out of range,
 * SP0293 a pass that does not take the level it would get. All of them are reported; then the pipeline is undefined.
 */
export function parsePipeline(text: string): { readonly pipeline: Pipeline | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const reader = new PipelineReader(text);
  const steps = reader.read();
  return { pipeline: reader.sink.hasErrors ? undefined : steps, diagnostics: reader.sink.list };
}

interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

class PipelineReader {
  readonly sink = new DiagnosticSink();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Steps up to the first malformed place. */
  read(): Pipeline {
    const steps: Step[] = [];
    if (this.#atEnd()) return steps;
    for (;;) {
      const name = this.#word("a pass name");
      if (name === undefined) return steps;
      const pass = passes.get(name.text);
      if (pass === undefined) this.#report("SP0290", name, `unknown pass \`${name.text}\``, "not a pass", nearest(name.text));
      const options = this.#options(pass);
      if (options === undefined) return steps;
      if (pass !== undefined) {
        this.#checkLevel(steps.at(-1)?.pass, pass, name);
        steps.push({ pass, options: { ...defaultOptions(pass), ...options } });
      }
      if (this.#atEnd() || !this.#expect(",")) return steps;
    }
  }

  /** `{option=value,…}` after a pass name, or nothing; undefined when malformed. */
  #options(pass: Pass | undefined): Readonly<Record<string, OptionValue>> | undefined {
    const given = new Map<string, OptionValue>();
    const seen = new Set<string>();
    if (!this.#take("{") || this.#take("}")) return {};
    for (;;) {
      const key = this.#word("an option name");
      if (key === undefined || !this.#expect("=")) return undefined;
      const value = this.#word("a value");
      if (value === undefined) return undefined;
      if (pass !== undefined) this.#option(pass, given, seen, key, value);
      if (this.#take("}")) return Object.fromEntries(given);
      if (!this.#expect(",", "`,` or `}`")) return undefined;
    }
  }

  #option(pass: Pass, given: Map<string, OptionValue>, seen: Set<string>, key: Word, value: Word): void {
    const def = Object.hasOwn(pass.options, key.text) ? pass.options[key.text] : undefined;
    if (def === undefined) {
      const known = Object.keys(pass.options);
      const help = known.length > 0 ? `options of \`${pass.name}\`: ${known.join(", ")}` : `\`${pass.name}\` has no options`;
      this.#report("SP0291", key, `pass \`${pass.name}\` has no option \`${key.text}\``, "unknown option", help);
      return;
    }
    if (seen.has(key.text)) this.#report("SP0291", key, `option \`${key.text}\` is given twice`, "given again");
    seen.add(key.text);
    const parsed = parseOption(def, value.text);
    if (parsed === undefined) this.#report("SP0292", value, `\`${value.text}\` is not a value of \`${key.text}\``, `expected ${optionRange(def)}`);
    else given.set(key.text, parsed);
  }

  #checkLevel(before: Pass | undefined, pass: Pass, name: Word): void {
    if (before === undefined || before.to === pass.from) return;
    this.#report("SP0293", name, `pass \`${pass.name}\` takes a module of level ${pass.from}, \`${before.name}\` leaves ${before.to}`, `needs level ${pass.from}`);
  }

  #atEnd(): boolean {
    while (this.#at < this.#text.length && /\s/.test(this.#text[this.#at]!)) this.#at++;
    return this.#at >= this.#text.length;
  }

  #take(char: string): boolean {
    if (this.#atEnd() || this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #expect(char: string, wanted = `\`${char}\``): boolean {
    return this.#take(char) || this.#malformed(wanted);
  }

  #word(wanted: string): Word | undefined {
    if (this.#atEnd()) return void this.#malformed(wanted);
    const start = this.#at;
    while (/[A-Za-z0-9_.-]/.test(this.#text[this.#at] ?? "")) this.#at++;
    if (this.#at === start) return void this.#malformed(wanted);
    return { text: this.#text.slice(start, this.#at), start, end: this.#at };
  }

  #malformed(wanted: string): false {
    const found = this.#at < this.#text.length ? `\`${this.#text[this.#at]}\`` : "the end";
    const place = { start: this.#at, end: Math.min(this.#at + 1, this.#text.length) };
    this.#report("SP0190", place, `malformed pipeline: expected ${wanted}, found ${found}`, `expected ${wanted}`, "a pipeline reads `pass,pass{option=value,option=value}`");
    return false;
  }

  #report(code: string, { start, end }: Pick<Word, "start" | "end">, message: string, label: string, help?: string): void {
    const labels = [{ span: { file: PIPELINE_FILE, start, end }, text: label }];
    this.sink.report({ code, severity: "error", message, labels, ...(help === undefined ? {} : { help: { text: help } }) });
  }
}

/** The text of a pipeline; options at their defaults are left out. `parsePipeline(printPipeline(p))` equals `p`. */
export function printPipeline(pipeline: Pipeline): string {
  return pipeline.map(printStep).join(",");
}

export function printStep(step: Step): string {
  const options = Object.entries(step.pass.options)
    .filter(([name, def]) => step.options[name] !== def.default)
    .map(([name]) => `${name}=${step.options[name]}`);
  return options.length === 0 ? step.pass.name : `${step.pass.name}{${options.join(",")}}`;
}

function nearest(name: string): string {
  const close = [...passes.keys()].find((known) => known.includes(name) || name.includes(known));
  return close === undefined ? `passes: ${[...passes.keys()].join(", ")}` : `did you mean \`${close}\`?`;
}
