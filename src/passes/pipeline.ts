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
 * Reads `lower,reuse-rulebooks{slices=false},fuse-pairs{pairs=never,capacity=64}`; spaces are allowed anywhere.
 * Mistakes: SP0190 malformed text, SP0290 unknown pass, SP0291 unknown or repeated option, SP0292 value out of range,
 * SP0293 a pass that does not take the level it would get. All of them are reported; then the pipeline is undefined.
 */
export function parsePipeline(text: string): { readonly pipeline: Pipeline | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const sink = new DiagnosticSink();
  const steps: Step[] = [];
  let at = 0;
  const report = (code: string, start: number, end: number, message: string, label: string, help?: string): void =>
    sink.report({
      code,
      severity: "error",
      message,
      labels: [{ span: { file: PIPELINE_FILE, start, end: Math.max(end, start) }, text: label }],
      ...(help === undefined ? {} : { help: { text: help } }),
    });
  const skip = (): void => {
    while (at < text.length && /\s/.test(text[at]!)) at++;
  };
  const take = (char: string): boolean => {
    skip();
    if (text[at] !== char) return false;
    at++;
    return true;
  };
  const word = (): { readonly text: string; readonly start: number; readonly end: number } => {
    skip();
    const start = at;
    while (at < text.length && /[A-Za-z0-9_.-]/.test(text[at]!)) at++;
    return { text: text.slice(start, at), start, end: at };
  };
  const malformed = (wanted: string): undefined => {
    const found = at < text.length ? `\`${text[at]}\`` : "the end";
    report("SP0190", at, Math.min(at + 1, text.length), `malformed pipeline: expected ${wanted}, found ${found}`, `expected ${wanted}`, "a pipeline reads `pass,pass{option=value,option=value}`");
    return undefined;
  };

  /** Reads `{…}` after a pass name into `given`; false when the text is malformed. */
  const readOptions = (pass: Pass | undefined, given: Record<string, OptionValue>): boolean => {
    if (!take("{")) return true;
    if (take("}")) return true;
    const seen = new Set<string>();
    for (;;) {
      const key = word();
      if (key.text === "") return malformed("an option name") ?? false;
      if (!take("=")) return malformed("`=`") ?? false;
      const value = word();
      if (value.text === "") return malformed("a value") ?? false;
      if (pass !== undefined) setOption(pass, given, seen, key, value);
      if (take("}")) return true;
      if (!take(",")) return malformed("`,` or `}`") ?? false;
    }
  };
  type Word = ReturnType<typeof word>;
  const setOption = (pass: Pass, given: Record<string, OptionValue>, seen: Set<string>, key: Word, value: Word): void => {
    const def = Object.hasOwn(pass.options, key.text) ? pass.options[key.text] : undefined;
    if (def === undefined) {
      const known = Object.keys(pass.options);
      const help = known.length > 0 ? `options of \`${pass.name}\`: ${known.join(", ")}` : `\`${pass.name}\` has no options`;
      report("SP0291", key.start, key.end, `pass \`${pass.name}\` has no option \`${key.text}\``, "unknown option", help);
      return;
    }
    if (seen.has(key.text)) {
      report("SP0291", key.start, key.end, `option \`${key.text}\` is given twice`, "given again");
      return;
    }
    seen.add(key.text);
    const parsed = parseOption(def, value.text);
    if (parsed === undefined) report("SP0292", value.start, value.end, `\`${value.text}\` is not a value of \`${key.text}\``, `expected ${optionRange(def)}`);
    else given[key.text] = parsed;
  };

  skip();
  let well = true;
  while (well && (at < text.length || steps.length > 0)) {
    const name = word();
    if (name.text === "") {
      malformed("a pass name");
      break;
    }
    const pass = passes.get(name.text);
    if (pass === undefined) report("SP0290", name.start, name.end, `unknown pass \`${name.text}\``, "not a pass", nearest(name.text));
    const given: Record<string, OptionValue> = {};
    well = readOptions(pass, given);
    if (well && pass !== undefined) {
      const previous = steps.at(-1)?.pass;
      if (previous !== undefined && previous.to !== pass.from) {
        report("SP0293", name.start, name.end, `pass \`${pass.name}\` takes a module of level ${pass.from}, \`${previous.name}\` leaves ${previous.to}`, `needs level ${pass.from}`);
      }
      steps.push({ pass, options: { ...defaultOptions(pass), ...given } });
    }
    skip();
    if (!well || at >= text.length) break;
    if (!take(",")) {
      malformed("`,`");
      break;
    }
    if (pass === undefined && steps.length === 0 && at >= text.length) {
      malformed("a pass name");
      break;
    }
  }
  return { pipeline: sink.hasErrors ? undefined : steps, diagnostics: sink.list };
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
