import type { ChainExpr, ChainOperator, CompareExpr, Expr, UnaryExpr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Span } from "../span.ts";
import { combineTensors } from "./calls.ts";
import { bounded, evaluate } from "./evaluate.ts";
import type { Frame } from "./machine.ts";
import { boolValue, errorValue, kindNoun, textValue, type Value } from "./values.ts";

interface Operand {
  readonly value: Value;
  readonly span: Span;
}

interface Operation {
  readonly operator: string;
  readonly operatorSpan: Span;
}

/** Left to right; `and` and `or` stop as soon as the result is known. */
export function evaluateChain(frame: Frame, expr: ChainExpr): Value {
  let left: Operand = { value: evaluate(frame, expr.first), span: expr.first.span };
  for (const step of expr.rest) {
    if (step.operator === "and" || step.operator === "or") {
      if (left.value.kind === "bool" && left.value.value === (step.operator === "or")) return left.value;
    }
    const right: Operand = { value: evaluate(frame, step.operand), span: step.operand.span };
    const value = combine(frame, step, step.operator, left, right);
    left = { value, span: { ...expr.span, start: expr.first.span.start, end: step.operand.span.end } };
  }
  return left.value;
}

/** `a op b` for values that are at hand, as in `set x += b`. */
export function combine(frame: Frame, at: Operation, operator: ChainOperator, left: Operand, right: Operand): Value {
  const [a, b] = [left.value, right.value];
  if (a.kind === "error" || b.kind === "error") return errorValue;
  if (operator === "and" || operator === "or") {
    if (a.kind === "bool" && b.kind === "bool") return boolValue(operator === "and" ? a.value && b.value : a.value || b.value);
    return refuse(frame, at, left, right);
  }
  if ((a.kind === "int" || a.kind === "float") && (b.kind === "int" || b.kind === "float")) {
    return arithmetic(frame, at, operator, a.value, b.value, a.kind === "int" && b.kind === "int");
  }
  if (a.kind === "tensor" && b.kind === "tensor" && (operator === "+" || operator === "*")) return combineTensors(frame, operator, at.operatorSpan, left, right);
  if (operator === "+" && a.kind === "text" && b.kind === "text") return bounded(frame, at.operatorSpan, textValue(a.value + b.value));
  if (operator === "+" && a.kind === "list" && b.kind === "list") return bounded(frame, at.operatorSpan, { kind: "list", items: [...a.items, ...b.items] });
  return refuse(frame, at, left, right);
}

function refuse(frame: Frame, at: Operation, left: Operand, right: Operand): Value {
  const holes = { operator: at.operator, left: kindNoun(left.value.kind), right: kindNoun(right.value.kind) };
  const labels = [
    { span: at.operatorSpan, text: "" },
    { span: left.span, text: `this is ${holes.left}` },
    { span: right.span, text: `this is ${holes.right}` },
  ];
  return frame.machine.report(frame, diagnose("SP0221", holes, labels));
}

/** Whole numbers stay whole; a quotient of whole numbers is whole when it divides exactly. */
function arithmetic(frame: Frame, at: Operation, operator: ChainOperator, a: number, b: number, whole: boolean): Value {
  if ((operator === "/" || operator === "%") && b === 0) {
    return frame.machine.report(frame, diagnose("SP0231", {}, [{ span: at.operatorSpan, text: "the divisor is 0" }]));
  }
  const result = compute(operator, a, b);
  return { kind: whole && Number.isSafeInteger(result) ? "int" : "float", value: result };
}

function compute(operator: ChainOperator, a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a - b * Math.floor(a / b);
    default:
      throw new Error(`internal: ${operator} is not arithmetic`);
  }
}

export function evaluateCompare(frame: Frame, expr: CompareExpr): Value {
  const left: Operand = { value: evaluate(frame, expr.left), span: expr.left.span };
  const right: Operand = { value: evaluate(frame, expr.right), span: expr.right.span };
  const [a, b] = [left.value, right.value];
  if (a.kind === "error" || b.kind === "error") return errorValue;
  const equality = expr.operator === "==" || expr.operator === "!=";
  if (equality) {
    const equal = equals(a, b);
    if (equal !== undefined) return boolValue(equal === (expr.operator === "=="));
  } else if ((a.kind === "int" || a.kind === "float") && (b.kind === "int" || b.kind === "float")) {
    return boolValue(order(expr.operator, a.value, b.value));
  }
  return refuse(frame, expr, left, right);
}

function order(operator: CompareExpr["operator"], a: number, b: number): boolean {
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a >= b;
}

/** Undefined when the two cannot be compared. Lists compare as deep as numbers, texts and truth values go. */
function equals(a: Value, b: Value): boolean | undefined {
  if ((a.kind === "int" || a.kind === "float") && (b.kind === "int" || b.kind === "float")) return a.value === b.value;
  if (a.kind === "text" && b.kind === "text") return a.value === b.value;
  if (a.kind === "bool" && b.kind === "bool") return a.value === b.value;
  if (a.kind !== "list" || b.kind !== "list") return undefined;
  if (a.items.length !== b.items.length) return false;
  let equal = true;
  for (const [i, item] of a.items.entries()) {
    const other = b.items[i]!;
    // Lists of lists would cost more than their size when they share items.
    const same = item.kind === "list" || other.kind === "list" ? undefined : equals(item, other);
    if (same === undefined) return undefined;
    equal &&= same;
  }
  return equal;
}

export function evaluateUnary(frame: Frame, expr: UnaryExpr): Value {
  const value = evaluate(frame, expr.operand);
  if (value.kind === "error") return value;
  if (expr.operator === "not" && value.kind === "bool") return boolValue(!value.value);
  if (expr.operator === "-" && (value.kind === "int" || value.kind === "float")) return { kind: value.kind, value: -value.value };
  return refuseUnary(frame, expr, expr.operand, value);
}

function refuseUnary(frame: Frame, expr: UnaryExpr, operand: Expr, value: Value): Value {
  const noun = kindNoun(value.kind);
  const holes = { operator: expr.operator, left: noun, right: "nothing" };
  return frame.machine.report(frame, diagnose("SP0221", holes, [{ span: operand.span, text: `this is ${noun}` }]));
}
