import type { Expr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { readSites } from "./annotate.ts";
import type { Argument, OperationSignature, ParameterKind, ParameterSignature } from "./host.ts";
import type { Frame } from "./machine.ts";
import { errorValue, kindNoun, printValue, textValue, type Value } from "./values.ts";

const expectations: Readonly<Record<ParameterKind, string>> = {
  tensor: "features", tensors: "features", int: "a whole number", float: "a number", bool: "true or false", text: "a text",
  ints: "a whole number or one per axis", floats: "a number or one per channel", numbers: "a number or one per axis", word: "a word", onto: "features on the sites that are wanted", sites: "a site set, or features on it",
};

/** A bare word such as `reach`, unless a variable of that name exists. Undefined when the expression is no such word. */
export function wordArgument(frame: Frame, operation: OperationSignature, parameter: ParameterSignature, expr: Expr): Argument | undefined {
  if (expr.kind !== "name" || frame.scope.find(expr.name) !== undefined) return undefined;
  return { value: checkWord(frame, operation.name, parameter, expr.name, expr), span: expr.span };
}

/** A site set as `V` or `V/2`; undefined for other expressions. */
export function siteArgument(frame: Frame, expr: Expr): Argument | undefined {
  const base = expr.kind === "chain" ? expr.first : expr;
  const named = base.kind === "name" ? frame.scope.find(base.name)?.value : undefined;
  if (named?.kind !== "sites") return undefined;
  const sites = readSites(frame, expr);
  const id = sites === undefined ? undefined : frame.machine.net?.coarseSites(sites.root, sites.stride);
  return { value: id === undefined ? errorValue : { kind: "sites", id }, span: expr.span };
}

function checkWord(frame: Frame, operation: string, parameter: ParameterSignature, word: string, at: { readonly span: Expr["span"] }): Value {
  const choices = parameter.choices ?? [];
  if (choices.includes(word)) return textValue(word);
  const expected = choices.map((c) => `\`${c}\``).join(" or ");
  const meant = suggest(word, choices);
  const help = meant === undefined ? {} : { help: { text: `did you mean \`${meant}\`?`, edits: [{ span: at.span, text: meant }] } };
  const found = `\`${word.slice(0, 32)}\``;
  return frame.machine.report(frame, diagnose("SP0210", { parameter: parameter.name, operation, expected, found }, [{ span: at.span, text: "no such choice" }], help));
}

/** The argument when it is of the kind that the parameter takes; the error value after reporting otherwise. */
export function convertArgument(frame: Frame, operation: string, parameter: ParameterSignature, argument: Argument): Argument {
  const { value, span } = argument;
  if (value.kind === "error") return argument;
  if (parameter.kind === "word" && value.kind === "text") return { value: checkWord(frame, operation, parameter, value.value, argument), span };
  // `cat` takes lists of features as well.
  if (fits(parameter.kind, value)) return argument;
  const expected = expectations[parameter.kind];
  const found = value.kind === "list" || value.kind === "tensor" || value.kind === "sites" ? kindNoun(value.kind) : printValue(value);
  const diagnostic = diagnose("SP0210", { parameter: parameter.name, operation, expected, found }, [{ span, text: `this is ${kindNoun(value.kind)}` }]);
  frame.machine.report(frame, diagnostic);
  return { value: errorValue, span };
}

const isNumber = (value: Value): boolean => value.kind === "int" || value.kind === "float";

function fits(kind: ParameterKind, value: Value): boolean {
  switch (kind) {
    case "tensor":
    case "onto":
      return value.kind === "tensor";
    case "tensors":
      return value.kind === "tensor" || (value.kind === "list" && value.items.every((i) => i.kind === "tensor" || i.kind === "error"));
    case "sites":
      return value.kind === "sites" || value.kind === "tensor";
    case "numbers":
      return value.kind === "int" || value.kind === "float" || (value.kind === "list" && value.items.every((i) => i.kind === "int" || i.kind === "float" || i.kind === "error"));
    case "int":
      return value.kind === "int";
    case "float":
      return isNumber(value);
    case "bool":
      return value.kind === "bool";
    case "text":
    case "word":
      return value.kind === "text";
    case "floats":
      return isNumber(value) || (value.kind === "list" && value.items.every((i) => isNumber(i) || i.kind === "error"));
    case "ints":
      return value.kind === "int" || (value.kind === "list" && value.items.every((i) => i.kind === "int" || i.kind === "error"));
  }
}
