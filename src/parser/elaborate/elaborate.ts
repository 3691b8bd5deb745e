import type { CallExpr, ConstDecl, NetDecl } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { constsOf, type LoadedFile, type Program } from "../program.ts";
import type { Binding } from "../resolve/bind.ts";
import { checkType } from "./annotate.ts";
import { evaluate } from "./evaluate.ts";
import type { NetHost } from "./host.ts";
import { Exhausted, Machine, Scope, type Frame } from "./machine.ts";
import { runNet } from "./run.ts";
import { errorValue, type Value } from "./values.ts";

/** A value for a net parameter, given from outside of the file. */
export type OuterValue = number | boolean | string | readonly OuterValue[];

type Report = (diagnostic: Diagnostic) => void;
type Bindings = ReadonlyMap<CallExpr, Binding>;

const outermost = (machine: Machine, file: LoadedFile, hint = ""): Frame => ({ machine, file, scope: new Scope(), via: [], prefix: "", hint });

/** Values of all constants of a program; files come before their importers, so every constant finds those it uses. */
export function elaborateConstants(program: Program, bindings: Bindings, report: Report): Map<ConstDecl, Value> {
  const constants = new Map<ConstDecl, Value>();
  const machine = new Machine(undefined, bindings, constants, report);
  try {
    for (const file of program.files.values()) {
      for (const decl of constsOf(file)) {
        const frame = outermost(machine, file, decl.name.name);
        if (file.isDoubtful(decl.name.span.start)) continue;
        const value = evaluate(frame, decl.value);
        constants.set(decl, decl.annotation === undefined ? value : checkType(frame, decl.annotation, { value, span: decl.value.span }));
      }
    }
  } catch (error) {
    if (!(error instanceof Exhausted)) throw error;
  }
  return constants;
}

/** Runs a net at compile time: everything but its tensors vanishes, and `host` has built the network. */
export function elaborateNet(file: LoadedFile, net: NetDecl, host: NetHost, bindings: Bindings, constants: Map<ConstDecl, Value>, outer: Readonly<Record<string, OuterValue>>, report: Report): void {
  const machine = new Machine(host, bindings, constants, report);
  const frame = outermost(machine, file);
  try {
    bindOuter(frame, net, outer);
    runNet(frame, net);
  } catch (error) {
    if (!(error instanceof Exhausted)) throw error;
  }
}

function bindOuter(frame: Frame, net: NetDecl, outer: Readonly<Record<string, OuterValue>>): void {
  const { machine } = frame;
  const known = new Set(net.params.map((p) => p.name.name));
  for (const name of Object.keys(outer)) {
    if (!known.has(name)) machine.report(frame, diagnose("SP0214", { net: net.name.name, name }, [{ span: net.name.span, text: known.size === 0 ? "it has no parameters" : `it has ${[...known].join(", ")}` }]));
  }
  for (const param of net.params) {
    const given = Object.hasOwn(outer, param.name.name) ? fromOuter(outer[param.name.name]!) : undefined;
    let value: Value = errorValue;
    if (given !== undefined) value = given;
    else if (param.value !== undefined) value = evaluate(frame, param.value);
    else machine.report(frame, diagnose("SP0207", { operation: net.name.name, parameter: param.name.name }, [{ span: param.span, text: "no default, and no value given from outside" }]));
    frame.scope.define(param.name.name, param.annotation === undefined ? value : checkType(frame, param.annotation, { value, span: param.span }));
  }
}

function fromOuter(value: OuterValue): Value {
  if (typeof value === "number") return { kind: Number.isSafeInteger(value) ? "int" : "float", value };
  if (typeof value === "boolean") return { kind: "bool", value };
  if (typeof value === "string") return { kind: "text", value };
  return { kind: "list", items: value.map(fromOuter) };
}
