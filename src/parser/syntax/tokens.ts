import type { IToken } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import type { Span } from "../span.ts";

const declarationNames = new Set(t.declarationWords.map((w) => t.kw[w].name));
const statementNames = new Set(t.statementWords.map((w) => t.kw[w].name));

/** The tokens of one file with the questions that messages ask of them. */
export class TokenView {
  readonly tokens: readonly IToken[];
  readonly #file: string;
  readonly #text: string;
  readonly #shift: number;

  constructor(file: string, text: string, tokens: readonly IToken[], shift: number) {
    this.#file = file;
    this.#text = text;
    this.tokens = tokens;
    this.#shift = shift;
  }

  span(token: IToken): Span {
    if (isEnd(token)) return this.endSpan();
    return this.between(token, token);
  }

  /** Where something is missing before `token`: behind the token before when `token` is on a later line, else at `token`. */
  gap(token: IToken): Span {
    const before = this.before(token);
    if (before === undefined || (!isEnd(token) && !this.beginsLine(token))) return this.span(token);
    const { end } = this.span(before);
    return { file: this.#file, start: end, end };
  }

  between(from: IToken, to: IToken): Span {
    return { file: this.#file, start: from.startOffset + this.#shift, end: to.startOffset + to.image.length + this.#shift };
  }

  /** An empty span behind the last token. */
  endSpan(): Span {
    const last = this.tokens.at(-1);
    const end = (last === undefined ? 0 : last.startOffset + last.image.length) + this.#shift;
    return { file: this.#file, start: end, end };
  }

  /** Offset in the file; the end of the input counts as behind everything. */
  offset(token: IToken): number {
    return isEnd(token) ? Number.MAX_SAFE_INTEGER : token.startOffset + this.#shift;
  }

  /** Index of the token, or the number of tokens for the end of the input. */
  index(token: IToken): number {
    return isEnd(token) ? this.tokens.length : this.#search(token.startOffset);
  }

  #search(start: number): number {
    let low = 0;
    let high = this.tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tokens[middle]!.startOffset < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The token that begins at an offset. */
  at(offset: number): IToken | undefined {
    const token = this.tokens[this.#search(offset - this.#shift)];
    return token?.startOffset === offset - this.#shift ? token : undefined;
  }

  before(token: IToken): IToken | undefined {
    return this.tokens[this.index(token) - 1];
  }

  after(token: IToken): IToken | undefined {
    return this.tokens[this.index(token) + 1];
  }

  /** True when nothing but blanks stands before the token on its line. */
  beginsLine(token: IToken): boolean {
    const before = this.before(token);
    return before === undefined || this.#text.slice(before.startOffset + before.image.length, token.startOffset).includes("\n");
  }

  /**
   * The bracket before `token` that is most likely the one without a partner: the first brace whose partner stands
   * further left than its own line, else the innermost one still open.
   */
  openBracket(token: IToken): IToken | undefined {
    const open: IToken[] = [];
    let suspect: IToken | undefined;
    for (const each of this.tokens.slice(0, this.index(token))) {
      if (opens(each)) open.push(each);
      else if (closes(each)) {
        const partner = open.findLastIndex((o) => closerOf[o.image] === each.image);
        if (partner < 0) continue;
        const opener = open[partner]!;
        if (opener.tokenType === t.LCurly && this.beginsLine(each) && this.#indent(opener) > this.#indent(each)) suspect ??= opener;
        open.length = partner;
      }
    }
    const last = open.at(-1);
    return last?.tokenType === t.LCurly ? (suspect ?? last) : last;
  }

  /** Blanks at the start of the token's line. */
  #indent(token: IToken): number {
    const start = this.#text.lastIndexOf("\n", token.startOffset) + 1;
    return /^[ \t]*/.exec(this.#text.slice(start, token.startOffset))![0].length;
  }

  /** True for a keyword that begins a statement or declaration here; `if` may also stand inside of an expression. */
  beginsHere(token: IToken): boolean {
    return isWord(token) && (token.tokenType !== t.kw.if || this.beginsLine(token));
  }
}

export const closerOf: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
export const opens = (token: IToken): boolean => token.tokenType === t.LParen || token.tokenType === t.LSquare || token.tokenType === t.LCurly;
export const closes = (token: IToken): boolean => token.tokenType === t.RParen || token.tokenType === t.RSquare || token.tokenType === t.RCurly;

export const isEnd = (token: IToken): boolean => token.tokenType.name === "EOF";
export const beginsDeclaration = (token: IToken): boolean => declarationNames.has(token.tokenType.name);
export const beginsStatement = (token: IToken): boolean => statementNames.has(token.tokenType.name);
const isWord = (token: IToken): boolean => beginsDeclaration(token) || beginsStatement(token);

/** True for a token with which an expression can begin. */
export function beginsValue(token: IToken): boolean {
  const type = token.tokenType;
  return type === t.Ident || type === t.Int || type === t.Float || type === t.Text || type === t.kw.true || type === t.kw.false || type === t.LSquare || type === t.LParen;
}

/** True for a token with which an expression can end. */
export function endsValue(token: IToken): boolean {
  const type = token.tokenType;
  return type === t.Ident || type === t.Int || type === t.Float || type === t.Text || type === t.kw.true || type === t.kw.false || type === t.RSquare || type === t.RParen;
}

/** How a message names a token that is there. */
export function quote(token: IToken): string {
  if (isEnd(token)) return "the end of the file";
  const image = token.image.length > 32 ? `${token.image.slice(0, 29)}…` : token.image;
  return `\`${image}\``;
}
