import type * as cst from "../../../grammar/generated/spnet-cst.ts";
import type { Body, Stmt, TypeExpr } from "../ast.ts";
import type { Span } from "../span.ts";
import { first, isReal, nameDef, nameRef, nodeSpan, tokenSpan, type BuildContext } from "./context.ts";
import { buildArgs, buildExpr, buildItems } from "./expressions.ts";
import { plainText } from "./text.ts";

export function buildBody(ctx: BuildContext, node: cst.BodyCstNode | undefined, around: Span): Body {
  if (node === undefined) return { statements: [], span: around };
  const statements = (node.children.statement ?? []).map((s) => buildStatement(ctx, s)).filter((s) => s !== undefined);
  return { statements, span: nodeSpan(ctx, node) };
}

/** Undefined for a stray stretch of text, which the syntax errors speak of. */
function buildStatement(ctx: BuildContext, node: cst.StatementCstNode): Stmt | undefined {
  const c = node.children;
  return (
    buildHeaderStatement(ctx, c) ??
    (c.letStmt?.[0] && buildBinding(ctx, c.letStmt[0], false)) ??
    (c.varStmt?.[0] && buildBinding(ctx, c.varStmt[0], true)) ??
    (c.setStmt?.[0] && buildSet(ctx, c.setStmt[0])) ??
    (c.outputStmt?.[0] && buildOutput(ctx, c.outputStmt[0])) ??
    (c.forStmt?.[0] && buildFor(ctx, c.forStmt[0])) ??
    (c.ifStmt?.[0] && buildIf(ctx, c.ifStmt[0])) ??
    (c.returnStmt?.[0] && buildReturn(ctx, c.returnStmt[0])) ??
    (c.assertStmt?.[0] && buildAssert(ctx, c.assertStmt[0]))
  );
}

function buildHeaderStatement(ctx: BuildContext, c: cst.StatementCstChildren): Stmt | undefined {
  const choice = first<cst.DialectStmtCstNode | cst.LayoutStmtCstNode>(c.dialectStmt) ?? first(c.layoutStmt);
  if (choice !== undefined) {
    const name = nameDef(ctx, first(choice.children.Ident), choice);
    return { kind: choice.name === "dialectStmt" ? "dialect" : "layout", name, span: nodeSpan(ctx, choice) };
  }
  const sites = first(c.sitesStmt);
  if (sites !== undefined) return buildSites(ctx, sites);
  const input = first(c.inputStmt);
  if (input === undefined) return undefined;
  const span = nodeSpan(ctx, input);
  return { kind: "input", name: nameDef(ctx, first(input.children.Ident), input), annotation: buildAnnotation(ctx, first(input.children.annotation)), span };
}

function buildSites(ctx: BuildContext, node: cst.SitesStmtCstNode): Stmt {
  const axes = (node.children.axis ?? []).map((axis) => {
    const extent = first(axis.children.expr);
    return { name: nameDef(ctx, first(axis.children.Ident), axis), extent: extent === undefined ? undefined : buildExpr(ctx, extent, nodeSpan(ctx, axis)) };
  });
  const clause = first(node.children.ground);
  const ground = clause === undefined ? undefined : buildExpr(ctx, first(clause.children.expr), nodeSpan(ctx, clause));
  const from = first(node.children.siteSource);
  const span = from === undefined ? undefined : nodeSpan(ctx, from);
  const source = from === undefined ? undefined : { kind: "call" as const, callee: nameRef(ctx, first(from.children.Ident), from), args: buildArgs(ctx, first(from.children.args)), span: span! };
  return { kind: "sites", name: nameDef(ctx, first(node.children.Ident), node), axes, ground, source, span: nodeSpan(ctx, node) };
}

function bindingParts(ctx: BuildContext, node: cst.LetStmtCstNode | cst.VarStmtCstNode | cst.OutputStmtCstNode) {
  const span = nodeSpan(ctx, node);
  const binding = first(node.children.binding);
  const value = buildExpr(ctx, first(binding?.children.expr), span);
  return { name: nameDef(ctx, first(binding?.children.Ident), node), annotation: buildAnnotation(ctx, first(binding?.children.annotation)), value, span };
}

function buildBinding(ctx: BuildContext, node: cst.LetStmtCstNode | cst.VarStmtCstNode, variable: boolean): Stmt {
  return { kind: "let", variable, ...bindingParts(ctx, node) };
}

function buildOutput(ctx: BuildContext, node: cst.OutputStmtCstNode): Stmt {
  return { kind: "output", ...bindingParts(ctx, node) };
}

function buildSet(ctx: BuildContext, node: cst.SetStmtCstNode): Stmt {
  const c = node.children;
  const span = nodeSpan(ctx, node);
  return { kind: "set", target: nameRef(ctx, first(c.Ident), node), add: isReal(first(c.PlusAssign)), value: buildExpr(ctx, first(c.expr), span), span };
}

function buildFor(ctx: BuildContext, node: cst.ForStmtCstNode): Stmt {
  const c = node.children;
  const span = nodeSpan(ctx, node);
  const [from, end] = c.expr ?? [];
  const hasEnd = first(c.DotDot) !== undefined;
  return {
    kind: "for",
    name: nameDef(ctx, first(c.Ident), node),
    from: buildExpr(ctx, from, span),
    end: hasEnd ? buildExpr(ctx, end, span) : undefined,
    body: buildBody(ctx, first(c.body), span),
    span,
  };
}

function buildIf(ctx: BuildContext, node: cst.IfStmtCstNode): Stmt {
  const c = node.children;
  const span = nodeSpan(ctx, node);
  const arms = [node, ...(c.elseIf ?? [])].map((arm) => ({
    condition: buildExpr(ctx, first(arm.children.expr), span),
    body: buildBody(ctx, first(arm.children.body), span),
  }));
  const last = first(c.elseBody);
  return { kind: "if", arms, otherwise: last === undefined ? undefined : buildBody(ctx, first(last.children.body), span), span };
}

function buildReturn(ctx: BuildContext, node: cst.ReturnStmtCstNode): Stmt {
  const span = nodeSpan(ctx, node);
  return { kind: "return", value: buildExpr(ctx, first(node.children.expr), span), span };
}

function buildAssert(ctx: BuildContext, node: cst.AssertStmtCstNode): Stmt {
  const span = nodeSpan(ctx, node);
  const text = first(node.children.Text);
  return { kind: "assert", condition: buildExpr(ctx, first(node.children.expr), span), message: isReal(text) ? plainText(ctx, text) : undefined, span };
}

export function buildAnnotation(ctx: BuildContext, node: cst.AnnotationCstNode | undefined): TypeExpr | undefined {
  return buildType(ctx, first(node?.children.type));
}

export function buildType(ctx: BuildContext, node: cst.TypeCstNode | undefined): TypeExpr | undefined {
  const name = first(node?.children.Ident);
  if (node === undefined || !isReal(name)) return undefined;
  const list = first(node.children.list);
  return { kind: "type", name: name.image, nameSpan: tokenSpan(ctx, name), args: list === undefined ? [] : buildItems(ctx, list), span: nodeSpan(ctx, node) };
}
