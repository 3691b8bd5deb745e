import { Literal } from "./literal.ts";
import { Name } from "./namer.ts";

/** A piece of WGSL text. Made only by {@link wgsl} and the functions of this file, so no foreign string gets in. */
export class Wgsl {
  readonly #brand = "wgsl";
  readonly lines: readonly string[];

  /** @internal Use {@link wgsl}. */
  constructor(lines: readonly string[]) {
    this.lines = lines;
  }

  toString(): string {
    return `${this.#brand} of ${this.lines.length} lines`;
  }
}

/** What a template may be filled with. An array stacks its members and must stand alone on its line. */
export type Hole = Wgsl | Name | Literal | undefined | readonly Hole[];

/**
 * Structured WGSL: the text is dedented, a block put into it takes the indentation of its place, and a line whose
 * holes are all empty and which holds nothing else vanishes.
 */
export function wgsl(strings: TemplateStringsArray, ...holes: readonly Hole[]): Wgsl {
  const out: string[] = [];
  for (const line of dedent(split(strings, holes))) emit(line, out);
  return new Wgsl(out);
}

/** One line: the pieces of `items` with `separator` between them, for argument lists and sums. */
export function join(items: readonly (Wgsl | Name | Literal)[], separator: string): Wgsl {
  return new Wgsl([items.map((item) => inline(item)).join(separator)]);
}

/** `count` blocks, one below the other. */
export function repeat(count: number, block: (i: number) => Hole): readonly Hole[] {
  return Array.from({ length: count }, (_, i) => block(i));
}

/**
 * Line comments from any text: characters that could end the line or the comment are made harmless.
 * WGSL ends lines at U+000A to U+000D, U+0085, U+2028 and U+2029.
 */
export function comment(lines: readonly string[]): Wgsl {
  return new Wgsl(lines.map((line) => `// ${safe(line)}`.trimEnd()));
}

function safe(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, " ")
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .replaceAll("*/", "* /")
    .replaceAll("/*", "/ *");
}

/** The text of a whole module, with a line break at the end. */
export function render(text: Wgsl): string {
  return `${text.lines.join("\n")}\n`;
}

type Piece = { readonly text: string } | { readonly hole: Hole };

function split(strings: TemplateStringsArray, holes: readonly Hole[]): Piece[][] {
  const lines: Piece[][] = [[]];
  strings.forEach((part, i) => {
    part.split("\n").forEach((text, k) => {
      if (k > 0) lines.push([]);
      if (text !== "") lines.at(-1)?.push({ text });
    });
    if (i < holes.length) lines.at(-1)?.push({ hole: holes[i] });
  });
  return lines;
}

/** Drops the blank first and last line of a block template and the indentation its lines have in common; a template of one line stays. */
function dedent(lines: Piece[][]): Piece[][] {
  if (lines.length === 1) return lines;
  const kept = [...lines];
  if (kept.length > 1 && blank(kept[0])) kept.shift();
  if (kept.length > 1 && blank(kept.at(-1))) kept.pop();
  const common = Math.min(...kept.filter((line) => !blank(line)).map((line) => indentation(line).length));
  return kept.map((line) => {
    const [first, ...rest] = line;
    if (first === undefined || !("text" in first)) return line;
    return [{ text: first.text.slice(Math.min(common, indentation(line).length)) }, ...rest];
  });
}

const blank = (line: readonly Piece[] | undefined): boolean =>
  line === undefined || line.every((piece) => "text" in piece && piece.text.trim() === "");

function indentation(line: readonly Piece[]): string {
  const first = line[0];
  return first !== undefined && "text" in first ? (/^\s*/.exec(first.text)?.[0] ?? "") : "";
}

function emit(line: readonly Piece[], out: string[]): void {
  const holes = line.filter((piece) => "hole" in piece);
  const bare = line.every((piece) => "hole" in piece || piece.text.trim() === "");
  const indent = indentation(line);
  if (bare && holes.length > 0) {
    for (const { hole } of holes) out.push(...linesOf(hole).map((text) => (text === "" ? "" : indent + text)));
    return;
  }
  out.push(...line.map((piece) => ("text" in piece ? piece.text : inline(piece.hole, indent))).join("").trimEnd().split("\n"));
}

function linesOf(hole: Hole): readonly string[] {
  if (hole === undefined) return [];
  if (hole instanceof Wgsl) return hole.lines;
  if (hole instanceof Name || hole instanceof Literal) return [hole.text];
  return hole.flatMap((item) => linesOf(item));
}

function inline(hole: Hole, indent = ""): string {
  if (Array.isArray(hole)) throw new Error("internal: an array must stand alone on its line of a WGSL template");
  return linesOf(hole).join(`\n${indent}`);
}
