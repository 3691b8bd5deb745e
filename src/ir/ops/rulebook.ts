import { eachPair } from "../interp/gather.ts";
import { operandAs, type EvalContext, type RulebookValue } from "../interp/value.ts";
import { number, numbers, siteAttr } from "../module.ts";
import type { Attrs } from "../module.ts";
import type { Geometry } from "../sites.ts";
import { rulebook, type RulebookType } from "../types.ts";
import { checkGeometry, geometryAttrs, geometryOf } from "./conv.ts";
import type { OpDef, OperandDef } from "./op.ts";

const parent: OperandDef = { name: "rb", kinds: ["rulebook"] };

/** Number of taps of a kernel. */
export const kernelVolume = (kernel: readonly number[]): number => kernel.reduce((product, k) => product * k, 1);

/** Whether half a search tells the other half: an odd kernel, centred, at stride 1; the set must also be its own image. */
export function mirrors(g: Geometry): boolean {
  return g.kernel.every((k, i) => k % 2 === 1 && g.stride[i] === 1 && g.padding[i] === (g.dilation[i]! * (k - 1)) / 2);
}

const mirrored = (attrs: Attrs): boolean => attrs["mirrored"] === true;

export const searchOp: OpDef = {
  name: "rulebook.search",
  levels: ["fused"],
  doc: "Finds, for every tap, the pairs of active sites with in = stride·out − padding + tap·dilation.",
  operands: [],
  attrs: {
    from: { kind: "site", doc: "input sites" },
    to: { kind: "site", doc: "output sites" },
    ...geometryAttrs,
    mirrored: { kind: "bool", default: false, doc: "search half the taps, the other half are their mirror images" },
  },
  infer(ctx) {
    const [from, to] = [siteAttr(ctx.attrs, "from"), siteAttr(ctx.attrs, "to")];
    if (!checkGeometry(ctx, from)) return [];
    const g = geometryOf(ctx.attrs);
    if (!ctx.sites.strideLeads(from, g.stride, to)) ctx.problem(`no convolution with this stride leads from @${from} to @${to}`);
    if (mirrored(ctx.attrs) && !(from === to && mirrors(g))) ctx.problem("mirrored needs one site set and an odd, centred kernel");
    return [rulebook(from, to, g.kernel)];
  },
  evaluate: (ctx) => [search(ctx)],
};

/** The pairs of each tap; with `mirrored`, those of the second half of the taps are the first half's exchanged. */
function search(ctx: EvalContext): RulebookValue {
  const [from, to] = [ctx.sites(siteAttr(ctx.attrs, "from")), ctx.sites(siteAttr(ctx.attrs, "to"))];
  const g = geometryOf(ctx.attrs);
  const volume = kernelVolume(g.kernel);
  const lists = Array.from({ length: volume }, (): number[] => []);
  eachPair(from, to, g, (tap, input, output) => lists[tap]!.push(input, output));
  const pairs = lists.map((list) => Int32Array.from(list));
  if (!mirrored(ctx.attrs)) return { kind: "rulebook", from, to, pairs };
  return { kind: "rulebook", from, to, pairs: pairs.map((own, tap) => (2 * tap < volume ? own : exchange(pairs[volume - 1 - tap]!))) };
}

/** Each pair with its two rows exchanged. */
const exchange = (pairs: Int32Array): Int32Array => pairs.map((_, i) => pairs[i ^ 1]!);

export const transposeOp: OpDef = {
  name: "rulebook.transpose",
  levels: ["fused"],
  doc: "The same pairs exchanged, tap by tap.",
  operands: [parent],
  attrs: {},
  infer(ctx) {
    const rb = ctx.types[0] as RulebookType;
    return [rulebook(rb.to, rb.from, rb.kernel)];
  },
  evaluate(ctx) {
    const rb = operandAs(ctx, 0, "rulebook");
    return [{ kind: "rulebook", from: rb.to, to: rb.from, pairs: rb.pairs.map(exchange) }];
  },
};

/** Tap index per axis of a flat tap index, last axis fastest. */
function tapOf(flat: number, kernel: readonly number[]): readonly number[] {
  const tap: number[] = [];
  let rest = flat;
  for (const k of kernel.toReversed()) {
    tap.unshift(rest % k);
    rest = Math.floor(rest / k);
  }
  return tap;
}

/** Whether the taps are start + index · step (step ≥ 1) on every axis: only then are they the taps of some convolution. */
function isSubGrid(taps: readonly number[], kernel: readonly number[], larger: readonly number[]): boolean {
  const points = taps.map((flat) => tapOf(flat, larger));
  const start = points[0]!;
  const last = points.at(-1)!;
  const step = kernel.map((k, a) => (k === 1 ? 1 : (last[a]! - start[a]!) / (k - 1)));
  if (step.some((s) => s < 1)) return false;
  return points.every((point, i) => tapOf(i, kernel).every((index, a) => point[a] === start[a]! + index * step[a]!));
}

export const rulebookSliceOp: OpDef = {
  name: "rulebook.slice",
  levels: ["fused"],
  doc: "The rulebook of a smaller kernel: some taps of a larger one on the same sites, a regular part of it or, where `kernel` has one entry, any list of taps (a cross).",
  operands: [parent],
  attrs: {
    kernel: { kind: "ints", doc: "taps per axis of the smaller kernel, or their number" },
    taps: { kind: "ints", doc: "for each tap of the smaller kernel, the flat tap of the larger" },
  },
  infer(ctx) {
    const rb = ctx.types[0] as RulebookType;
    const [kernel, taps] = [numbers(ctx.attrs, "kernel"), numbers(ctx.attrs, "taps")];
    if (kernel.length === 1 && kernel[0] === taps.length && new Set(taps).size === taps.length && taps.every((t) => t >= 0 && t < kernelVolume(rb.kernel))) return [rulebook(rb.from, rb.to, kernel)];
    if (kernel.length !== rb.kernel.length) ctx.problem(`kernel has ${kernel.length} entries, the larger has ${rb.kernel.length}`);
    else if (kernel.some((k, i) => k < 1 || k > rb.kernel[i]!)) ctx.problem(`kernel [${kernel.join(", ")}] is no part of [${rb.kernel.join(", ")}]`);
    else if (taps.length !== kernelVolume(kernel)) ctx.problem(`${taps.length} taps given, the kernel has ${kernelVolume(kernel)}`);
    else if (taps.some((t) => t < 0 || t >= kernelVolume(rb.kernel))) ctx.problem(`taps must be 0 to ${kernelVolume(rb.kernel) - 1}`);
    else if (!isSubGrid(taps, kernel, rb.kernel)) ctx.problem("the taps are no regular part of the larger kernel");
    return [rulebook(rb.from, rb.to, kernel)];
  },
  evaluate(ctx) {
    const rb = operandAs(ctx, 0, "rulebook");
    return [{ ...rb, pairs: numbers(ctx.attrs, "taps").map((tap) => rb.pairs[tap]!) }];
  },
};

export const haloOp: OpDef = {
  name: "rulebook.halo",
  levels: ["fused"],
  doc: "A submanifold rulebook with the halo tables of on-chip pairs: per tile of output rows, the rows it reads.",
  operands: [parent],
  attrs: { tile: { kind: "int", doc: "output rows per tile" }, capacity: { kind: "int", doc: "rows on chip per tile, halo included" } },
  infer(ctx) {
    const rb = ctx.types[0] as RulebookType;
    if (rb.from !== rb.to) ctx.problem(`halo tables need a submanifold rulebook, this leads from @${rb.from} to @${rb.to}`);
    for (const key of ["tile", "capacity"]) if (number(ctx.attrs, key) < 1) ctx.problem(`${key} must be at least 1`);
    return [rb];
  },
  evaluate: (ctx) => [operandAs(ctx, 0, "rulebook")],
};
