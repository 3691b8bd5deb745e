import type { IToken } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Stray } from "./strays.ts";
import { beginsDeclaration, type TokenView } from "./tokens.ts";

/** A mistake with where it was noticed. */
export interface Found {
  readonly offset: number;
  readonly diagnostic: Diagnostic;
  readonly token?: IToken;
  readonly stray?: Stray;
}

export interface Kept {
  readonly kept: readonly Diagnostic[];
  /** Names that occur in statements with a mistake. */
  readonly unsure: ReadonlySet<string>;
  /** Those statements, as ranges of offsets. */
  readonly regions: readonly Region[];
}

export interface Region {
  readonly start: number;
  readonly end: number;
}

/**
 * Keeps the first mistake of each statement: what follows it up to the next keyword is most often its consequence.
 * A stray that begins a line begins a statement too, unless the mistake before was noticed at that very token.
 */
export function onePerStatement(view: TokenView, found: readonly Found[]): Kept {
  const sorted = [...found].sort((a, b) => a.offset - b.offset);
  const noticed = new Set(sorted.filter((f) => f.stray === undefined).map((f) => f.offset));
  const starts = new Set(view.tokens.filter((token) => view.beginsHere(token)).map((token) => token.startOffset));
  for (const { stray, offset } of sorted) {
    if (stray !== undefined && !noticed.has(offset) && view.beginsLine(stray.tokens[0]!)) starts.add(offset);
  }
  const borders = [...starts].sort((a, b) => a - b);
  const kept: Diagnostic[] = [];
  const regions: Region[] = [];
  let last = -1;
  for (const each of sorted) {
    const segment = segmentOf(view, borders, each);
    if (segment === last) continue;
    last = segment;
    kept.push(each.diagnostic);
    regions.push({ start: borders[segment - 1] ?? 0, end: borders[segment] ?? Number.MAX_SAFE_INTEGER });
  }
  return { kept, unsure: namesWithin(view, regions), regions: [...regions, ...damage(view, regions, kept)] };
}

/** Number of borders at or before the mistake; one noticed at the keyword of the next statement belongs to the one before. */
function segmentOf(view: TokenView, borders: readonly number[], found: Found): number {
  const atKeyword = found.token !== undefined && view.beginsHere(found.token);
  let low = 0;
  let high = borders.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const border = borders[middle]!;
    if (atKeyword ? border < found.offset : border <= found.offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A broken loop or condition, or a missing brace, makes everything after it in its declaration doubtful. */
function damage(view: TokenView, regions: readonly Region[], kept: readonly Diagnostic[]): readonly Region[] {
  const structural = new Set([t.kw.for, t.kw.if, t.kw.net, t.kw.block]);
  const starts = regions.filter(({ start }) => structural.has(view.at(start)?.tokenType ?? t.Ident)).map((r) => r.start);
  for (const { code, labels } of kept) if (code === "SP0105" && view.at(labels[0]!.span.start)?.tokenType === t.LCurly) starts.push(labels[0]!.span.start);
  const declarations = view.tokens.filter(beginsDeclaration).map((token) => token.startOffset);
  return starts.map((start) => ({ start, end: declarations.find((d) => d > start) ?? Number.MAX_SAFE_INTEGER }));
}

/** Both the tokens and the regions are sorted. */
function namesWithin(view: TokenView, regions: readonly Region[]): ReadonlySet<string> {
  const names = new Set<string>();
  let r = 0;
  for (const token of view.tokens) {
    while (r < regions.length && regions[r]!.end <= token.startOffset) r++;
    if (token.tokenType === t.Ident && token.startOffset >= (regions[r]?.start ?? Number.POSITIVE_INFINITY)) names.add(token.image);
  }
  return names;
}
