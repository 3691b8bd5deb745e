/**
 * Grounds: what the sites hold that are not active, where they count as cells of a field instead of missing
 * (Graham, Spatially-sparse convolutional neural networks, arXiv 1409.6070). This file knows, without weights, which
 * values of a net have one and whether it is zero, and finds what would leave a value without one vector that
 * all inactive sites share.
 */
import { ACTIVATIONS, isActivation } from "./activations.ts";
import { numbers, siteAttr, string, typeOf, type Module, type Op, type ValueId } from "./module.ts";
import { geometryOf, submGeometry } from "./ops/conv.ts";
import type { Geometry, SiteId, SiteTable } from "./sites.ts";
import type { Type } from "./types.ts";

/** What is known when compiling: zeros, or numbers that follow from the weights. */
export type Ground = "zero" | "constant";

export type GroundProblem =
  /** Some operands have a ground and others have none. */
  | { readonly kind: "mixed" }
  /** Taps lie outside of the extents along an axis: a dense network has something else there than the ground. */
  | { readonly kind: "border"; readonly axis: string }
  /** Inactive sites of the result differ by their place between the coarser ones. */
  | { readonly kind: "phase" }
  /** A reduction over all cells, of which there may be any number. */
  | { readonly kind: "global" }
  /** An average over active inputs alone. */
  | { readonly kind: "count" }
  /** An operation whose result on inactive sites follows from no one vector. */
  | { readonly kind: "unknown" }
  /** What `ground` is of neither is an input nor comes of a `prune`, or something else reads it too. */
  | { readonly kind: "source" };

export type GroundResult = { readonly ground: Ground | undefined } | { readonly problem: GroundProblem };

const none: GroundResult = { ground: undefined };

/** The ground of an op's result, given those of its operands, or why it has none that all inactive sites share. */
export function groundAfter(table: SiteTable, op: Pick<Op, "name" | "attrs">, types: readonly Type[], result: Type, grounds: readonly (Ground | undefined)[]): GroundResult {
  const [x] = grounds;
  if (op.name === "ground") return { ground: numbers(op.attrs, "value").every((v) => v === 0) ? "zero" : "constant" };
  if (x === undefined && grounds.every((g) => g === undefined)) return none;
  switch (op.name) {
    case "subm":
    case "conv":
    case "up":
    case "linear": {
      if (x === undefined) return none;
      const problem = x === "zero" || op.name === "linear" ? undefined : tapsProblem(table, op, types[0]!, result);
      return problem === undefined ? { ground: x === "zero" && types.length < 3 ? "zero" : "constant" } : { problem };
    }
    case "add":
    case "mul":
    case "union":
    case "cat": {
      if (grounds.includes(undefined)) return { problem: { kind: "mixed" } };
      const product = op.name === "mul" || (op.name === "union" && string(op.attrs, "by") === "product");
      return { ground: (product ? grounds.includes("zero") : grounds.every((g) => g === "zero")) ? "zero" : "constant" };
    }
    case "pool":
      if (string(op.attrs, "mode") === "avg" && string(op.attrs, "divisor") === "count") return { problem: { kind: "count" } };
      return orProblem(tapsProblem(table, op, types[0]!, result), x);
    case "unpool":
      return x === "zero" && string(op.attrs, "mode") === "sum" ? { ground: x } : orProblem(unpoolProblem(table, op, types[0]!), x);
    case "global_pool":
      return { problem: { kind: "global" } };
    case "prune":
      return { ground: x };
    case "to_dense":
    case "to_grid":
      return none;
    case "bn":
    case "shift":
      return { ground: "constant" };
    default:
      if (!KEPT.has(op.name) && !isActivation(op.name)) return { problem: { kind: "unknown" } };
      return { ground: x === "zero" && keepsZero(op.name) ? "zero" : "constant" };
  }
}

const orProblem = (problem: GroundProblem | undefined, ground: Ground | undefined): GroundResult => (problem === undefined ? { ground } : { problem });

/** Activations with numbers of their own. */
const KEPT = new Set(["leaky_relu", "prelu", "elu", "softplus"]);

const keepsZero = (name: string): boolean => name === "leaky_relu" || name === "prelu" || name === "elu" || (isActivation(name) && ACTIVATIONS[name].of(0) === 0);

const sitesOf = (type: Type): SiteId => {
  if (type.kind !== "feat") throw new Error(`internal: ${type.kind} has no sites`);
  return type.sites;
};

/** Whether every output has all taps of its kernel in the grid. */
function tapsProblem(table: SiteTable, op: Pick<Op, "name" | "attrs">, x: Type, result: Type): GroundProblem | undefined {
  const [from, to] = [sitesOf(x), sitesOf(result)];
  if (op.name === "up") {
    const g = geometryOf(op.attrs);
    if (g.stride.some((s) => s !== 1)) return { kind: "phase" };
    return outside(table, from, to, { ...g, padding: g.padding.map((p, a) => (g.kernel[a]! - 1) * g.dilation[a]! - p) });
  }
  return outside(table, from, to, op.name === "subm" ? submGeometry(table, from, op.attrs) : geometryOf(op.attrs));
}

/** The first axis along which some output's taps lie outside of the grid of `from`: in = s·out − p + r·d. */
function outside(table: SiteTable, from: SiteId, to: SiteId, g: Geometry): GroundProblem | undefined {
  const [inputs, outputs] = [table.extents(from), table.extents(to)];
  const axis = (inputs ?? []).findIndex((n, a) => {
    const last = outputs === undefined ? Infinity : (outputs[a]! - 1) * g.stride[a]! - g.padding[a]! + (g.kernel[a]! - 1) * g.dilation[a]!;
    return g.padding[a]! > 0 || last >= n;
  });
  return axis < 0 ? undefined : { kind: "border", axis: table.axes(from)[axis]! };
}

/** On the way back every site must be under one coarser cell. */
function unpoolProblem(table: SiteTable, op: Pick<Op, "attrs">, x: Type): GroundProblem | undefined {
  const g = geometryOf(op.attrs);
  if (g.kernel.some((k, a) => k !== g.stride[a] || (k > 1 && g.dilation[a] !== 1))) return { kind: "phase" };
  const [coarse, fine] = [table.extents(sitesOf(x)), table.extents(siteAttr(op.attrs, "onto"))];
  const axis = (fine ?? []).findIndex((n, a) => g.padding[a]! < 0 || Math.floor((n - 1 + g.padding[a]!) / g.stride[a]!) >= coarse![a]!);
  return axis < 0 ? undefined : { kind: "border", axis: table.axes(sitesOf(x))[axis]! };
}

/** The grounds of a net's values, and the ops that leave a value without one, by index. */
export function groundsOf(module: Module): { readonly grounds: ReadonlyMap<ValueId, Ground>; readonly problems: readonly { readonly op: number; readonly problem: GroundProblem }[] } {
  const grounds = new Map<ValueId, Ground>();
  const problems: { readonly op: number; readonly problem: GroundProblem }[] = [];
  const sources = new Set(module.ops.flatMap((op) => (op.name === "input" || op.name === "prune" ? op.results : [])));
  const read = new Map<ValueId, number>();
  for (const value of [...module.ops.flatMap((op) => op.operands), ...module.outputs.map((o) => o.value)]) read.set(value, (read.get(value) ?? 0) + 1);
  module.ops.forEach((op, index) => {
    const [value] = op.results;
    if (value === undefined) return;
    if (op.name === "ground" && (!sources.has(op.operands[0]!) || read.get(op.operands[0]!) !== 1)) problems.push({ op: index, problem: { kind: "source" } });
    const after = groundAfter(module.sites, op, op.operands.map((v) => typeOf(module, v)), typeOf(module, value), featureGrounds(module, op, grounds));
    if ("problem" in after) problems.push({ op: index, problem: after.problem });
    else if (after.ground !== undefined) grounds.set(value, after.ground);
  });
  return { grounds, problems };
}

/** Grounds of an op's feature operands, in order. */
const featureGrounds = (module: Module, op: Op, grounds: ReadonlyMap<ValueId, Ground>): readonly (Ground | undefined)[] =>
  op.operands.flatMap((v) => (typeOf(module, v).kind === "feat" ? [grounds.get(v)] : []));

/** What is wrong, for people who write modules by hand; sources get a diagnostic of their own. */
export function describeProblem(problem: GroundProblem): string {
  switch (problem.kind) {
    case "mixed":
      return "some operands have a ground and others have none";
    case "border":
      return `some taps lie outside of the grid along ${problem.axis}, where the ground does not reach`;
    case "phase":
      return "inactive sites of the result have no one ground: it differs with their place between the coarser ones";
    case "global":
      return "a global pool of a value with a ground would be over every cell of the grid";
    case "count":
      return "an average of a value with a ground divides by the kernel's volume";
    case "unknown":
      return "no ground follows through this operation";
    case "source":
      return "a ground is of an input, or of what a prune keeps, that nothing else reads";
  }
}
