import type { BlockDecl, CallExpr, Expr, PipeExpr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { LoadedFile } from "../program.ts";
import type { ArgumentSource, Binding } from "../resolve/bind.ts";
import type { Span } from "../span.ts";
import { checkType } from "./annotate.ts";
import { convertArgument, siteArgument, wordArgument } from "./arguments.ts";
import { evaluate } from "./evaluate.ts";
import type { FunctionSignature } from "./functions.ts";
import type { Argument, OperationSignature } from "./host.ts";
import { joinPath, limits, Scope, type Frame } from "./machine.ts";
import { runBlock } from "./run.ts";
import { errorValue, isError, kindNoun, type Value } from "./values.ts";

export function evaluatePipe(frame: Frame, expr: PipeExpr): Value {
  let argument: Argument = { value: evaluate(frame, expr.value), span: expr.value.span };
  for (const stage of expr.stages) argument = { value: evaluateCall(frame, stage, argument), span: stage.callee.span };
  return argument.value;
}

/** A call, with the value that a pipe hands in as first argument. */
export function evaluateCall(frame: Frame, call: CallExpr, piped: Argument | undefined): Value {
  frame.machine.step(frame, call.span);
  const binding = frame.machine.bindings.get(call);
  if (binding === undefined) {
    // The resolver has spoken of the call itself; mistakes inside of its arguments are still worth a message.
    for (const arg of call.args) if (arg.value.kind !== "name") evaluate(frame, arg.value);
    return errorValue;
  }
  const { callable } = binding;
  switch (callable.kind) {
    case "operation":
      return callOperation(frame, call, binding, callable.signature, piped);
    case "function":
      return callFunction(frame, call, binding, callable.signature, piped);
    case "block":
      return callBlock(frame, call, binding, callable.decl, callable.file, piped);
  }
}

function argumentOf(frame: Frame, source: ArgumentSource, piped: Argument | undefined): Argument {
  if (source.kind === "expr") return { value: evaluate(frame, source.expr), span: source.expr.span };
  if (piped === undefined) throw new Error("internal: a piped argument outside of a pipe");
  return piped;
}

function callOperation(frame: Frame, call: CallExpr, binding: Binding, signature: OperationSignature, piped: Argument | undefined): Value {
  const args = readArguments(frame, binding, signature, piped);
  const path = signature.weights ? weightPath(frame, binding.path, signature.name) : "";
  if (args === undefined || path === undefined || frame.machine.net === undefined) return errorValue;
  return frame.machine.net.call(signature, { span: call.callee.span, via: frame.via, arguments: args, path });
}

/** The arguments of an operation by parameter; undefined after reporting. */
export function readArguments(frame: Frame, binding: Binding, signature: OperationSignature, piped: Argument | undefined): ReadonlyMap<string, readonly Argument[]> | undefined {
  const args = new Map<string, readonly Argument[]>();
  let failed = false;
  for (const parameter of signature.parameters) {
    const sources = binding.sources.get(parameter.name) ?? [];
    const values = sources.map((source) => {
      const word = parameter.kind === "word" && source.kind === "expr" ? wordArgument(frame, signature, parameter, source.expr) : undefined;
      const sites = parameter.kind === "sites" && source.kind === "expr" ? siteArgument(frame, source.expr) : undefined;
      return word ?? sites ?? convertArgument(frame, signature.name, parameter, argumentOf(frame, source, piped));
    });
    failed ||= values.some((v) => isError(v.value));
    if (values.length > 0) args.set(parameter.name, values);
  }
  return failed ? undefined : args;
}

/** `a + b` and `a * b` on tensors. */
export function combineTensors(frame: Frame, operator: "+" | "*", span: Span, left: Argument, right: Argument): Value {
  const { net } = frame.machine;
  if (net === undefined) return errorValue;
  const signature: OperationSignature = { name: operator, parameters: [], weights: false };
  return net.call(signature, { span, via: frame.via, arguments: new Map([["a", [left]], ["b", [right]]]), path: "" });
}

function callFunction(frame: Frame, call: CallExpr, binding: Binding, signature: FunctionSignature, piped: Argument | undefined): Value {
  const args = new Map<string, readonly Value[]>();
  const spans = new Map<string, Span>();
  for (const [name, sources] of binding.sources) {
    const values = sources.map((source) => argumentOf(frame, source, piped));
    if (values.some((v) => v.value.kind === "error")) return errorValue;
    args.set(name, values.map((v) => v.value));
    if (values[0] !== undefined) spans.set(name, values[0].span);
  }
  const result = signature.apply(args, frame.machine.net);
  if (!("expected" in result)) return result;
  const found = kindNoun(args.get(result.parameter)?.[0]?.kind ?? "error");
  const holes = { parameter: result.parameter, operation: signature.name, expected: result.expected, found };
  return frame.machine.report(frame, diagnose("SP0210", holes, [{ span: spans.get(result.parameter) ?? call.callee.span, text: `this is ${found}` }]));
}

function callBlock(frame: Frame, call: CallExpr, binding: Binding, decl: BlockDecl, file: LoadedFile, piped: Argument | undefined): Value {
  const { machine } = frame;
  if (frame.via.length >= limits.callDepth) machine.exhausted(frame, call.callee.span, "blocks use blocks too deeply", limits.callDepth);
  const prefix = weightPath(frame, binding.path, decl.name.name);
  const via = [call.callee.span, ...frame.via];
  const block: Frame = { machine, file, scope: new Scope(), via, prefix: prefix ?? "", hint: "" };
  let failed = prefix === undefined;
  for (const param of decl.params) {
    const [source] = binding.sources.get(param.name.name) ?? [];
    const given = source === undefined ? undefined : argumentOf(frame, source, piped);
    // A default is evaluated inside the block, where earlier parameters are known.
    const value = given?.value ?? (param.value === undefined ? errorValue : evaluate(block, param.value));
    const span = given?.span ?? param.span;
    const checked = param.annotation === undefined ? value : checkType(block, param.annotation, { value, span });
    failed ||= checked.kind === "error";
    block.scope.define(param.name.name, checked);
  }
  if (failed) return errorValue;
  const result = runBlock(block, decl);
  return decl.result === undefined ? result : checkType(block, decl.result, { value: result, span: call.callee.span });
}

/** The complete path of the weights of a call: below the blocks around it, by `w=` or by name. Undefined after reporting. */
function weightPath(frame: Frame, given: Expr | undefined, name: string): string | undefined {
  const { machine } = frame;
  if (given === undefined) return machine.freshPath(joinPath(frame.prefix, joinPath(frame.hint, name)));
  const value = evaluate(frame, given);
  if (value.kind === "text") return joinPath(frame.prefix, value.value);
  if (value.kind !== "error") {
    const found = kindNoun(value.kind);
    const help = value.kind === "int" ? { help: { text: "write it as a text", edits: [{ span: given.span, text: `"${value.value}"` }] } } : {};
    machine.report(frame, diagnose("SP0210", { parameter: "w", operation: name, expected: "a text", found }, [{ span: given.span, text: `this is ${found}` }], help));
  }
  return undefined;
}
