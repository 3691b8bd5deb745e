import type { IToken } from "chevrotain";
import type * as cst from "../../../grammar/generated/spnet-cst.ts";
import type { Expr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import { first, missing, spanAt, tokenSpan, type BuildContext } from "./context.ts";
import { buildExpr } from "./expressions.ts";

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", '"': '"', "\\": "\\", "{": "{", "}": "}" };

/** Splits a text literal into its literal parts and its `{expressions}`. */
export function buildText(ctx: BuildContext, token: IToken): Expr {
  const span = tokenSpan(ctx, token);
  const { image } = token;
  // Reported with the syntax mistakes.
  if (!isClosed(image)) return missing(span);
  const parts: (string | Expr)[] = [];
  let literal = "";
  for (let i = 1; i < image.length - 1; i++) {
    const c = image[i]!;
    if (c === "\\") {
      literal += escape(ctx, token, i);
      i++;
    } else if (c === "{") {
      const end = image.indexOf("}", i);
      if (end < 0) {
        ctx.report(diagnose("SP0004", {}, [{ span: spanAt(ctx, token.startOffset + i, token.startOffset + i + 1), text: "this brace is never closed" }]));
        return missing(span);
      }
      if (literal !== "") parts.push(literal);
      literal = "";
      parts.push(interpolated(ctx, token, i + 1, end));
      i = end;
    } else {
      literal += c;
    }
  }
  if (literal !== "" || parts.length === 0) parts.push(literal);
  return { kind: "text", parts, span };
}

/** The text of a literal without interpolations (a path, the message of an assertion); undefined otherwise. */
export function plainText(ctx: BuildContext, token: IToken): string | undefined {
  const expr = buildText(ctx, token);
  if (expr.kind !== "text") return undefined;
  const [only, ...more] = expr.parts;
  if (typeof only === "string" && more.length === 0) return only;
  ctx.report(diagnose("SP0005", {}, [{ span: expr.span, text: "this text is needed before anything is evaluated" }]));
  return undefined;
}

/** False when the closing quote is missing, or escaped. */
export function isClosed(image: string): boolean {
  if (image.length < 2 || !image.endsWith('"')) return false;
  let slashes = 0;
  for (let i = image.length - 2; i > 0 && image[i] === "\\"; i--) slashes++;
  return slashes % 2 === 0;
}

function escape(ctx: BuildContext, token: IToken, at: number): string {
  const letter = token.image[at + 1] ?? "";
  const value = escapes[letter];
  if (value === undefined) {
    const start = token.startOffset + at;
    ctx.report(diagnose("SP0006", { letter }, [{ span: spanAt(ctx, start, start + 2), text: "no such escape" }]));
  }
  return value ?? "";
}

function interpolated(ctx: BuildContext, token: IToken, from: number, to: number): Expr {
  const start = token.startOffset + from;
  const end = token.startOffset + to;
  const around = spanAt(ctx, start, end);
  const node = ctx.interpolation(token.image.slice(from, to), start + ctx.shift) as cst.InterpolationCstNode | undefined;
  if (node === undefined) return missing(around);
  return buildExpr({ ...ctx, shift: start + ctx.shift }, first(node.children.expr), spanAt(ctx, start, end));
}
