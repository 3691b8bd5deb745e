import type { CstNode, IToken } from "chevrotain";
import type * as cst from "../../../grammar/generated/spnet-cst.ts";
import type { Arg, CallExpr, ChainExpr, ChainOperator, CompareOperator, Expr, NameRef } from "../ast.ts";
import { joinSpans, type Span } from "../span.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import { deepest, first, isReal, missing, nameRef, nodeSpan, tokenSpan, type BuildContext } from "./context.ts";
import { buildText } from "./text.ts";

/** The expression of a node, or `missing` where recovery left it out. */
export function buildExpr(ctx: BuildContext, node: cst.ExprCstNode | undefined, around: Span): Expr {
  if (node === undefined) return missing(around);
  const conditional = first(node.children.ifExpr);
  if (conditional !== undefined) return buildIf(ctx, conditional);
  const pipe = first(node.children.pipe);
  return pipe === undefined ? missing(nodeSpan(ctx, node)) : buildPipe(ctx, pipe);
}

function buildIf(ctx: BuildContext, node: cst.IfExprCstNode): Expr {
  const span = nodeSpan(ctx, node);
  const [then, otherwise] = node.children.expr ?? [];
  const condition = buildDisjunction(ctx, first(node.children.disjunction), span);
  return { kind: "ifExpr", condition, then: buildExpr(ctx, then, span), otherwise: buildExpr(ctx, otherwise, span), span };
}

function buildPipe(ctx: BuildContext, node: cst.PipeCstNode): Expr {
  const span = nodeSpan(ctx, node);
  const value = buildDisjunction(ctx, first(node.children.disjunction), span);
  const stages = (node.children.stage ?? []).map((stage) => buildStage(ctx, stage)).filter((stage) => stage !== undefined);
  return stages.length === 0 ? value : { kind: "pipe", value, stages, span };
}

function buildStage(ctx: BuildContext, node: cst.StageCstNode): CallExpr | undefined {
  const callee = first(node.children.Ident);
  if (!isReal(callee)) return undefined;
  return { kind: "call", callee: nameRef(ctx, callee, node), args: buildArgs(ctx, first(node.children.args)), span: nodeSpan(ctx, node) };
}

export function buildArgs(ctx: BuildContext, node: cst.ArgsCstNode | undefined): readonly Arg[] {
  return (node?.children.arg ?? []).map((arg) => {
    const span = nodeSpan(ctx, arg);
    const named = first(arg.children.argName);
    const token = named === undefined ? undefined : (first(named.children.Ident) ?? first(named.children.Sites) ?? first(named.children.Layout));
    const name: NameRef | undefined = named === undefined ? undefined : nameRef(ctx, token, named);
    return { name, value: buildExpr(ctx, first(arg.children.expr), span), span };
  });
}


/** Puts operators between operands; both come in source order within their own lists. */
function chain(ctx: BuildContext, operands: readonly Expr[], operators: readonly IToken[], span: Span): Expr {
  const [head, ...tail] = operands;
  if (head === undefined) return missing(span);
  if (operators.length === 0) return head;
  const sorted = [...operators].sort((a, b) => a.startOffset - b.startOffset);
  const rest: ChainExpr["rest"] = sorted.map((token, i) => ({
    operator: token.image as ChainOperator,
    operatorSpan: tokenSpan(ctx, token),
    operand: tail[i] ?? missing(tokenSpan(ctx, token)),
  }));
  return { kind: "chain", first: head, rest, span };
}

function buildDisjunction(ctx: BuildContext, node: cst.DisjunctionCstNode | undefined, around: Span): Expr {
  if (node === undefined) return missing(around);
  const operands = (node.children.conjunction ?? []).map((n) => buildConjunction(ctx, n));
  return chain(ctx, operands, node.children.Or ?? [], nodeSpan(ctx, node));
}

function buildConjunction(ctx: BuildContext, node: cst.ConjunctionCstNode): Expr {
  const operands = (node.children.negation ?? []).map((n) => buildNegation(ctx, n));
  return chain(ctx, operands, node.children.And ?? [], nodeSpan(ctx, node));
}

function buildComparison(ctx: BuildContext, node: cst.ComparisonCstNode): Expr {
  const span = nodeSpan(ctx, node);
  const c = node.children;
  const [left, right] = (c.sum ?? []).map((n) => buildSum(ctx, n));
  const operator = first(c.Equal) ?? first(c.NotEqual) ?? first(c.LessEqual) ?? first(c.GreaterEqual) ?? first(c.Less) ?? first(c.Greater);
  if (left === undefined) return missing(span);
  if (operator === undefined) return left;
  const operatorSpan = tokenSpan(ctx, operator);
  return { kind: "compare", operator: operator.image as CompareOperator, operatorSpan, left, right: right ?? missing(operatorSpan), span };
}

function buildSum(ctx: BuildContext, node: cst.SumCstNode): Expr {
  const operands = (node.children.product ?? []).map((n) => buildProduct(ctx, n));
  return chain(ctx, operands, [...(node.children.Plus ?? []), ...(node.children.Minus ?? [])], nodeSpan(ctx, node));
}

function buildProduct(ctx: BuildContext, node: cst.ProductCstNode): Expr {
  const c = node.children;
  const operands = (c.unary ?? []).map((n) => buildUnary(ctx, n));
  return chain(ctx, operands, [...(c.Star ?? []), ...(c.Slash ?? []), ...(c.Percent ?? [])], nodeSpan(ctx, node));
}

function buildNegation(ctx: BuildContext, node: cst.NegationCstNode): Expr {
  const inner = first(node.children.comparison);
  return prefixed(ctx, node, node.children.Not ?? [], inner === undefined ? undefined : buildComparison(ctx, inner));
}

function buildUnary(ctx: BuildContext, node: cst.UnaryCstNode): Expr {
  const inner = first(node.children.postfix);
  return prefixed(ctx, node, node.children.Minus ?? [], inner === undefined ? undefined : buildPostfix(ctx, inner));
}

function prefixed(ctx: BuildContext, node: CstNode, operators: readonly IToken[], inner: Expr | undefined): Expr {
  const span = nodeSpan(ctx, node);
  if (operators.length > deepest) return tooDeep(ctx, span);
  return operators.reduceRight<Expr>(
    (operand, token) => ({ kind: "unary", operator: token.image as "-" | "not", operand, span: joinSpans(tokenSpan(ctx, token), operand.span) }),
    inner ?? missing(span),
  );
}

function buildPostfix(ctx: BuildContext, node: cst.PostfixCstNode): Expr {
  const c = node.children;
  const atom = first(c.atom);
  if (atom === undefined) return missing(nodeSpan(ctx, node));
  let expr = buildAtom(ctx, atom);
  const suffixes = [...(c.args ?? []), ...(c.index ?? []), ...(c.member ?? [])].sort((a, b) => (a.location?.startOffset ?? 0) - (b.location?.startOffset ?? 0));
  if (suffixes.length > deepest) return tooDeep(ctx, nodeSpan(ctx, node));
  for (const suffix of suffixes) {
    const span = joinSpans(expr.span, nodeSpan(ctx, suffix));
    if (suffix.name === "args") expr = buildCall(ctx, expr, suffix, span);
    else if (suffix.name === "index") expr = { kind: "index", list: expr, index: buildExpr(ctx, first(suffix.children.expr), span), span };
    else expr = refuseMember(ctx, expr, suffix, span);
  }
  return expr;
}

/** Operators and indices stack up into a tree that later stages walk by recursion. */
function tooDeep(ctx: BuildContext, span: Span): Expr {
  ctx.report(diagnose("SP0109", {}, [{ span, text: `more than ${deepest} deep` }]));
  return missing(span);
}

function buildCall(ctx: BuildContext, callee: Expr, node: cst.ArgsCstNode, span: Span): Expr {
  const args = buildArgs(ctx, node);
  if (callee.kind === "name") return { kind: "call", callee, args, span };
  if (callee.kind !== "missing") ctx.report(diagnose("SP0112", {}, [{ span: callee.span, text: "this is a value" }]));
  return missing(span);
}

function refuseMember(ctx: BuildContext, value: Expr, node: cst.MemberCstNode, span: Span): Expr {
  const member = first(node.children.Ident);
  if (isReal(member) && value.kind !== "missing") {
    ctx.report(diagnose("SP0113", { member: member.image }, [{ span: nodeSpan(ctx, node), text: "values have no members" }]));
  }
  return missing(span);
}

function buildAtom(ctx: BuildContext, node: cst.AtomCstNode): Expr {
  const c = node.children;
  const span = nodeSpan(ctx, node);
  const int = first(c.Int);
  if (isReal(int)) return buildInt(ctx, int);
  const float = first(c.Float);
  if (isReal(float)) return { kind: "float", value: Number(float.image), span };
  const text = first(c.Text);
  if (isReal(text)) return buildText(ctx, text);
  if (isReal(first(c.True))) return { kind: "bool", value: true, span };
  if (isReal(first(c.False))) return { kind: "bool", value: false, span };
  const name = first(c.Ident);
  if (isReal(name)) return nameRef(ctx, name, node);
  const list = first(c.list);
  if (list !== undefined) return { kind: "list", items: buildItems(ctx, list), span };
  const paren = first(c.paren);
  return paren === undefined ? missing(span) : buildExpr(ctx, first(paren.children.expr), span);
}

function buildInt(ctx: BuildContext, token: IToken): Expr {
  const value = Number(token.image);
  const span = tokenSpan(ctx, token);
  if (Number.isSafeInteger(value)) return { kind: "int", value, span };
  ctx.report(diagnose("SP0003", {}, [{ span, text: "larger than 2^53 - 1" }]));
  return missing(span);
}

export function buildItems(ctx: BuildContext, node: cst.ListCstNode): readonly Expr[] {
  return (node.children.expr ?? []).map((e) => buildExpr(ctx, e, nodeSpan(ctx, node)));
}
