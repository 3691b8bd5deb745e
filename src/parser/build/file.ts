import type { IToken } from "chevrotain";
import type * as cst from "../../../grammar/generated/spnet-cst.ts";
import type { Declaration, ImportDecl, Param, SourceUnit } from "../ast.ts";
import { spanAt, first, isReal, nameDef, nodeSpan, tokenSpan, type BuildContext } from "./context.ts";
import { buildExpr } from "./expressions.ts";
import { buildAnnotation, buildBody, buildType } from "./statements.ts";
import { plainText } from "./text.ts";

/** Builds the tree of a file from its CST, whatever recovery left of it. */
export function buildFile(ctx: BuildContext, node: cst.FileCstNode, docs: readonly IToken[]): SourceUnit {
  return {
    kind: "file",
    span: spanAt(ctx, 0, ctx.text.length),
    imports: (node.children.importDecl ?? []).map((i) => buildImport(ctx, i)),
    declarations: (node.children.declaration ?? []).map((d) => buildDeclaration(ctx, d, docs)).filter((d) => d !== undefined),
  };
}

function buildImport(ctx: BuildContext, node: cst.ImportDeclCstNode): ImportDecl {
  const items = (node.children.importItem ?? []).map((item) => {
    const [name, local] = item.children.Ident ?? [];
    const def = nameDef(ctx, name, item);
    return { name: def, local: isReal(local) ? nameDef(ctx, local, item) : def };
  });
  const token = first(node.children.Text);
  const text = isReal(token) ? plainText(ctx, token) : undefined;
  const path = text === undefined || !isReal(token) ? undefined : { text, span: tokenSpan(ctx, token) };
  return { kind: "import", items: items.filter((i) => i.name.name !== ""), path, span: nodeSpan(ctx, node) };
}

function buildDeclaration(ctx: BuildContext, node: cst.DeclarationCstNode, docs: readonly IToken[]): Declaration | undefined {
  const c = node.children;
  const span = nodeSpan(ctx, node);
  const common = { exported: isReal(first(c.Export)), doc: docBefore(ctx, span.start - ctx.shift, docs), span };
  const constant = first(c.constDecl);
  if (constant !== undefined) {
    const name = nameDef(ctx, first(constant.children.Ident), constant);
    return { kind: "const", name, annotation: buildAnnotation(ctx, first(constant.children.annotation)), value: buildExpr(ctx, first(constant.children.expr), span), ...common };
  }
  const block = first(c.blockDecl);
  if (block !== undefined) {
    const parts = { name: nameDef(ctx, first(block.children.Ident), block), params: buildParams(ctx, first(block.children.params)) };
    return { kind: "block", ...parts, result: buildType(ctx, first(block.children.type)), body: buildBody(ctx, first(block.children.body), span), ...common };
  }
  const net = first(c.netDecl);
  if (net === undefined) return undefined;
  const parts = { name: nameDef(ctx, first(net.children.Ident), net), params: buildParams(ctx, first(net.children.params)) };
  return { kind: "net", ...parts, body: buildBody(ctx, first(net.children.body), span), ...common };
}

function buildParams(ctx: BuildContext, node: cst.ParamsCstNode | undefined): readonly Param[] {
  return (node?.children.param ?? []).map((param) => {
    const span = nodeSpan(ctx, param);
    const value = first(param.children.expr);
    return {
      name: nameDef(ctx, first(param.children.Ident), param),
      annotation: buildAnnotation(ctx, first(param.children.annotation)),
      value: value === undefined ? undefined : buildExpr(ctx, value, span),
      span,
    };
  });
}

/** The `///` lines that end right before `offset`, with nothing but blanks between. */
function docBefore(ctx: BuildContext, offset: number, docs: readonly IToken[]): string {
  const lines: string[] = [];
  let end = offset;
  for (let i = docs.length - 1; i >= 0; i--) {
    const token = docs[i]!;
    const after = token.startOffset + token.image.length;
    if (after > end) continue;
    if (ctx.text.slice(after, end).trim() !== "") break;
    lines.unshift(token.image.replace(/^\/\/\/ ?/, ""));
    end = token.startOffset;
  }
  return lines.join("\n");
}
