import { scatterDense } from "../interp/dense.ts";
import { operandAs, type EvalContext, type FeatValue } from "../interp/value.ts";
import { string } from "../module.ts";
import type { SiteTable } from "../sites.ts";
import { feat, type FeatType } from "../types.ts";
import { denseType, foldAttr } from "./dense.ts";
import { checkPerChannel } from "./elementwise.ts";
import type { OpDef } from "./op.ts";

/** The features of `x` on the full grid of its sites, one axis in the channels; undefined after reporting why not. */
function gridType(sites: SiteTable, x: FeatType, fold: string, problem: (message: string) => void): FeatType | undefined {
  if (sites.isFull(x.sites)) problem(`@${x.sites} is a full grid`);
  const type = denseType(sites, x, fold, problem);
  const axes = sites.axes(x.sites).filter((axis) => axis !== fold);
  if (axes.length === 0) problem("no axis would be left");
  if (type === undefined || axes.length === 0 || sites.isFull(x.sites)) return undefined;
  const [channels, ...extents] = type.shape as readonly [number, ...number[]];
  return feat(sites.fullGrid(axes, extents), channels, x.dtype);
}

/** From sparse features to features at every cell; what dense convolutions begin with. */
export const toGridOp: OpDef = {
  name: "to_grid",
  levels: ["net", "fused"],
  doc: "Features on the full grid: the rows where sites are, zeros or the ground elsewhere; one axis may fold into the channels.",
  operands: [{ name: "x", kinds: ["feat"] }, { name: "ground", kinds: ["param"], optional: true }],
  attrs: { fold: foldAttr },
  infer(ctx) {
    if (ctx.types[1] !== undefined) checkPerChannel(ctx.problem, "ground", ctx.types[1], (ctx.types[0] as FeatType).channels);
    const type = gridType(ctx.sites, ctx.types[0] as FeatType, string(ctx.attrs, "fold"), ctx.problem);
    return type === undefined ? [] : [type];
  },
  evaluate: (ctx) => [evaluateGrid(ctx)],
};

/** The dense tensor [batch, C, extents…], row by row of the grid. */
function evaluateGrid(ctx: EvalContext): FeatValue {
  const { sites: id, channels } = ctx.resultTypes[0] as FeatType;
  const sites = ctx.sites(id);
  const cells = sites.count / ctx.batch;
  const x = operandAs(ctx, 0, "feat");
  const ground = ctx.operands.length > 1 ? operandAs(ctx, 1, "param").data : x.ground;
  const { data } = scatterDense(x, ctx.batch, [channels, ...ctx.table.extents(id)!], string(ctx.attrs, "fold"), false, ground);
  const rows = new Float64Array(data.length);
  for (let row = 0; row < sites.count; row++) {
    const first = Math.floor(row / cells) * channels * cells + (row % cells);
    for (let c = 0; c < channels; c++) rows[row * channels + c] = data[first + c * cells]!;
  }
  return { kind: "feat", sites, channels, data: rows };
}
