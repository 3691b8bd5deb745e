import type { Diagnostic } from "../parser/diagnostics/diagnostic.ts";
import { lineColumn } from "../parser/span.ts";
import type { Io } from "./io.ts";

/** Texts that diagnostics speak of, by the file names in their spans. */
export type SourceTexts = ReadonlyMap<string, string>;

/** Shows diagnostics on the error stream; true when one of them is an error. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[], sources: SourceTexts, io: Io): boolean {
  for (const diagnostic of diagnostics) io.err(renderPlain(diagnostic, sources));
  return diagnostics.some((d) => d.severity === "error");
}

function renderPlain(diagnostic: Diagnostic, sources: SourceTexts): string {
  const lines = [`${diagnostic.severity}[${diagnostic.code}]: ${diagnostic.message}`];
  for (const { span, text } of diagnostic.labels) {
    const { line, column } = lineColumn(sources.get(span.file) ?? "", span.start);
    lines.push(`  --> ${span.file}:${line}:${column}: ${text}`);
  }
  for (const note of diagnostic.notes ?? []) lines.push(`  = note: ${note}`);
  if (diagnostic.help !== undefined) lines.push(`  = help: ${diagnostic.help.text}`);
  return `${lines.join("\n")}\n`;
}
