import { eachPair, reduceRows, reduceWindows, type ReduceMode } from "../interp/gather.ts";
import type { SiteRows } from "../interp/site-rows.ts";
import { operandAs, type FeatValue } from "../interp/value.ts";
import { numbers, siteAttr, string, type Attrs } from "../module.ts";
import { DTYPES, feat, vec, type DType, type FeatType, type VecType } from "../types.ts";
import { checkGeometry, checkShape, checkWayBack, deriveSites, geometryAttrs, geometryOf, siteRuleAttrs } from "./conv.ts";
import { exactSum, isWhole, truncatedMean } from "../whole.ts";
import type { AttrDef, InferContext, OpDef } from "./op.ts";
import { ownTaps, shapeAttr, tapAxes } from "./shape.ts";

export const poolMode: AttrDef = { kind: "string", values: ["max", "avg", "sum"], doc: "what is taken over the active inputs" };
export const poolDivisor: AttrDef = {
  kind: "string",
  values: ["count", "volume"],
  default: "count",
  doc: "avg divides by the number of active inputs, or by the kernel's volume; max over the volume counts missing inputs as 0",
};

/** `max`, `avg` or `sum` of a pooling op. */
export const poolModeOf = (attrs: Attrs): ReduceMode => string(attrs, "mode") as ReduceMode;

type Each = (visit: (input: number, output: number) => void) => void;

/** The reduced rows on `sites`: over the rows that are there, or over windows of `taps` cells where the operand has a ground. */
function reduceOnto(mode: ReduceMode, divisor: number | undefined, taps: number, x: FeatValue, sites: SiteRows, each: Each): FeatValue {
  const head = { kind: "feat", sites, channels: x.channels } as const;
  if (x.ground === undefined) return { ...head, data: reduceRows(mode, divisor, x.data, x.channels, sites.count, each) };
  return { ...head, ...reduceWindows(mode, taps, x.data, x.ground, sites.count, each) };
}

/** Of whole numbers there are only maxima. */
export function checkPooled(ctx: InferContext, x: FeatType): void {
  if (isWhole(x.dtype) && string(ctx.attrs, "mode") !== "max") ctx.problem(`${string(ctx.attrs, "mode")} of ${x.dtype}: a local pool of whole numbers takes the max`);
}

export const poolOp: OpDef = {
  name: "pool",
  levels: ["net"],
  doc: "Local pool over the active inputs under the kernel.",
  operands: [{ name: "x", kinds: ["feat"], numbers: DTYPES }],
  attrs: {
    mode: poolMode,
    ...geometryAttrs,
    ...siteRuleAttrs("same"),
    shape: shapeAttr,
    divisor: poolDivisor,
  },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    if (!checkGeometry(ctx, x.sites) || !checkShape(ctx)) return [];
    checkPooled(ctx, x);
    if (string(ctx.attrs, "sites") !== "same") {
      const to = deriveSites(ctx, x.sites);
      return to === undefined ? [] : [feat(to, x.channels, x.dtype)];
    }
    if (numbers(ctx.attrs, "stride").some((s) => s !== 1)) ctx.problem("sites = same needs stride 1");
    return [x];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const sites = ctx.sites((ctx.resultTypes[0] as FeatType).sites);
    const g = geometryOf(ctx.attrs);
    const taps = tapAxes(ctx.attrs, g.kernel).reduce((product, k) => product * k, 1);
    const divisor = string(ctx.attrs, "divisor") === "volume" ? taps : undefined;
    return [reduceOnto(poolModeOf(ctx.attrs), divisor, taps, x, sites, (visit) => eachPair(x.sites, sites, g, ownTaps(ctx.attrs, g.kernel, (_, input, output) => visit(input, output))))];
  },
};

/** Back onto the sites of the matching step: every finer site reduces the coarser rows that its pairs name. */
export const unpoolOp: OpDef = {
  name: "unpool",
  levels: ["net"],
  doc: "Inverse of a local pool: returns to the sites that the matching pool or convolution came from, by its pairs exchanged; each finer site gets the sum or the average of the coarser rows that its pairs name.",
  operands: [{ name: "x", kinds: ["feat"] }],
  attrs: {
    mode: { kind: "string", values: ["avg", "sum"], doc: "what is taken over the coarser rows" },
    ...geometryAttrs,
    onto: { kind: "site", doc: "the finer site set" },
    shape: shapeAttr,
  },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const onto = siteAttr(ctx.attrs, "onto");
    if (!checkGeometry(ctx, onto) || !checkShape(ctx)) return [];
    checkWayBack(ctx, x.sites);
    return [feat(onto, x.channels, x.dtype)];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const fine = ctx.sites(siteAttr(ctx.attrs, "onto"));
    const g = geometryOf(ctx.attrs);
    // With a ground the kernel is the stride: one coarser cell over each site.
    return [reduceOnto(poolModeOf(ctx.attrs), undefined, 1, x, fine, (visit) => eachPair(fine, x.sites, g, ownTaps(ctx.attrs, g.kernel, (_, to, from) => visit(from, to))))];
  },
};

export const globalPoolOp: OpDef = {
  name: "global_pool",
  levels: ["net", "fused"],
  doc: "One row per batch item, over all its sites; a batch item without sites gives zeros. Of 8-bit numbers avg is trunc(mean + 0.01), 8 bits again, and sum is exact.",
  operands: [{ name: "x", kinds: ["feat"], numbers: DTYPES }],
  attrs: { mode: poolMode },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const dtype = pooledNumbers(poolModeOf(ctx.attrs), x.dtype);
    if (dtype === undefined) ctx.problem(`${string(ctx.attrs, "mode")} of ${x.dtype}: whole numbers are summed and averaged where they have 8 bits`);
    return [vec(ctx.sites.root(x.sites), x.channels, dtype ?? x.dtype)];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const width = x.sites.dim + 1;
    const mode = poolModeOf(ctx.attrs);
    const { dtype } = ctx.resultTypes[0] as VecType;
    const reduce = (by: "max" | "avg" | "sum"): Float64Array =>
      reduceRows(by, undefined, x.data, x.channels, ctx.batch, (visit) => {
        for (let row = 0; row < x.sites.count; row++) visit(row, x.sites.coords[row * width]!);
      });
    if (!isWhole(dtype) || mode === "max") return [{ kind: "vec", batch: ctx.batch, channels: x.channels, data: reduce(mode) }];
    const counts = new Float64Array(ctx.batch);
    for (let row = 0; row < x.sites.count; row++) counts[x.sites.coords[row * width]!]!++;
    const data = reduce("sum").map((sum, i) => (mode === "sum" ? exactSum(sum) : truncatedMean(sum, counts[Math.floor(i / x.channels)]!)));
    return [{ kind: "vec", batch: ctx.batch, channels: x.channels, data }];
  },
};

/** Numbers of a global pool, or undefined where there is no rule. */
export function pooledNumbers(mode: "max" | "avg" | "sum", x: DType): DType | undefined {
  if (!isWhole(x) || mode === "max") return x;
  if (x !== "i8") return undefined;
  return mode === "sum" ? "i32" : "i8";
}
