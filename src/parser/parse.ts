import type { CstNode, ILexingResult, IToken } from "chevrotain";
import type * as cst from "../../grammar/generated/spnet-cst.ts";
import { SpnetParser } from "../../grammar/spnet.ts";
import * as t from "../../grammar/tokens.ts";
import type { SourceUnit } from "./ast.ts";
import { deepest, type BuildContext } from "./build/context.ts";
import { buildFile } from "./build/file.ts";
import { isClosed } from "./build/text.ts";
import { diagnose } from "./diagnostics/catalog.ts";
import type { Diagnostic } from "./diagnostics/diagnostic.ts";
import type { SourceFile } from "./span.ts";
import { syntaxMessage } from "./syntax/messages.ts";
import { expectationProvider, unpack } from "./syntax/provider.ts";
import { onePerStatement, type Found, type Region } from "./syntax/segments.ts";
import { findStrays, strayMessage } from "./syntax/strays.ts";
import { beginsDeclaration, closes, opens, TokenView } from "./syntax/tokens.ts";

export interface ParseResult {
  readonly unit: SourceUnit;
  readonly diagnostics: readonly Diagnostic[];
  /** Names inside statements with syntax mistakes: what is unknown among them needs no message of its own. */
  readonly unsure: ReadonlySet<string>;
  /** Statements with syntax mistakes: what else is wrong with them is most often a consequence. */
  readonly regions: readonly Region[];
  /** True when a definition has lost its name, and every unknown name may be that one. */
  readonly nameless: boolean;
}

const parser = new SpnetParser({ errorMessageProvider: expectationProvider });

/** Parses one file. Never throws for its text; whatever is wrong is in the diagnostics, one per mistake. */
export function parseSource(source: SourceFile): ParseResult {
  const lexed = t.spnetLexer.tokenize(source.text);
  const view = new TokenView(source.name, source.text, lexed.tokens, 0);
  const found = [...lexicalMistakes(source.name, lexed, 0), ...unclosedTexts(view)];
  const tooDeep = depthMistake(view);
  if (tooDeep !== undefined) {
    const unit: SourceUnit = { kind: "file", span: { file: source.name, start: 0, end: source.text.length }, imports: [], declarations: [] };
    return { unit, diagnostics: [...found.map((f) => f.diagnostic), tooDeep], unsure: new Set(), regions: [], nameless: false };
  }
  parser.input = lexed.tokens;
  const root = parser.file() as cst.FileCstNode;
  found.push(...syntaxMistakes(view), ...findStrays(view, root).map((stray) => ({ offset: stray.tokens[0]!.startOffset, stray, diagnostic: strayMessage(view, stray) })));
  const header = headerMistake(source, root, view);
  const { kept, unsure, regions } = onePerStatement(view, found);
  const diagnostics = [...(header === undefined ? [] : [header]), ...kept];
  // Recovery may take the next name for one that is missing.
  let nameless = parser.errors.some((error) => unpack(error.message).expected.join() === t.Ident.name);
  const unit = buildFile(buildContext(source, diagnostics, () => (nameless = true)), root, lexed.groups["docs"] ?? []);
  return { unit, diagnostics, unsure, regions, nameless };
}

function buildContext(source: SourceFile, diagnostics: Diagnostic[], nameless: () => void): BuildContext {
  return {
    file: source.name,
    text: source.text,
    shift: 0,
    nameless,
    report: (diagnostic) => diagnostics.push(diagnostic),
    interpolation: (text, offset) => parseInterpolation(source, text, offset, diagnostics),
  };
}

function parseInterpolation(source: SourceFile, text: string, offset: number, diagnostics: Diagnostic[]): CstNode | undefined {
  const lexed = t.spnetLexer.tokenize(text);
  const view = new TokenView(source.name, text, lexed.tokens, offset);
  parser.input = lexed.tokens;
  const node = parser.interpolation();
  const [mistake] = [...lexicalMistakes(source.name, lexed, offset), ...syntaxMistakes(view)];
  if (mistake === undefined) return node;
  diagnostics.push(mistake.diagnostic);
  return undefined;
}

function lexicalMistakes(file: string, lexed: ILexingResult, shift: number): Found[] {
  return lexed.errors.map((error) => {
    const start = error.offset + shift;
    const [character = ""] = error.message.match(/(?<=->)[^]*?(?=<-)/u) ?? [];
    const help = character === "'" ? { help: { text: 'texts stand in double quotes: `"…"`' } } : {};
    const name = /\p{Cc}|\p{Cf}|\s/u.test(character) || character === "" ? `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}` : `\`${character}\``;
    const diagnostic = diagnose("SP0001", { character: name }, [{ span: { file, start, end: start + error.length }, text: "not part of the language" }], help);
    return { offset: start, diagnostic };
  });
}

function unclosedTexts(view: TokenView): Found[] {
  return view.tokens
    .filter((token) => token.tokenType === t.Text && !isClosed(token.image))
    .map((token) => ({ offset: view.offset(token), diagnostic: diagnose("SP0002", {}, [{ span: view.span(token), text: "a text ends on the line where it begins" }]) }));
}

function syntaxMistakes(view: TokenView): Found[] {
  return parser.errors.map((error) => ({ offset: view.offset(error.token), token: error.token, diagnostic: syntaxMessage(view, error.token, unpack(error.message)) }));
}

function headerMistake(source: SourceFile, root: cst.FileCstNode, view: TokenView): Diagnostic | undefined {
  const header = root.children.header?.[0];
  if (header === undefined) {
    const span = { file: source.name, start: 0, end: 0 };
    return diagnose("SP0110", {}, [{ span, text: "here" }], { help: { text: "spnet 1", edits: [{ span, text: "spnet 1\n" }] } });
  }
  const version = header.children.Int?.[0];
  if (version === undefined || Number(version.image) === 1 || version.image === "") return undefined;
  return diagnose("SP0111", { version: version.image.slice(0, 20) }, [{ span: view.span(version), text: "this compiler reads version 1" }]);
}

/** Refuses before recursion could exhaust the stack: brackets and conditional expressions more than 100 deep. */
function depthMistake(view: TokenView): Diagnostic | undefined {
  let braces = 0;
  let brackets = 0;
  let conditionals = 0;
  const refuse = (token: IToken): Diagnostic => diagnose("SP0109", {}, [{ span: view.span(token), text: `more than ${deepest} deep here` }]);
  for (const token of view.tokens) {
    const braced = token.tokenType === t.LCurly || token.tokenType === t.RCurly;
    const change = opens(token) ? 1 : closes(token) ? -1 : 0;
    if (braced) braces = Math.max(0, braces + change);
    else brackets = Math.max(0, brackets + change);
    // Brackets end with their statement, braces with their declaration, whether or not they are closed.
    if (view.beginsHere(token)) brackets = conditionals = 0;
    if (beginsDeclaration(token)) braces = 0;
    if (token.tokenType === t.kw.then) conditionals++;
    if (braces + brackets > deepest || conditionals > deepest) return refuse(token);
  }
  return undefined;
}
