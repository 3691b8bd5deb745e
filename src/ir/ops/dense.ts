import { scatterDense } from "../interp/dense.ts";
import { operandAs } from "../interp/value.ts";
import { string } from "../module.ts";
import type { SiteTable } from "../sites.ts";
import { dense, DTYPES, type DenseType, type FeatType } from "../types.ts";
import { checkPerChannel } from "./elementwise.ts";
import type { AttrDef, OpDef } from "./op.ts";

export const foldAttr: AttrDef = { kind: "string", default: "", doc: "axis folded into channels (index c · extent + coordinate), or empty" };

export type DenseLayout = "channels_first" | "channels_last";

const layoutAttr: AttrDef = { kind: "string", values: ["channels_first", "channels_last"], default: "channels_first", doc: "whether the channels come before the extents or behind them" };

/**
 * Shape of the dense scatter of `x`: [C, extents…], [extents…, C], or [C · e_fold, the other extents…]; undefined after
 * reporting why not.
 */
export function denseType(sites: SiteTable, x: FeatType, fold: string, problem: (message: string) => void, layout: DenseLayout = "channels_first"): DenseType | undefined {
  const extents = sites.extents(x.sites);
  if (extents === undefined) {
    problem(`@${x.sites} has no extents, a dense tensor needs them`);
    return undefined;
  }
  if (layout === "channels_last") {
    if (fold !== "") problem("an axis folds into the channels only where they come first");
    return fold === "" ? dense([...extents, x.channels], x.dtype) : undefined;
  }
  if (fold === "") return dense([x.channels, ...extents], x.dtype);
  const axis = sites.axes(x.sites).indexOf(fold);
  if (axis < 0) {
    problem(`@${x.sites} has no axis ${fold}`);
    return undefined;
  }
  return dense([x.channels * extents[axis]!, ...extents.filter((_, i) => i !== axis)], x.dtype);
}

export const toDenseOp: OpDef = {
  name: "to_dense",
  levels: ["net", "fused"],
  doc: "Scatters rows into a dense tensor, zero or the ground where no site is, batch first, channels next or last.",
  operands: [{ name: "x", kinds: ["feat"], numbers: DTYPES }, { name: "ground", kinds: ["param"], optional: true }],
  attrs: { fold: foldAttr, layout: layoutAttr, deferred: { kind: "bool", doc: "made of rows when it is handed over, on a target that hands outputs over itself", default: false } },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    if (ctx.types[1] !== undefined) checkPerChannel(ctx.problem, "ground", ctx.types[1], x.channels);
    if (ctx.types[1] !== undefined && ctx.attrs["deferred"] === true) ctx.problem("a tensor that a ground fills cannot be deferred");
    const type = denseType(ctx.sites, x, string(ctx.attrs, "fold"), ctx.problem, string(ctx.attrs, "layout") as DenseLayout);
    return type === undefined ? [] : [type];
  },
  evaluate(ctx) {
    const type = ctx.resultTypes[0] as DenseType;
    const x = operandAs(ctx, 0, "feat");
    const ground = ctx.operands.length > 1 ? operandAs(ctx, 1, "param").data : x.ground;
    return [scatterDense(x, ctx.batch, type.shape, string(ctx.attrs, "fold"), string(ctx.attrs, "layout") === "channels_last", ground)];
  },
};
