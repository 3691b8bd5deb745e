import { addVector, eachPair, multiplyGroups } from "../interp/gather.ts";
import type { SiteRows } from "../interp/site-rows.ts";
import { operandAs, type EvalContext, type FeatValue } from "../interp/value.ts";
import { number, numbers, siteAttr, string } from "../module.ts";
import type { Attrs } from "../module.ts";
import { outputExtent, type Geometry, type SiteId, type SiteTable } from "../sites.ts";
import { feat, type DType, type FeatType, type ParamType, type Type } from "../types.ts";
import { addendOf, productOf } from "../whole.ts";
import type { AttrDef, InferContext, OpDef, OperandDef } from "./op.ts";
import { ownTaps, shapeAttr, tapAxes } from "./shape.ts";

export const geometryAttrs: Readonly<Record<string, AttrDef>> = {
  kernel: { kind: "ints", doc: "taps per axis" },
  stride: { kind: "ints", doc: "stride per axis" },
  padding: { kind: "ints", doc: "padding before, per axis: in = stride·out − padding + tap·dilation" },
  dilation: { kind: "ints", doc: "dilation per axis" },
};

/** Left out where 1. */
export const groupsAttr: AttrDef = { kind: "int", default: 1, doc: "groups of channels convolved apart: output group g reads input group g; the weight is [k…, Cin / groups, Cout]" };

/** Weight and bias of a product: real numbers, or those of a quantised layer. */
export const productParams: readonly OperandDef[] = [
  { name: "weight", kinds: ["param"], numbers: ["f32", "i8"] },
  { name: "bias", kinds: ["param"], optional: true, numbers: ["f32", "i32"] },
];

const convOperands: readonly OperandDef[] = [{ name: "x", kinds: ["feat"], numbers: ["f32", "i8"] }, ...productParams];

/** Numbers of x times weight, and whether the bias is of them; reports what does not go together. */
export function checkNumbers(problem: (message: string) => void, x: DType, weight: Type | undefined, bias: Type | undefined): DType {
  const w = (weight as ParamType).dtype;
  const sum = productOf(x, w);
  if (sum === undefined) problem(`x is ${x}, its weight ${w}: real numbers go with real ones, i8 with i8`);
  else if (bias !== undefined && (bias as ParamType).dtype !== addendOf(sum)) problem(`bias is ${(bias as ParamType).dtype}, expected ${addendOf(sum)}`);
  return sum ?? x;
}

export function geometryOf(attrs: Attrs): Geometry {
  return { kernel: numbers(attrs, "kernel"), stride: numbers(attrs, "stride"), padding: numbers(attrs, "padding"), dilation: numbers(attrs, "dilation") };
}

/** Geometry attributes of `subm`, whose stride is 1 and not written. */
export const submGeometry = (table: SiteTable, sites: SiteId, attrs: Attrs): Attrs & Geometry => ({
  kernel: numbers(attrs, "kernel"),
  stride: table.axes(sites).map(() => 1),
  padding: numbers(attrs, "padding"),
  dilation: numbers(attrs, "dilation"),
});

/** The site rule of a convolution or pool that leads to another set, and the set of the rule `given`. */
export const siteRuleAttrs = (...more: readonly string[]): Readonly<Record<"sites" | "onto", AttrDef>> => ({
  sites: { kind: "string", values: [...more, "reach", "floor", "given"], doc: "site rule" },
  onto: { kind: "site", doc: "the output sites of the rule given", default: "" },
});

/** Whether the kernel can have its shape on these sites; reports why not. */
export function checkShape(ctx: InferContext): boolean {
  if (string(ctx.attrs, "shape") === "box") return true;
  const problems = [
    ...(numbers(ctx.attrs, "kernel").some((k) => k % 2 === 0) ? ["a cross needs an odd kernel"] : []),
    ...(ctx.attrs["sites"] === "reach" ? ["a cross derives no sites by reach"] : []),
    ...(ctx.attrs["groups"] !== undefined && ctx.attrs["groups"] !== 1 ? ["a cross has one group"] : []),
  ];
  problems.forEach((p) => ctx.problem(p));
  return problems.length === 0;
}

/** The site set of a strided convolution or pool by its `sites` rule; undefined after reporting that it has no room. */
export function deriveSites(ctx: InferContext, of: SiteId): SiteId | undefined {
  const g = geometryOf(ctx.attrs);
  const onto = siteAttr(ctx.attrs, "onto");
  if (string(ctx.attrs, "sites") === "given") {
    if (onto !== "" && ctx.sites.strideLeads(of, g.stride, onto)) return onto;
    ctx.problem(onto === "" ? "sites = given needs onto" : `no convolution with this stride leads from @${of} to @${onto}`);
    return undefined;
  }
  if (onto !== "") ctx.problem("onto goes with sites = given");
  if (string(ctx.attrs, "sites") === "floor") return ctx.sites.deriveFloor(of, g.stride);
  const extents = ctx.sites.extents(of);
  const axis = (extents ?? []).findIndex((n, i) => outputExtent(n, g.kernel[i]!, g.stride[i]!, g.padding[i]!, g.dilation[i]!) < 1);
  if (axis < 0) return ctx.sites.deriveReach(of, g);
  ctx.problem(`the kernel does not fit: axis ${ctx.sites.axes(of)[axis]} of @${of} has extent ${extents![axis]}`);
  return undefined;
}

/** Whether every geometry list has one entry per axis, in range; reports what is not. */
export function checkGeometry(ctx: InferContext, sites: SiteId, attrs: Attrs = ctx.attrs): boolean {
  const dim = ctx.sites.dim(sites);
  let ok = true;
  const problem = (message: string): void => {
    ok = false;
    ctx.problem(message);
  };
  if (ctx.sites.def(sites).kind === "points") problem(`@${sites} are points, which lie on no grid`);
  for (const key of Object.keys(geometryAttrs)) {
    const list = numbers(attrs, key);
    if (list.length !== dim) problem(`${key} has ${list.length} entries, @${sites} has ${dim} axes`);
    if (key !== "padding" && list.some((n) => n < 1)) problem(`${key} must be at least 1`);
  }
  return ok;
}

/** Checks weight [k0, …, Cin / groups, Cout] and bias [Cout] against the input; returns Cout. */
export function checkWeights(ctx: InferContext, kernel: readonly number[], x: FeatType, weight: Type | undefined, bias: Type | undefined, groups = 1): number {
  const shape = (weight as ParamType).shape;
  const cout = shape.at(-1) ?? 0;
  if (groups < 1 || x.channels % groups !== 0 || cout % groups !== 0) {
    ctx.problem(`${groups} groups do not divide ${x.channels} input and ${cout} output channels`);
    return cout;
  }
  const expected = [...kernel, x.channels / groups, cout];
  if (shape.length !== expected.length || shape.some((n, i) => n !== expected[i])) {
    ctx.problem(`weight is [${shape.join(", ")}], expected [${[...kernel, x.channels / groups, "Cout"].join(", ")}]`);
  }
  if (bias !== undefined && ((bias as ParamType).shape.length !== 1 || (bias as ParamType).shape[0] !== cout)) {
    ctx.problem(`bias is [${(bias as ParamType).shape.join(", ")}], expected [${cout}]`);
  }
  return cout;
}

/**
 * Convolution of operand 0 onto `sites` by the pairs that `each` visits, plus the bias operand. Of an operand with a
 * ground every tap that finds no active site finds the ground, and the result's ground is what finds nothing else.
 */
function convolve(ctx: EvalContext, sites: SiteRows, each: (x: FeatValue, visit: (tap: number, input: number, output: number) => void) => void): FeatValue {
  const [x, w] = [operandAs(ctx, 0, "feat"), operandAs(ctx, 1, "param")];
  const cout = w.shape.at(-1)!;
  const data = new Float64Array(sites.count * cout);
  const groups = number(ctx.attrs, "groups");
  const taps = w.data.length / ((x.channels / groups) * cout);
  const found = new Uint8Array(x.ground === undefined ? 0 : sites.count * taps);
  each(x, (tap, input, output) => {
    found[output * taps + tap] = 1;
    multiplyGroups(data, output, x.data, input, w.data, tap, x.channels, cout, groups);
  });
  const ground = x.ground && new Float64Array(cout);
  if (x.ground !== undefined && ground !== undefined) {
    found.forEach((there, i) => {
      if (there === 0) multiplyGroups(data, Math.floor(i / taps), x.ground!, 0, w.data, i % taps, x.channels, cout, groups);
    });
    for (let tap = 0; tap < taps; tap++) multiplyGroups(ground, 0, x.ground, 0, w.data, tap, x.channels, cout, groups);
  }
  for (const part of ground === undefined ? [data] : [data, ground]) if (ctx.operands.length > 2) addVector(part, operandAs(ctx, 2, "param").data);
  return { kind: "feat", sites, channels: cout, data, ...(ground && { ground }) };
}

/** Submanifold convolution: the site set stays. */
export const submOp: OpDef = {
  name: "subm",
  levels: ["net"],
  doc: "Submanifold convolution: output sites are the input's sites.",
  operands: convOperands,
  attrs: { kernel: geometryAttrs["kernel"]!, padding: geometryAttrs["padding"]!, dilation: geometryAttrs["dilation"]!, shape: shapeAttr, groups: groupsAttr },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    if (!checkGeometry(ctx, x.sites, submGeometry(ctx.sites, x.sites, ctx.attrs)) || !checkShape(ctx)) return [];
    const cout = checkWeights(ctx, tapAxes(ctx.attrs, numbers(ctx.attrs, "kernel")), x, ctx.types[1], ctx.types[2], number(ctx.attrs, "groups"));
    return [feat(x.sites, cout, checkNumbers(ctx.problem, x.dtype, ctx.types[1], ctx.types[2]))];
  },
  evaluate(ctx) {
    const sites = operandAs(ctx, 0, "feat").sites;
    const g = submGeometry(ctx.table, (ctx.resultTypes[0] as FeatType).sites, ctx.attrs);
    return [convolve(ctx, sites, (x, visit) => eachPair(x.sites, sites, g, ownTaps(ctx.attrs, g.kernel, visit)))];
  },
};

/** Convolution onto a derived site set. */
export const convOp: OpDef = {
  name: "conv",
  levels: ["net"],
  doc: "Convolution onto other sites: by reach (every output an active input reaches), floor (floor(in / stride)), or given ones.",
  operands: convOperands,
  attrs: { ...geometryAttrs, ...siteRuleAttrs(), shape: shapeAttr, groups: groupsAttr },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    if (!checkGeometry(ctx, x.sites) || !checkShape(ctx)) return [];
    const cout = checkWeights(ctx, tapAxes(ctx.attrs, numbers(ctx.attrs, "kernel")), x, ctx.types[1], ctx.types[2], number(ctx.attrs, "groups"));
    const to = deriveSites(ctx, x.sites);
    return to === undefined ? [] : [feat(to, cout, checkNumbers(ctx.problem, x.dtype, ctx.types[1], ctx.types[2]))];
  },
  evaluate(ctx) {
    const sites = ctx.sites((ctx.resultTypes[0] as FeatType).sites);
    const g = geometryOf(ctx.attrs);
    return [convolve(ctx, sites, (x, visit) => eachPair(x.sites, sites, g, ownTaps(ctx.attrs, g.kernel, visit)))];
  },
};

/** Reports when no convolution with the op's stride leads from its `onto` to the sites `from`. */
export function checkWayBack(ctx: InferContext, from: SiteId): void {
  const onto = siteAttr(ctx.attrs, "onto");
  if (!ctx.sites.strideLeads(onto, numbers(ctx.attrs, "stride"), from)) ctx.problem(`no convolution with this stride leads from @${onto} to @${from}`);
}

/** Transposed convolution onto the sites that a `conv` came from, or onto others of that grid: its pairs exchanged, the same tap index. */
export const upOp: OpDef = {
  name: "up",
  levels: ["net"],
  doc: "Transposed convolution onto given finer sites: the pairs of a convolution from there to here exchanged, the same tap index.",
  operands: convOperands,
  attrs: { ...geometryAttrs, onto: { kind: "site", doc: "the finer site set" }, shape: shapeAttr, groups: groupsAttr },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const onto = siteAttr(ctx.attrs, "onto");
    if (!checkGeometry(ctx, onto) || !checkShape(ctx)) return [];
    checkWayBack(ctx, x.sites);
    const cout = checkWeights(ctx, tapAxes(ctx.attrs, numbers(ctx.attrs, "kernel")), x, ctx.types[1], ctx.types[2], number(ctx.attrs, "groups"));
    return [feat(onto, cout, checkNumbers(ctx.problem, x.dtype, ctx.types[1], ctx.types[2]))];
  },
  evaluate(ctx) {
    const fine = ctx.sites(siteAttr(ctx.attrs, "onto"));
    const g = geometryOf(ctx.attrs);
    return [convolve(ctx, fine, (x, visit) => eachPair(fine, x.sites, g, ownTaps(ctx.attrs, g.kernel, (tap, to, from) => visit(tap, from, to))))];
  },
};
