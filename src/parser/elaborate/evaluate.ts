import type { Expr, TextExpr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Span } from "../span.ts";
import { evaluateCall, evaluatePipe } from "./calls.ts";
import { limits, type Frame } from "./machine.ts";
import { evaluateChain, evaluateCompare, evaluateUnary } from "./operators.ts";
import { boolValue, errorValue, floatValue, intValue, kindNoun, printValue, textValue, type Value } from "./values.ts";

/** The value of an expression. What is wrong is reported and gives the error value, which stays silent ever after. */
export function evaluate(frame: Frame, expr: Expr): Value {
  frame.machine.step(frame, expr.span);
  switch (expr.kind) {
    case "int":
      return intValue(expr.value);
    case "float":
      return floatValue(expr.value);
    case "bool":
      return boolValue(expr.value);
    case "text":
      return evaluateText(frame, expr);
    case "name":
      return lookUp(frame, expr.name);
    case "list":
      return { kind: "list", items: expr.items.map((item) => evaluate(frame, item)) };
    case "index":
      return evaluateIndex(frame, expr);
    case "call":
      return evaluateCall(frame, expr, undefined);
    case "pipe":
      return evaluatePipe(frame, expr);
    case "chain":
      return evaluateChain(frame, expr);
    case "compare":
      return evaluateCompare(frame, expr);
    case "unary":
      return evaluateUnary(frame, expr);
    case "ifExpr": {
      const condition = evaluateCondition(frame, expr.condition);
      return condition === undefined ? errorValue : evaluate(frame, condition ? expr.then : expr.otherwise);
    }
    case "missing":
      return errorValue;
  }
}

/** A local, else a constant of the file. Unknown names have been reported by the resolver. */
function lookUp(frame: Frame, name: string): Value {
  const cell = frame.scope.find(name);
  if (cell !== undefined) return cell.value;
  const def = frame.file.names.get(name);
  if (def?.kind !== "decl" || def.decl.kind !== "const") return errorValue;
  return frame.machine.constants.get(def.decl) ?? errorValue;
}

/** True, false, or undefined after reporting. */
export function evaluateCondition(frame: Frame, expr: Expr): boolean | undefined {
  const value = evaluate(frame, expr);
  if (value.kind === "bool") return value.value;
  if (value.kind !== "error") {
    frame.machine.report(frame, diagnose("SP0223", { found: kindNoun(value.kind) }, [{ span: expr.span, text: `this is ${kindNoun(value.kind)}` }]));
  }
  return undefined;
}

function evaluateText(frame: Frame, expr: TextExpr): Value {
  let text = "";
  for (const part of expr.parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    const value = evaluate(frame, part);
    if (value.kind === "error") return errorValue;
    if (value.kind === "list" || value.kind === "tensor" || value.kind === "sites") {
      return frame.machine.report(frame, diagnose("SP0230", { what: kindNoun(value.kind) }, [{ span: part.span, text: `this is ${kindNoun(value.kind)}` }]));
    }
    text += String(value.value);
  }
  return bounded(frame, expr.span, textValue(text));
}

/** Refuses texts and lists that grow without end. */
export function bounded(frame: Frame, span: Span, value: Value): Value {
  if (value.kind === "text" && value.value.length > limits.textLength) frame.machine.exhausted(frame, span, "this text is too long", limits.textLength);
  if (value.kind === "list" && value.items.length > limits.listLength) frame.machine.exhausted(frame, span, "this list is too long", limits.listLength);
  return value;
}

function evaluateIndex(frame: Frame, expr: Expr & { readonly kind: "index" }): Value {
  const list = evaluate(frame, expr.list);
  const index = evaluate(frame, expr.index);
  if (list.kind === "error" || index.kind === "error") return errorValue;
  if (list.kind !== "list" || index.kind !== "int") {
    const holes = { operator: "[ ]", left: kindNoun(list.kind), right: kindNoun(index.kind) };
    const labels = [{ span: list.kind === "list" ? expr.index.span : expr.list.span, text: list.kind === "list" ? "an index is a whole number" : "only lists have items" }];
    return frame.machine.report(frame, diagnose("SP0221", holes, labels));
  }
  const item = list.items[index.value];
  if (item !== undefined) return item;
  const labels = [{ span: expr.index.span, text: list.items.length === 0 ? "the list is empty" : `the last index is ${list.items.length - 1}` }];
  return frame.machine.report(frame, diagnose("SP0222", { index: printValue(index), length: list.items.length }, labels));
}
