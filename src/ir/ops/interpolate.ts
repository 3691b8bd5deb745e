import { operandAs, type EvalContext, type FeatValue } from "../interp/value.ts";
import { number, siteAttr } from "../module.ts";
import { feat, type FeatType } from "../types.ts";
import type { OpDef } from "./op.ts";

/** Linear interpolation of a dense tensor along one axis; along several it is one after another. */
export const interpolateOp: OpDef = {
  name: "interpolate",
  levels: ["net", "fused"],
  doc: "Linear interpolation along one axis of a dense tensor, onto a grid with another extent there: between the two cells around (i + 1/2) · n / m − 1/2, at least 0, or with corners around i · (n − 1) / (m − 1); beyond the last cell it is repeated.",
  operands: [{ name: "x", kinds: ["feat"] }],
  attrs: {
    axis: { kind: "int", doc: "which axis" },
    corners: { kind: "bool", default: false, doc: "whether the first and last cells of both grids lie at the same places" },
    onto: { kind: "site", doc: "the full grid of the result" },
  },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const [axis, onto] = [number(ctx.attrs, "axis"), siteAttr(ctx.attrs, "onto")];
    const { sites } = ctx;
    if (!sites.isFull(x.sites) || !sites.isFull(onto)) ctx.problem("interpolation is from a full grid onto another");
    else if (sites.axes(x.sites).join() !== sites.axes(onto).join() || !(axis >= 0 && axis < sites.dim(onto))) ctx.problem(`@${x.sites} and @${onto} do not share axis ${axis}`);
    else if (sites.extents(onto)!.some((n, a) => a !== axis && n !== sites.extents(x.sites)![a])) ctx.problem(`@${x.sites} and @${onto} differ in another axis than ${axis}`);
    else return [feat(onto, x.channels, x.dtype)];
    return [];
  },
  evaluate: (ctx) => [evaluate(ctx)],
};

function evaluate(ctx: EvalContext): FeatValue {
  const x = operandAs(ctx, 0, "feat");
  const [axis, onto] = [number(ctx.attrs, "axis"), siteAttr(ctx.attrs, "onto")];
  const sites = ctx.sites(onto);
  const to = ctx.table.extents(onto)![axis]!;
  const from = x.sites.count === 0 ? 1 : ctx.table.extents((ctx.resultTypes[0] as FeatType).sites)!.reduce((n, extent, a) => (a === axis ? n : n / extent), x.sites.count / ctx.batch);
  const width = sites.dim + 1;
  const data = new Float64Array(sites.count * x.channels);
  for (let row = 0; row < sites.count; row++) {
    const site = sites.coords.slice(row * width, (row + 1) * width);
    const i = site[axis + 1]!;
    const place = ctx.attrs["corners"] === true ? (to === 1 ? 0 : (i * (from - 1)) / (to - 1)) : Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(place), from - 1);
    [low, Math.min(low + 1, from - 1)].forEach((cell, end) => {
      site[axis + 1] = cell;
      const at = x.sites.find(site) * x.channels;
      const share = end === 0 ? 1 - (place - low) : place - low;
      for (let c = 0; c < x.channels; c++) data[row * x.channels + c]! += share * x.data[at + c]!;
    });
  }
  return { kind: "feat", sites, channels: x.channels, data };
}
