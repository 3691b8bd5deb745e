/** A half-open range of UTF-16 offsets in one source file. Line and column exist only when rendering. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A source text by the name under which messages and locations speak of it. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** The smallest span that covers both. They must be of the same file. */
export function joinSpans(a: Span, b: Span): Span {
  return { file: a.file, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}
