import { operandAs } from "../interp/value.ts";
import { feat, type FeatType } from "../types.ts";
import { checkPerChannel } from "./elementwise.ts";
import type { OpDef } from "./op.ts";

/** A mask for `prune`: which cells of a dense tensor hold something. */
export const activeOp: OpDef = {
  name: "active",
  levels: ["net", "fused"],
  doc: "One channel: 1 in the rows of which any channel differs from a vector, or from 0, else 0. NaN differs from every number.",
  operands: [{ name: "x", kinds: ["feat"] }, { name: "ground", kinds: ["param"], optional: true }],
  attrs: {},
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    if (ctx.types[1] !== undefined) checkPerChannel(ctx.problem, "ground", ctx.types[1], x.channels);
    return [feat(x.sites, 1, x.dtype)];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const ground = ctx.operands.length > 1 ? operandAs(ctx, 1, "param").data : new Float64Array(x.channels);
    const data = new Float64Array(x.sites.count).map((_, row) => (ground.some((g, c) => x.data[row * x.channels + c] !== g) ? 1 : 0));
    return [{ kind: "feat", sites: x.sites, channels: 1, data }];
  },
};
