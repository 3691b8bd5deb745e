import type { Expr, TypeExpr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Span } from "../span.ts";
import { evaluate } from "./evaluate.ts";
import { NUMBERS, printTensor, type Argument, type TensorType } from "./host.ts";
import type { Frame } from "./machine.ts";
import { errorValue, floatValue, kindNoun, type Value } from "./values.ts";

/** Sites that an annotation names: derived from `root` by a total stride. */
interface SitesAssertion {
  readonly root: string;
  readonly stride: number | readonly number[];
  readonly span: Span;
}

/** Checks a value against an annotation; the value (a whole number becomes a `float` where one is asked for), or the error value after reporting. */
export function checkType(frame: Frame, type: TypeExpr, { value, span }: Argument): Value {
  if (value.kind === "error") return value;
  switch (type.name) {
    case "feat":
    case "vec":
    case "dense":
      return value.kind === "tensor" && frame.machine.net !== undefined ? checkTensor(frame, type, value, span) : mismatch(frame, type, kindNoun(value.kind), span);
    case "float":
      return value.kind === "int" ? floatValue(value.value) : value.kind === "float" ? value : mismatch(frame, type, kindNoun(value.kind), span);
    case "list":
      return checkList(frame, type, value, span);
    case "int":
    case "bool":
    case "text":
      return value.kind === type.name ? value : mismatch(frame, type, kindNoun(value.kind), span);
    default:
      // An unknown type has been reported by the resolver.
      return value;
  }
}

function mismatch(frame: Frame, type: TypeExpr, found: string, span: Span): Value {
  const labels = [{ span, text: `this is ${found}` }, { span: type.span, text: "expected because of this" }];
  return frame.machine.report(frame, diagnose("SP0228", { expected: `\`${type.name}\``, found }, labels));
}

function checkList(frame: Frame, type: TypeExpr, value: Value, span: Span): Value {
  if (value.kind !== "list") return mismatch(frame, type, kindNoun(value.kind), span);
  const [element] = type.args;
  if (element?.kind !== "name") return value;
  const inner: TypeExpr = { kind: "type", name: element.name, nameSpan: element.span, args: [], span: element.span };
  const items = value.items.map((item) => checkType(frame, inner, { value: item, span }));
  return items.some((i) => i.kind === "error") ? errorValue : { kind: "list", items };
}

function checkTensor(frame: Frame, type: TypeExpr, value: Value & { readonly kind: "tensor" }, span: Span): Value {
  const net = frame.machine.net!;
  const actual = net.describe(value.tensor);
  if (actual.kind !== type.name) return mismatch(frame, type, `\`${printTensor(actual)}\``, span);
  if (actual.kind === "dense") return checkShape(frame, type, value, actual, span);
  const [sites, channels, numbers] = actual.kind === "feat" ? type.args : [undefined, ...type.args];
  if (sites !== undefined && actual.kind === "feat" && !checkSites(frame, sites, actual, span)) return errorValue;
  if (numbers !== undefined && !checkNumbers(frame, type, numbers, value, actual)) return errorValue;
  if (channels === undefined) return value;
  const expected = evaluate(frame, channels);
  if (expected.kind === "error") return value;
  if (expected.kind !== "int") return badArgument(frame, type, channels, expected, "the number of channels");
  if (expected.value === actual.channels) return value;
  const labels = [
    { span: channels.span, text: `${expected.value} asserted here` },
    { span: net.origin(value.tensor), text: `this has ${actual.channels}` },
  ];
  return frame.machine.report(frame, diagnose("SP0301", { expected: expected.value, found: actual.channels }, labels));
}

function checkNumbers(frame: Frame, type: TypeExpr, expr: Expr, { tensor }: Value & { readonly kind: "tensor" }, { numbers }: TensorType): boolean {
  const wanted = expr.kind === "name" ? expr.name : "";
  if (wanted === numbers) return true;
  const labels = [{ span: expr.span, text: NUMBERS.some((n) => n === wanted) ? `${wanted} asserted here` : `one of ${NUMBERS.join(", ")} stands here` }, { span: frame.machine.net!.origin(tensor), text: `these are ${numbers} numbers` }];
  frame.machine.report(frame, diagnose("SP0308", { type: type.name, found: numbers }, labels));
  return false;
}

function badArgument(frame: Frame, type: TypeExpr, arg: Expr, value: Value, expected: string): Value {
  const found = kindNoun(value.kind);
  return frame.machine.report(frame, diagnose("SP0210", { parameter: expected, operation: type.name, expected: "a whole number", found }, [{ span: arg.span, text: `this is ${found}` }]));
}

function checkShape(frame: Frame, type: TypeExpr, value: Value, actual: TensorType & { readonly kind: "dense" }, span: Span): Value {
  if (type.args.length === 0) return value;
  const sizes = type.args.map((arg) => evaluate(frame, arg));
  if (sizes.some((s) => s.kind === "error")) return value;
  const wanted = sizes.map((s) => (s.kind === "int" ? s.value : -1));
  if (wanted.length === actual.shape.length && wanted.every((n, i) => n === actual.shape[i])) return value;
  return mismatch(frame, type, `\`${printTensor(actual)}\``, span);
}

function checkSites(frame: Frame, expr: Expr, actual: TensorType & { readonly kind: "feat" }, span: Span): boolean {
  const wanted = readSites(frame, expr);
  if (wanted === undefined) return true;
  const { root, stride } = actual.sites;
  const labels = [{ span: wanted.span, text: "asserted here" }, { span, text: `this is \`${printTensor(actual)}\`` }];
  if (wanted.root !== root) {
    frame.machine.report(frame, diagnose("SP0409", { expected: wanted.root, found: root }, labels));
    return false;
  }
  const expected = typeof wanted.stride === "number" ? stride.map(() => wanted.stride as number) : wanted.stride;
  if (expected.length === stride.length && expected.every((n, i) => n === stride[i])) return true;
  frame.machine.report(frame, diagnose("SP0408", { expected: printStride(expected), found: printStride(stride) }, labels));
  return false;
}

const printStride = (stride: readonly number[]): string => (stride.every((n) => n === stride[0]) ? String(stride[0]) : `[${stride.join(", ")}]`);

/** `S`, `S/4` or `S/[8, 16, 16]`; undefined after reporting. */
export function readSites(frame: Frame, expr: Expr): SitesAssertion | undefined {
  const [base, divisor] = expr.kind === "chain" && expr.rest.length === 1 && expr.rest[0]!.operator === "/" ? [expr.first, expr.rest[0]!.operand] : [expr, undefined];
  const sites = evaluate(frame, base);
  if (sites.kind === "error") return undefined;
  const stride = divisor === undefined ? { kind: "int" as const, value: 1 } : evaluate(frame, divisor);
  if (stride.kind === "error") return undefined;
  const list = stride.kind === "list" ? stride.items.flatMap((i) => (i.kind === "int" ? [i.value] : [])) : [];
  const complete = stride.kind === "int" || (stride.kind === "list" && list.length === stride.items.length);
  if (sites.kind === "sites" && complete) return { root: sites.id, stride: stride.kind === "int" ? stride.value : list, span: expr.span };
  const found = sites.kind === "sites" ? kindNoun(stride.kind) : kindNoun(sites.kind);
  const expected = sites.kind === "sites" ? "a whole number or one per axis" : "a site set";
  const at = sites.kind === "sites" ? divisor! : base;
  frame.machine.report(frame, diagnose("SP0210", { parameter: "the sites", operation: "feat", expected, found }, [{ span: at.span, text: `this is ${found}` }]));
  return undefined;
}
