import type { Diagnostic } from "../parser/diagnostics/diagnostic.ts";
import { renderText } from "../parser/diagnostics/render-text.ts";
import type { SourceFile } from "../parser/span.ts";
import type { Io } from "./io.ts";

/** Texts that diagnostics speak of, by the file names in their spans. */
export type SourceFiles = ReadonlyMap<string, SourceFile>;

/** Shows diagnostics on the error stream; true when one of them is an error. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[], files: SourceFiles, io: Io): boolean {
  io.err(renderText(diagnostics, files, { color: io.color }));
  return diagnostics.some((d) => d.severity === "error");
}
