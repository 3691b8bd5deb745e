import { eachPair, reduceRows } from "../interp/gather.ts";
import { operandAs } from "../interp/value.ts";
import { numbers, string, type Attrs } from "../module.ts";
import { feat, vec, type FeatType } from "../types.ts";
import { checkGeometry, deriveSites, geometryAttrs, geometryOf, siteRuleAttrs } from "./conv.ts";
import type { AttrDef, OpDef } from "./op.ts";

export const poolMode: AttrDef = { kind: "string", values: ["max", "avg", "sum"], doc: "what is taken over the active inputs" };
export const poolDivisor: AttrDef = {
  kind: "string",
  values: ["count", "volume"],
  default: "count",
  doc: "avg divides by the number of active inputs, or by the kernel's volume",
};

/** `max`, `avg` or `sum` of a pooling op. */
export const poolModeOf = (attrs: Attrs): "max" | "avg" | "sum" => string(attrs, "mode") as "max" | "avg" | "sum";

export const poolOp: OpDef = {
  name: "pool",
  levels: ["net"],
  doc: "Local pool over the active inputs under the kernel.",
  operands: [{ name: "x", kinds: ["feat"] }],
  attrs: {
    mode: poolMode,
    ...geometryAttrs,
    ...siteRuleAttrs("same"),
    divisor: poolDivisor,
  },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    if (!checkGeometry(ctx, x.sites)) return [];
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
    const divisor = string(ctx.attrs, "divisor") === "volume" ? g.kernel.reduce((product, k) => product * k, 1) : undefined;
    const data = reduceRows(poolModeOf(ctx.attrs), divisor, x.data, x.channels, sites.count, (visit) =>
      eachPair(x.sites, sites, g, (_, input, output) => visit(input, output)),
    );
    return [{ kind: "feat", sites, channels: x.channels, data }];
  },
};

export const globalPoolOp: OpDef = {
  name: "global_pool",
  levels: ["net", "fused"],
  doc: "One row per batch item, over all its sites; a batch item without sites gives zeros.",
  operands: [{ name: "x", kinds: ["feat"] }],
  attrs: { mode: poolMode },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    return [vec(ctx.sites.root(x.sites), x.channels, x.dtype)];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const width = x.sites.dim + 1;
    const data = reduceRows(poolModeOf(ctx.attrs), undefined, x.data, x.channels, ctx.batch, (visit) => {
      for (let row = 0; row < x.sites.count; row++) visit(row, x.sites.coords[row * width]!);
    });
    return [{ kind: "vec", batch: ctx.batch, channels: x.channels, data }];
  },
};
