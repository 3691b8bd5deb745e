import type { CstNode, IToken } from "chevrotain";
import type { Span } from "../span.ts";
import type { MissingExpr, NameDef, NameRef } from "../ast.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";

/** What the builders of one file share. */
export interface BuildContext {
  readonly file: string;
  readonly text: string;
  /** Added to every offset: not 0 inside a text literal. */
  readonly shift: number;
  report(diagnostic: Diagnostic): void;
  /** Tells that a definition has lost its name to a syntax mistake. */
  nameless(): void;
  /** Parses the inside of `{…}` in a text literal; undefined after a syntax mistake, which is reported. */
  interpolation(source: string, offset: number): CstNode | undefined;
}

/** How deep brackets, conditional expressions and unary operators may be nested. */
export const deepest = 100;

/** The first of children that recovery may have left out, whatever the generated type says. */
export function first<T>(children: readonly T[] | undefined): T | undefined {
  return children?.[0];
}

export function spanAt(ctx: BuildContext, start: number, end: number): Span {
  return { file: ctx.file, start: start + ctx.shift, end: end + ctx.shift };
}

/** A token that recovery made up has no place (-1 or NaN). */
export function isReal(token: IToken | undefined): token is IToken {
  return token !== undefined && Number.isFinite(token.startOffset) && token.startOffset >= 0 && token.isInsertedInRecovery !== true;
}

export function tokenSpan(ctx: BuildContext, token: IToken): Span {
  return spanAt(ctx, token.startOffset, token.startOffset + token.image.length);
}

export function nodeSpan(ctx: BuildContext, node: CstNode): Span {
  const start = node.location?.startOffset ?? Number.NaN;
  if (!Number.isFinite(start) || start < 0) return spanAt(ctx, 0, 0);
  const end = node.location?.endOffset ?? Number.NaN;
  return spanAt(ctx, start, Number.isFinite(end) && end >= start ? end + 1 : start);
}

export function missing(span: Span): MissingExpr {
  return { kind: "missing", span };
}

export function nameDef(ctx: BuildContext, token: IToken | undefined, within: CstNode): NameDef {
  if (!isReal(token)) {
    ctx.nameless();
    return { kind: "nameDef", name: "", span: nodeSpan(ctx, within) };
  }
  return { kind: "nameDef", name: token.image, span: tokenSpan(ctx, token) };
}

export function nameRef(ctx: BuildContext, token: IToken | undefined, within: CstNode): NameRef {
  if (!isReal(token)) return { kind: "name", name: "", span: nodeSpan(ctx, within) };
  return { kind: "name", name: token.image, span: tokenSpan(ctx, token) };
}
