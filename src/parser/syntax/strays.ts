import type { CstNode, IToken } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { closes, endsValue, opens, quote, type TokenView } from "./tokens.ts";

/** A stretch of text that belongs to no statement. */
export interface Stray {
  readonly tokens: readonly IToken[];
  readonly inBody: boolean;
}

/** All strays of a CST in source order, one per line that looks like a statement of its own. */
export function findStrays(view: TokenView, root: CstNode): readonly Stray[] {
  const found: Stray[] = [];
  const visit = (node: CstNode): void => {
    for (const children of Object.values(node.children)) {
      for (const child of children) {
        if (!("children" in child)) continue;
        if (child.name === "stray" || child.name === "strayFile") found.push(...split(view, child));
        visit(child);
      }
    }
  };
  visit(root);
  return found.sort((a, b) => a.tokens[0]!.startOffset - b.tokens[0]!.startOffset);
}

function split(view: TokenView, node: CstNode): readonly Stray[] {
  // A stray pair of braces is a body of its own; here it is its opening brace.
  const elements = Object.values(node.children).flat().map((c) => ("image" in c ? c : c.children["LCurly"]?.[0]));
  const tokens = elements.filter((c): c is IToken => c !== undefined && "image" in c).sort((a, b) => a.startOffset - b.startOffset);
  const inBody = node.name === "stray";
  const pieces: IToken[][] = [];
  let depth = 0;
  for (const token of tokens) {
    const startsAnew = inBody && depth <= 0 && token.tokenType === t.Ident && view.beginsLine(token);
    if (pieces.length === 0 || startsAnew) pieces.push([]);
    if (opens(token) && token.tokenType !== t.LCurly) depth++;
    if (closes(token) && token.tokenType !== t.RCurly) depth--;
    pieces.at(-1)!.push(token);
  }
  return pieces.map((piece) => ({ tokens: piece, inBody }));
}

/** The message for a stray. */
export function strayMessage(view: TokenView, stray: Stray): Diagnostic {
  const [head, next] = stray.tokens;
  if (head === undefined) throw new Error("internal: a stray has no token");
  return stray.inBody ? inBody(view, head, next) : inFile(view, head);
}

function inBody(view: TokenView, head: IToken, next: IToken | undefined): Diagnostic {
  const span = view.span(head);
  const before = view.before(head);
  const isName = head.tokenType === t.Ident;
  if (isName && next !== undefined && (next.tokenType === t.Assign || next.tokenType === t.PlusAssign)) {
    const help = { text: `set ${head.image} ${next.image} …`, edits: [{ span: { ...span, end: span.start }, text: "set " }] };
    return diagnose("SP0107", {}, [{ span, text: "a statement begins with a keyword" }], { help });
  }
  if (before !== undefined && endsValue(before) && !(isName && view.beginsLine(head))) return cannotFollow(view, head, before);
  if (isName) return unknownStatement(view, head, next, t.statementWords);
  const holes = { found: quote(head), before: before === undefined ? "nothing" : quote(before) };
  return diagnose("SP0104", holes, [{ span, text: "a statement begins with a keyword" }]);
}

function cannotFollow(view: TokenView, head: IToken, before: IToken): Diagnostic {
  const span = view.span(head);
  const type = head.tokenType;
  if (type === t.Plus || type === t.Minus || type === t.Star || type === t.Slash || type === t.Percent) {
    return diagnose("SP0108", {}, [{ span, text: "the pipe ends before this" }], { help: { text: "put the pipe in parentheses, or name its result with `let`" } });
  }
  const labels = [{ span, text: "the expression ends before this" }];
  const holes = { found: quote(head), before: quote(before) };
  if (type !== t.Ident) return diagnose("SP0104", holes, labels);
  const help = { text: `\`|> ${head.image}\` hands the value on`, edits: [{ span: { ...span, end: span.start }, text: "|> " }] };
  return diagnose("SP0104", holes, labels, { help });
}

function unknownStatement(view: TokenView, head: IToken, next: IToken | undefined, words: readonly string[]): Diagnostic {
  const span = view.span(head);
  const labels = [{ span, text: "no statement begins so" }];
  const meant = suggest(head.image, words);
  if (meant !== undefined && next?.tokenType !== t.LParen) {
    return diagnose("SP0101", { word: head.image }, labels, { help: { text: `did you mean \`${meant}\`?`, edits: [{ span, text: meant }] } });
  }
  const help = next?.tokenType === t.LParen ? { text: "a step of a pipe begins with `|>`; a value is named with `let name = …`" } : { text: `a statement begins with ${words.map((w) => `\`${w}\``).join(", ")}` };
  return diagnose("SP0101", { word: head.image }, labels, { help });
}

function inFile(view: TokenView, head: IToken): Diagnostic {
  const span = view.span(head);
  if (head.tokenType === t.Ident) return unknownStatement(view, head, view.after(head), t.declarationWords);
  const before = view.before(head);
  const labels = [{ span, text: "no net or block is open here" }];
  if (before?.tokenType === t.RCurly) labels.push({ span: view.span(before), text: "the last one ended here" });
  return diagnose("SP0106", { word: quote(head) }, labels);
}
