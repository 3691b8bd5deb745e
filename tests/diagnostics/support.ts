import type { Edit } from "../../src/parser/diagnostics/diagnostic.ts";
import { compileSource, type CompileOptions, type CompileResult } from "../../src/ir/from-source.ts";

/** Compiles sources that are at hand; the entry is the first file, or `main.spnet` for a single text. */
export function compileText(source: string | Readonly<Record<string, string>>, options: Omit<CompileOptions, "readFile"> = {}): CompileResult {
  const files = typeof source === "string" ? { "main.spnet": source } : source;
  const entry = Object.keys(files)[0] ?? "main.spnet";
  return compileSource(entry, { readFile: (path) => (Object.hasOwn(files, path) ? files[path] : undefined), ...options });
}

const head = "spnet 1\nnet N {\n  sites S : (z, y, x)\n  input x : feat[S, 4]\n";

/** An example of the catalogue: a whole file, or statements of a net with an input `x`. */
export function wholeFile(example: string): string {
  // The example of the missing header is a file too.
  if (example.startsWith("spnet ") || example.startsWith("const ")) return example;
  const statements = /^\s*dialect /.test(example) ? hoistDialect(example) : { dialect: "", rest: example };
  const output = /\boutput\b/.test(example) ? "" : "\n  output result = x";
  return `${head.replace("{\n", `{\n${statements.dialect}`)}${statements.rest}${output}\n}\n`;
}

function hoistDialect(example: string): { readonly dialect: string; readonly rest: string } {
  const [first = "", ...rest] = example.split("\n");
  return { dialect: `  ${first}\n`, rest: rest.join("\n") };
}

/** The text with replacements made; they must not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  return [...edits].sort((a, b) => b.span.start - a.span.start).reduce((t, { span, text: by }) => t.slice(0, span.start) + by + t.slice(span.end), text);
}
