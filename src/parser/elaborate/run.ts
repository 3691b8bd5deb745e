import type { BlockDecl, Body, Expr, ForStmt, NetDecl, SitesStmt, Stmt, TypeExpr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import { checkType, readSites } from "./annotate.ts";
import { placedSites } from "./placed-sites.ts";
import { evaluate, evaluateCondition } from "./evaluate.ts";
import type { GroundValue, NetHost } from "./host.ts";
import { inner, type Frame } from "./machine.ts";
import { combine } from "./operators.ts";
import { errorValue, intValue, kindNoun, type Value } from "./values.ts";

const mostChannels = 65_536;
const mostExtent = 2 ** 31 - 1;

/** Runs a block; its value, or the error value when no `return` was met (which the resolver has reported). */
export function runBlock(frame: Frame, decl: BlockDecl): Value {
  return runBody(frame, decl.body) ?? errorValue;
}

export function runNet(frame: Frame, decl: NetDecl): void {
  runBody(frame, decl.body);
}

/** The value of the first `return` met, or undefined. */
function runBody(frame: Frame, body: Body): Value | undefined {
  for (const stmt of body.statements) {
    const returned = runStatement(frame, stmt);
    if (returned !== undefined) return returned;
  }
  return undefined;
}

function runStatement(frame: Frame, stmt: Stmt): Value | undefined {
  frame.machine.step(frame, stmt.span);
  if (frame.file.isDoubtful(stmt.span.start)) return runDoubtful(frame, stmt);
  switch (stmt.kind) {
    case "let": {
      const named: Frame = { ...frame, hint: stmt.name.name };
      const value = evaluate(named, stmt.value);
      frame.scope.define(stmt.name.name, stmt.annotation === undefined ? value : checkType(frame, stmt.annotation, { value, span: stmt.value.span }));
      return undefined;
    }
    case "set":
      runSet(frame, stmt);
      return undefined;
    case "for":
      return runFor(frame, stmt);
    case "if":
      for (const arm of stmt.arms) {
        const condition = evaluateCondition(frame, arm.condition);
        if (condition === undefined) return undefined;
        if (condition) return runBody(inner(frame), arm.body);
      }
      return stmt.otherwise === undefined ? undefined : runBody(inner(frame), stmt.otherwise);
    case "return":
      return evaluate({ ...frame, hint: "" }, stmt.value);
    case "assert":
      if (evaluateCondition(frame, stmt.condition) === false) {
        const message = stmt.message === undefined ? "" : `: ${stmt.message.slice(0, 200)}`;
        frame.machine.report(frame, diagnose("SP0227", { message }, [{ span: stmt.condition.span, text: "this does not hold" }]));
      }
      return undefined;
    default:
      if (frame.machine.net !== undefined && frame.via.length === 0) runNetStatement(frame, stmt, frame.machine.net);
      return undefined;
  }
}

/** A statement with a syntax mistake gives its name the error value; a loop or condition runs nothing. */
function runDoubtful(frame: Frame, stmt: Stmt): Value | undefined {
  switch (stmt.kind) {
    case "let":
    case "sites":
    case "input":
      frame.scope.define(stmt.name.name, errorValue);
      return undefined;
    case "set": {
      const cell = frame.scope.find(stmt.target.name);
      if (cell !== undefined) cell.value = errorValue;
      return undefined;
    }
    case "return":
      return errorValue;
    default:
      return undefined;
  }
}

type NetStmt = Stmt & { readonly kind: "dialect" | "layout" | "sites" | "input" | "output" };

function runNetStatement(frame: Frame, stmt: NetStmt, net: NetHost): void {
  switch (stmt.kind) {
    case "dialect":
      if (stmt.name.name !== "") net.setDialect(stmt.name.name, stmt.name.span);
      return;
    case "layout":
      if (stmt.name.name !== "") net.setLayout(stmt.name.name, stmt.name.span);
      return;
    case "sites":
      return frame.scope.define(stmt.name.name, declareSites(frame, stmt, net));
    case "input":
      return frame.scope.define(stmt.name.name, runInput(frame, stmt, net));
    case "output": {
      const value = evaluate({ ...frame, hint: stmt.name.name }, stmt.value);
      const checked = stmt.annotation === undefined ? value : checkType(frame, stmt.annotation, { value, span: stmt.value.span });
      if (checked.kind === "tensor") net.output(stmt.name.name, checked.tensor, { span: stmt.name.span, via: [] });
      else if (checked.kind !== "error") {
        const holes = { name: stmt.name.name, actual: kindNoun(checked.kind), expected: "features" };
        frame.machine.report(frame, diagnose("SP0234", holes, [{ span: stmt.value.span, text: `this is ${kindNoun(checked.kind)}` }]));
      }
    }
  }
}

function declareSites(frame: Frame, stmt: SitesStmt, net: NetHost): Value {
  const { machine } = frame;
  const names = stmt.axes.map((axis) => axis.name.name);
  if (names.some((n) => n === "") || stmt.name.name === "") return errorValue;
  if (names.length > 4) return machine.report(frame, diagnose("SP0414", { found: names.length }, [{ span: stmt.axes[4]!.name.span, text: "the fifth axis" }]));
  for (const [i, axis] of stmt.axes.entries()) {
    const earlier = names.indexOf(axis.name.name);
    if (earlier < i) {
      const labels = [{ span: axis.name.span, text: "again" }, { span: stmt.axes[earlier]!.name.span, text: "first here" }];
      return machine.report(frame, diagnose("SP0415", { name: axis.name.name }, labels));
    }
  }
  const without = stmt.axes.find((axis) => axis.extent === undefined);
  const bounded = stmt.axes.some((axis) => axis.extent !== undefined);
  if (bounded && without !== undefined) return machine.report(frame, diagnose("SP0416", {}, [{ span: without.name.span, text: "this one has none" }]));
  const extents: number[] = [];
  for (const { name, extent } of stmt.axes) {
    if (extent === undefined) continue;
    const value = evaluate(frame, extent);
    if (value.kind === "error") return errorValue;
    if (value.kind !== "int") return notWhole(frame, `the extent of ${name.name}`, extent.span, value);
    if (value.value < 1 || value.value > mostExtent) {
      return machine.report(frame, diagnose("SP0412", { parameter: `the extent of ${name.name}`, least: 1, found: value.value }, [{ span: extent.span, text: value.value < 1 ? "no cell" : `at most ${mostExtent}` }]));
    }
    extents.push(value.value);
  }
  if (stmt.source !== undefined) return placedSites(frame, stmt, stmt.source, names, bounded ? extents : undefined, net);
  const ground = stmt.ground === undefined ? undefined : readGround(frame, stmt.ground);
  if (ground === undefined && stmt.ground !== undefined) return errorValue;
  return { kind: "sites", id: net.declareSites(stmt.name.name, names, bounded ? extents : undefined, ground) };
}

/** A number, or a list of numbers; undefined after reporting. */
function readGround(frame: Frame, expr: Expr): GroundValue | undefined {
  const { span } = expr;
  const value = evaluate(frame, expr);
  if (value.kind === "error") return undefined;
  const items = value.kind === "list" ? value.items : [value];
  const numbers = items.flatMap((item) => ((item.kind === "int" || item.kind === "float") && Number.isFinite(item.value) ? [item.value] : []));
  if (numbers.length === items.length && numbers.length > 0) return { value: value.kind === "list" ? numbers : numbers[0]!, span };
  const found = kindNoun(value.kind);
  frame.machine.report(frame, diagnose("SP0210", { parameter: "ground", operation: "sites", expected: "a number or a list of numbers", found }, [{ span, text: `this is ${found}` }]));
  return undefined;
}

function notWhole(frame: Frame, parameter: string, span: Stmt["span"], value: Value): Value {
  const found = kindNoun(value.kind);
  return frame.machine.report(frame, diagnose("SP0210", { parameter, operation: "sites", expected: "a whole number", found }, [{ span, text: `this is ${found}` }]));
}

function runInput(frame: Frame, stmt: Stmt & { readonly kind: "input" }, net: NetHost): Value {
  const { machine } = frame;
  const type = stmt.annotation;
  if (type === undefined) return errorValue;
  const [sites, channels] = type.args;
  if (type.name === "dense") return runDenseInput(frame, stmt, type, net);
  if (type.name !== "feat") {
    if (type.name === "vec") return machine.report(frame, diagnose("SP0220", { what: "`vec` inputs" }, [{ span: type.span, text: "planned" }], { notes: ["a `dense` input of one cell, `dense[4, 1]`, and a global pool make a vector per batch item"] }));
    return machine.report(frame, diagnose("SP0228", { expected: "`feat` or `dense`", found: `\`${type.name}\`` }, [{ span: type.span, text: "an input is features on sites, or a dense tensor" }]));
  }
  if (sites === undefined || channels === undefined) {
    const written = type.args.length === 0 ? "feat" : "feat[…]";
    return machine.report(frame, diagnose("SP0235", { type: written }, [{ span: type.span, text: "an input says its sites and channels" }]));
  }
  const on = readSites(frame, sites);
  const count = evaluate(frame, channels);
  if (on === undefined || count.kind === "error") return errorValue;
  if (count.kind !== "int") return notWhole(frame, "the number of channels", channels.span, count);
  if (count.value < 1 || count.value > mostChannels) {
    return machine.report(frame, diagnose("SP0302", { limit: mostChannels, found: count.value }, [{ span: channels.span, text: "channels of the input" }]));
  }
  const coarse = typeof on.stride === "number" ? on.stride !== 1 : on.stride.some((s) => s !== 1);
  if (coarse) return machine.report(frame, diagnose("SP0220", { what: "inputs on derived sites" }, [{ span: on.span, text: "planned" }], { notes: ["declare another site set for this input"] }));
  return { kind: "tensor", tensor: net.input(stmt.name.name, on.root, count.value, { span: stmt.name.span, via: [] }) };
}

/** Channels, then one to four extents. */
function runDenseInput(frame: Frame, stmt: Stmt & { readonly kind: "input" }, type: TypeExpr, net: NetHost): Value {
  const { machine } = frame;
  if (type.args.length < 2) {
    const written = type.args.length === 0 ? "dense" : "dense[…]";
    return machine.report(frame, diagnose("SP0235", { type: written }, [{ span: type.span, text: "an input says its channels and the extent of each axis" }]));
  }
  if (type.args.length > 5) return machine.report(frame, diagnose("SP0414", { found: type.args.length - 1 }, [{ span: type.args[5]!.span, text: "the fifth axis" }]));
  const shape: number[] = [];
  for (const [i, arg] of type.args.entries()) {
    const value = evaluate(frame, arg);
    if (value.kind === "error") return errorValue;
    if (value.kind !== "int") return notWhole(frame, i === 0 ? "the number of channels" : "an extent", arg.span, value);
    if (i === 0 && (value.value < 1 || value.value > mostChannels)) {
      return machine.report(frame, diagnose("SP0302", { limit: mostChannels, found: value.value }, [{ span: arg.span, text: "channels of the input" }]));
    }
    if (value.value < 1 || value.value > mostExtent) {
      return machine.report(frame, diagnose("SP0412", { parameter: "an extent", least: 1, found: value.value }, [{ span: arg.span, text: value.value < 1 ? "no cell" : `at most ${mostExtent}` }]));
    }
    shape.push(value.value);
  }
  const tensor = net.denseInput(stmt.name.name, shape, { span: stmt.name.span, via: [] });
  return tensor === undefined ? errorValue : { kind: "tensor", tensor };
}

function runSet(frame: Frame, stmt: Stmt & { readonly kind: "set" }): void {
  const { name, span } = stmt.target;
  const value = evaluate({ ...frame, hint: name }, stmt.value);
  const cell = frame.scope.find(name);
  if (cell === undefined) return;
  if (!stmt.add) {
    cell.value = value;
    return;
  }
  const operatorSpan = { ...span, start: span.end, end: stmt.value.span.start };
  cell.value = combine(frame, { operator: "+", operatorSpan }, "+", { value: cell.value, span }, { value, span: stmt.value.span });
}

function runFor(frame: Frame, stmt: ForStmt): Value | undefined {
  const from = evaluate(frame, stmt.from);
  const end = stmt.end === undefined ? undefined : evaluate(frame, stmt.end);
  if (from.kind === "error" || end?.kind === "error") return undefined;
  if (end === undefined && from.kind === "list") {
    for (const item of from.items) {
      const returned = runTurn(frame, stmt, item);
      if (returned !== undefined) return returned;
    }
    return undefined;
  }
  if (end === undefined || from.kind !== "int" || end.kind !== "int") {
    const [found, at] = end === undefined || from.kind !== "int" ? [from, stmt.from] : [end, stmt.end!];
    const help = end === undefined && from.kind === "int" ? { help: { text: `write \`0..${from.value}\`` } } : {};
    frame.machine.report(frame, diagnose("SP0215", { found: kindNoun(found.kind) }, [{ span: at.span, text: `this is ${kindNoun(found.kind)}` }], help));
    return undefined;
  }
  for (let i = from.value; i < end.value; i++) {
    const returned = runTurn(frame, stmt, intValue(i));
    if (returned !== undefined) return returned;
  }
  return undefined;
}

function runTurn(frame: Frame, stmt: ForStmt, item: Value): Value | undefined {
  frame.machine.step(frame, stmt.span);
  const turn = inner(frame);
  turn.scope.define(stmt.name.name, item);
  return runBody(turn, stmt.body);
}
