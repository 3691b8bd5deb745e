import { LineIndex } from "../line-index.ts";
import type { SourceFile } from "../span.ts";
import type { Diagnostic, Label } from "./diagnostic.ts";

export interface RenderOptions {
  /** ANSI colours; off unless asked for. */
  readonly color?: boolean;
}

const widest = 160;
const red = "\u001b[1;31m";
const yellow = "\u001b[1;33m";
const blue = "\u001b[1;34m";
const bold = "\u001b[1m";
const reset = "\u001b[0m";

/** All diagnostics with their sources, and a closing line with their number. Empty for none. */
export function renderText(diagnostics: readonly Diagnostic[], files: ReadonlyMap<string, SourceFile>, options: RenderOptions = {}): string {
  if (diagnostics.length === 0) return "";
  const errors = diagnostics.filter((d) => d.severity === "error").length;
  const warnings = diagnostics.length - errors;
  const count = (n: number, noun: string): readonly string[] => (n === 0 ? [] : [`${n} ${noun}${n === 1 ? "" : "s"}`]);
  const summary = [...count(errors, "error"), ...count(warnings, "warning")].join(", ");
  return `${diagnostics.map((d) => renderDiagnostic(d, files, options)).join("\n")}\n${summary}\n`;
}

/** One diagnostic: headline, the places with their lines, notes and help. */
export function renderDiagnostic(diagnostic: Diagnostic, files: ReadonlyMap<string, SourceFile>, { color = false }: RenderOptions = {}): string {
  const paint = (style: string, text: string): string => (color ? `${style}${text}${reset}` : text);
  const loud = diagnostic.severity === "error" ? red : yellow;
  const out = [`${paint(loud, `${diagnostic.severity}[${diagnostic.code}]`)}${paint(bold, `: ${printable(diagnostic.message)}`)}`];
  const marks = diagnostic.labels.map((label, i) => place(label, i === 0, files));
  const gutter = String(Math.max(1, ...marks.map((m) => m.line))).length;
  const bar = `${" ".repeat(gutter)} ${paint(blue, "|")}`;
  for (const [file, group] of byFile(marks)) {
    const [head] = group;
    out.push(`${" ".repeat(gutter)}${paint(blue, file === marks[0]?.file ? "-->" : ":::")} ${printable(file)}:${head!.line}:${head!.column}`, bar);
    let previous = 0;
    for (const line of [...new Set(group.map((m) => m.line))].sort((a, b) => a - b)) {
      if (previous !== 0 && line > previous + 1) out.push(paint(blue, "..."));
      previous = line;
      const here = group.filter((m) => m.line === line);
      const window = cut(here[0]!.source, here.map((m) => m.from), here.map((m) => m.to));
      out.push(`${paint(blue, `${String(line).padStart(gutter)} |`)} ${window.text}`);
      for (const mark of here) {
        const [from, to] = [window.column(mark.from), window.column(mark.to)];
        const underline = (mark.primary ? "^" : "-").repeat(Math.max(1, to - from));
        const text = mark.text === "" ? "" : ` ${printable(mark.text)}`;
        out.push(`${bar} ${" ".repeat(from)}${paint(mark.primary ? loud : blue, `${underline}${text}`)}`);
      }
    }
  }
  for (const note of diagnostic.notes ?? []) out.push(`${" ".repeat(gutter)} ${paint(blue, "=")} note: ${printable(note)}`);
  if (diagnostic.help !== undefined) out.push(`${" ".repeat(gutter)} ${paint(blue, "=")} help: ${printable(diagnostic.help.text)}`);
  return `${out.join("\n")}\n`;
}

interface Mark {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The text of the line, and the marked part of it in UTF-16 units from 0. */
  readonly source: string;
  readonly from: number;
  readonly to: number;
  readonly primary: boolean;
  readonly text: string;
}

function place(label: Label, primary: boolean, files: ReadonlyMap<string, SourceFile>): Mark {
  const { file, start, end } = label.span;
  const text = files.get(file)?.text ?? "";
  const { line, column } = new LineIndex(text).at(start);
  const from = column - 1;
  const rest = text.slice(start - from);
  const newline = rest.search(/\r?\n/);
  const source = newline < 0 ? rest : rest.slice(0, newline);
  return { file, line, column, source, from, to: Math.min(Math.max(end - (start - from), from), source.length), primary, text: label.text };
}

/** Groups in the order in which files are first mentioned, the primary's first. */
function byFile(marks: readonly Mark[]): ReadonlyMap<string, readonly Mark[]> {
  const groups = new Map<string, Mark[]>();
  for (const mark of marks) groups.set(mark.file, [...(groups.get(mark.file) ?? []), mark]);
  return groups;
}

/** The part of a line that is shown, with tabs and control characters made visible, and where its columns went. */
function cut(source: string, starts: readonly number[], ends: readonly number[]): { readonly text: string; column(at: number): number } {
  const from = source.length <= widest ? 0 : Math.max(0, Math.min(...starts) - 20);
  const to = Math.min(source.length, Math.max(from + widest, Math.min(Math.max(...ends), from + widest)));
  const lead = from > 0 ? "…" : "";
  const shown = (a: number, b: number): string => printable(source.slice(a, b).replaceAll("\t", "    "));
  return {
    text: `${lead}${shown(from, to)}${to < source.length ? "…" : ""}`,
    column: (at) => lead.length + shown(from, Math.min(Math.max(at, from), to)).length,
  };
}

/** Text from a file may hold anything: control and direction characters must not reach a terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
