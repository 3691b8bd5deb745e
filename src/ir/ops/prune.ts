import { operandAs } from "../interp/value.ts";
import { number, siteAttr } from "../module.ts";
import type { Attrs } from "../module.ts";
import { DTYPES, feat, type FeatType } from "../types.ts";
import type { OpDef } from "./op.ts";


/** Whether a value of the mask keeps its site: NaN keeps none. */
export const keeps = (attrs: Attrs, value: number): boolean => value > number(attrs, "above");

/** Keeps the rows whose mask is greater than a threshold: sites that depend on data. */
export const pruneOp: OpDef = {
  name: "prune",
  levels: ["net", "fused"],
  doc: "The rows of x whose mask is greater than a threshold, on a site set of their own.",
  operands: [
    { name: "x", kinds: ["feat"], numbers: DTYPES },
    { name: "mask", kinds: ["feat"], numbers: DTYPES },
  ],
  attrs: {
    above: { kind: "float", doc: "sites stay where the mask is greater" },
    sites: { kind: "site", doc: "the set that is made, a pruning of the mask's" },
  },
  infer(ctx) {
    const [x, mask] = [ctx.types[0] as FeatType, ctx.types[1] as FeatType];
    if (x.sites !== mask.sites) ctx.problem(`x is on @${x.sites}, its mask on @${mask.sites}`);
    if (ctx.sites.def(mask.sites).kind === "points") ctx.problem(`@${mask.sites} are points, which lie on no grid`);
    if (mask.channels !== 1) ctx.problem(`the mask has ${mask.channels} channels, expected 1`);
    const made = siteAttr(ctx.attrs, "sites");
    const def = ctx.sites.def(made);
    if (def.kind === "prune" && def.of === mask.sites) return [feat(made, x.channels, x.dtype)];
    ctx.problem(`@${made} is no pruning of @${mask.sites}`);
    return [];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const sites = ctx.sites(siteAttr(ctx.attrs, "sites"));
    const data = new Float64Array(sites.count * x.channels);
    for (let row = 0; row < sites.count; row++) {
      const from = x.sites.find(sites.coords, row * (sites.dim + 1)) * x.channels;
      data.set(x.data.subarray(from, from + x.channels), row * x.channels);
    }
    return [{ kind: "feat", sites, channels: x.channels, data, ...(x.ground && { ground: x.ground }) }];
  },
};
