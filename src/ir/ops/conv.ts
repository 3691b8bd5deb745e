import { numbers, siteAttr, string } from "../module.ts";
import type { Attrs } from "../module.ts";
import type { Geometry, SiteId, SiteTable } from "../sites.ts";
import { feat, type FeatType, type ParamType, type Type } from "../types.ts";
import type { AttrDef, InferContext, OpDef, OperandDef } from "./op.ts";

export const geometryAttrs: Readonly<Record<string, AttrDef>> = {
  kernel: { kind: "ints", doc: "taps per axis" },
  stride: { kind: "ints", doc: "stride per axis" },
  padding: { kind: "ints", doc: "padding before, per axis: in = stride·out − padding + tap·dilation" },
  dilation: { kind: "ints", doc: "dilation per axis" },
};

const convOperands: readonly OperandDef[] = [
  { name: "x", kinds: ["feat"] },
  { name: "weight", kinds: ["param"] },
  { name: "bias", kinds: ["param"], optional: true },
];

export function geometryOf(attrs: Attrs): Geometry {
  return { kernel: numbers(attrs, "kernel"), stride: numbers(attrs, "stride"), padding: numbers(attrs, "padding"), dilation: numbers(attrs, "dilation") };
}

/** The site set of a strided convolution or pool by its `sites` rule. */
export function deriveSites(table: SiteTable, of: SiteId, attrs: Attrs): SiteId {
  const g = geometryOf(attrs);
  return string(attrs, "sites") === "floor" ? table.deriveFloor(of, g.stride) : table.deriveReach(of, g);
}

/** Checks that every geometry list has one entry per axis. */
export function checkGeometry(ctx: InferContext, sites: SiteId): void {
  const dim = ctx.sites.dim(sites);
  for (const key of Object.keys(geometryAttrs)) {
    const list = numbers(ctx.attrs, key);
    if (list.length !== dim) ctx.problem(`${key} has ${list.length} entries, @${sites} has ${dim} axes`);
    const least = key === "padding" ? Number.NEGATIVE_INFINITY : 1;
    if (list.some((n) => !Number.isInteger(n) || n < least)) ctx.problem(`${key} must be whole numbers${key === "padding" ? "" : " of at least 1"}`);
  }
}

/** Checks weight [k0, …, Cin, Cout] and bias [Cout] against the input; returns Cout. */
export function checkWeights(ctx: InferContext, kernel: readonly number[], x: FeatType, weight: Type | undefined, bias: Type | undefined): number {
  const shape = (weight as ParamType).shape;
  const cout = shape.at(-1) ?? 0;
  const expected = [...kernel, x.channels, cout];
  if (shape.length !== expected.length || shape.some((n, i) => n !== expected[i])) {
    ctx.problem(`weight is [${shape.join(", ")}], expected [${[...kernel, x.channels, "Cout"].join(", ")}]`);
  }
  if (bias !== undefined && ((bias as ParamType).shape.length !== 1 || (bias as ParamType).shape[0] !== cout)) {
    ctx.problem(`bias is [${(bias as ParamType).shape.join(", ")}], expected [${cout}]`);
  }
  return cout;
}

/** Submanifold convolution: the site set stays. */
export const submOp: OpDef = {
  name: "subm",
  levels: ["net"],
  doc: "Submanifold convolution: output sites are the input's sites.",
  operands: convOperands,
  attrs: { kernel: geometryAttrs["kernel"]!, padding: geometryAttrs["padding"]!, dilation: geometryAttrs["dilation"]! },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const attrs = { ...ctx.attrs, stride: ctx.sites.axes(x.sites).map(() => 1) };
    checkGeometry({ ...ctx, attrs }, x.sites);
    const cout = checkWeights(ctx, numbers(ctx.attrs, "kernel"), x, ctx.types[1], ctx.types[2]);
    return [feat(x.sites, cout, x.dtype)];
  },
};

/** Convolution onto a derived site set. */
export const convOp: OpDef = {
  name: "conv",
  levels: ["net"],
  doc: "Convolution onto derived sites: by reach (every output an active input reaches) or floor (floor(in / stride)).",
  operands: convOperands,
  attrs: { ...geometryAttrs, sites: { kind: "string", doc: "site rule: reach or floor" } },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    checkGeometry(ctx, x.sites);
    const rule = string(ctx.attrs, "sites");
    if (rule !== "reach" && rule !== "floor") ctx.problem(`unknown site rule ${rule}`);
    const cout = checkWeights(ctx, numbers(ctx.attrs, "kernel"), x, ctx.types[1], ctx.types[2]);
    return [feat(deriveSites(ctx.sites, x.sites, ctx.attrs), cout, x.dtype)];
  },
};

/** Inverse convolution: back onto the sites of the matching `conv`, by the same pairs exchanged and the same tap index. */
export const upOp: OpDef = {
  name: "up",
  levels: ["net"],
  doc: "Inverse convolution: returns to the sites that the matching convolution came from, by its pairs exchanged.",
  operands: convOperands,
  attrs: { ...geometryAttrs, onto: { kind: "site", doc: "the finer site set" } },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const onto = siteAttr(ctx.attrs, "onto");
    if (!ctx.sites.has(onto)) {
      ctx.problem(`unknown site set @${onto}`);
      return [];
    }
    checkGeometry(ctx, onto);
    const g = geometryOf(ctx.attrs);
    if (ctx.sites.deriveReach(onto, g) !== x.sites && ctx.sites.deriveFloor(onto, g.stride) !== x.sites) {
      ctx.problem(`no convolution with this kernel leads from @${onto} to @${x.sites}`);
    }
    const cout = checkWeights(ctx, g.kernel, x, ctx.types[1], ctx.types[2]);
    return [feat(onto, cout, x.dtype)];
  },
};

