import { operandAs, withRows } from "../interp/value.ts";
import { numbers } from "../module.ts";
import type { FeatType } from "../types.ts";
import type { OpDef } from "./op.ts";

/** Gives an input, or what a pruning kept, its ground: what is computed from here on takes every site that is not active to hold it. */
export const groundOp: OpDef = {
  name: "ground",
  levels: ["net"],
  doc: "The input x, or what a prune kept, on a field: every site that is not active holds a row of constants, instead of missing, and what is computed of x has the ground that follows.",
  operands: [{ name: "x", kinds: ["feat"] }],
  attrs: { value: { kind: "floats", doc: "one number per channel" } },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const { length } = numbers(ctx.attrs, "value");
    if (length !== x.channels) ctx.problem(`value has ${length} numbers for ${x.channels} channels`);
    return [x];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    return [withRows(x, x.channels, x.data, Float64Array.from(numbers(ctx.attrs, "value")))];
  },
};
