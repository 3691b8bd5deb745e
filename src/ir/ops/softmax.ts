import { softmaxRows } from "../interp/rows.ts";
import { operandAs } from "../interp/value.ts";
import type { OpDef } from "./op.ts";

export const softmaxOp: OpDef = {
  name: "softmax",
  levels: ["net", "fused"],
  doc: "exp(x) over its sum along the channels of each row, or the logarithm of that.",
  operands: [{ name: "x", kinds: ["feat", "vec"] }],
  attrs: { log: { kind: "bool", default: false, doc: "whether the logarithm is taken" } },
  infer: (ctx) => [ctx.types[0]!],
  evaluate: (ctx) => [softmaxRows(operandAs(ctx, 0, "feat", "vec"), ctx.attrs["log"] === true)],
};
