import type { IToken } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Stray } from "./strays.ts";
import { isWord, type TokenView } from "./tokens.ts";

/** A mistake with where it was noticed. */
export interface Found {
  readonly offset: number;
  readonly diagnostic: Diagnostic;
  readonly token?: IToken;
  readonly stray?: Stray;
}

/**
 * Keeps the first mistake of each statement: what follows it up to the next keyword is most often its consequence.
 * A stray that begins a line begins a statement too, unless the mistake before was noticed at that very token.
 */
export function onePerStatement(view: TokenView, found: readonly Found[]): { readonly kept: readonly Diagnostic[]; readonly unsure: ReadonlySet<string> } {
  const sorted = [...found].sort((a, b) => a.offset - b.offset);
  const noticed = new Set(sorted.filter((f) => f.stray === undefined).map((f) => f.offset));
  const starts = new Set(view.tokens.filter(isWord).map((token) => token.startOffset));
  for (const { stray, offset } of sorted) {
    if (stray !== undefined && !noticed.has(offset) && view.beginsLine(stray.tokens[0]!)) starts.add(offset);
  }
  const borders = [...starts].sort((a, b) => a - b);
  const kept: Diagnostic[] = [];
  const unsure = new Set<string>();
  let last = -1;
  for (const each of sorted) {
    const segment = segmentOf(borders, each);
    if (segment === last) continue;
    last = segment;
    kept.push(each.diagnostic);
    for (const name of namesBetween(view, borders[segment - 1] ?? 0, borders[segment] ?? Number.POSITIVE_INFINITY)) unsure.add(name);
  }
  return { kept, unsure };
}

/** Number of borders at or before the mistake; one noticed at the keyword of the next statement belongs to the one before. */
function segmentOf(borders: readonly number[], found: Found): number {
  const atKeyword = found.token !== undefined && isWord(found.token);
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

function namesBetween(view: TokenView, start: number, end: number): readonly string[] {
  return view.tokens.filter((token) => token.tokenType === t.Ident && token.startOffset >= start && token.startOffset < end).map((token) => token.image);
}
