import type { IToken } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Expectation } from "./provider.ts";
import { beginsDeclaration, beginsStatement, beginsValue, closerOf, isEnd, quote, type TokenView } from "./tokens.ts";

const labels = new Map(t.tokens.map((type) => [type.name, type.LABEL ?? type.name]));
const closers = new Set([t.RParen.name, t.RSquare.name, t.RCurly.name]);

/** Rules that stand for a value; what they expect is too long a list to print. */
const valueRules = new Set(["atom", "expr", "pipe", "postfix", "unary", "negation"]);

/** The message for one syntax mistake at `token`. */
export function syntaxMessage(view: TokenView, token: IToken, { rule, expected }: Expectation): Diagnostic {
  const [only] = expected;
  if (expected.length === 1 && only !== undefined && closers.has(only)) return unclosed(view, token, only);
  return diagnose("SP0102", { expected: describe(rule, expected), found: quote(token) }, [{ span: view.gap(token), text: `expected ${describe(rule, expected)}` }]);
}

function describe(rule: string, expected: readonly string[]): string {
  if (valueRules.has(rule)) return "a value";
  if (rule === "interpolation" || expected[0] === "EOF") return "the end of the expression";
  const names = expected.map((name) => labels.get(name) ?? name);
  return names.length <= 1 ? (names[0] ?? "something else") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

function unclosed(view: TokenView, token: IToken, closer: string): Diagnostic {
  const close = labels.get(closer) ?? closer;
  const inList = closer !== t.RCurly.name;
  if (inList && beginsValue(token)) {
    return diagnose("SP0103", { close, found: quote(token) }, [{ span: view.span(token), text: `expected \`,\` or ${close}` }]);
  }
  const opener = view.openBracket(token);
  const stops = isEnd(token) || beginsDeclaration(token) || beginsStatement(token) || token.tokenType === t.RCurly;
  if (opener !== undefined && stops && `\`${closerOf[opener.image]}\`` === close) {
    const what = inList ? "bracket" : "brace";
    return diagnose("SP0105", { opener: what, close, found: quote(token) }, [
      { span: view.span(opener), text: "opened here" },
      { span: view.span(token), text: `expected ${close} before this` },
    ]);
  }
  return diagnose("SP0102", { expected: inList ? `\`,\` or ${close}` : close, found: quote(token) }, [{ span: view.gap(token), text: `expected ${close}` }]);
}
