import { LineIndex } from "../line-index.ts";
import type { SourceFile, Span } from "../span.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** A place for programs: one-based lines and columns in UTF-16 units, zero-based offsets; the end is exclusive. */
export interface JsonPlace {
  readonly file: string;
  readonly start: { readonly line: number; readonly column: number; readonly offset: number };
  readonly end: { readonly line: number; readonly column: number; readonly offset: number };
}

export interface JsonDiagnostic {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  /** The first is the place of the mistake. */
  readonly labels: readonly (JsonPlace & { readonly text: string })[];
  readonly notes: readonly string[];
  readonly help?: { readonly text: string; readonly edits: readonly (JsonPlace & { readonly text: string })[] };
}

/** Diagnostics with resolved places, ready for `JSON.stringify`. */
export function toJson(diagnostics: readonly Diagnostic[], files: ReadonlyMap<string, SourceFile>): readonly JsonDiagnostic[] {
  const indices = new Map([...files].map(([name, file]) => [name, new LineIndex(file.text)]));
  const empty = new LineIndex("");
  const resolve = ({ file, start, end }: Span): JsonPlace => {
    const index = indices.get(file) ?? empty;
    return { file, start: { ...index.at(start), offset: start }, end: { ...index.at(end), offset: end } };
  };
  return diagnostics.map(({ code, severity, message, labels, notes, help }) => ({
    code,
    severity,
    message,
    labels: labels.map(({ span, text }) => ({ ...resolve(span), text })),
    notes: notes ?? [],
    ...(help === undefined ? {} : { help: { text: help.text, edits: (help.edits ?? []).map(({ span, text }) => ({ ...resolve(span), text })) } }),
  }));
}

/** One JSON document with all diagnostics, indented. */
export function renderJson(diagnostics: readonly Diagnostic[], files: ReadonlyMap<string, SourceFile>): string {
  return `${JSON.stringify(toJson(diagnostics, files), null, 2)}\n`;
}
