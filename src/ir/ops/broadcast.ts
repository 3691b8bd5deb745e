import { evaluateEpilogue } from "../interp/epilogue.ts";
import { broadcastRows } from "../interp/rows.ts";
import { operandAs, type EvalContext, type RowsValue } from "../interp/value.ts";
import { string } from "../module.ts";
import type { FeatType, VecType } from "../types.ts";
import { checkAllUsed, epilogueOf, epilogueOperands, inferEpilogue, readEpilogue, refuseLinear } from "./epilogue.ts";
import { anyOperands, epilogueAttr } from "./fused.ts";
import type { AttrDef, InferContext, OpDef, OperandDef } from "./op.ts";

export type BroadcastRule = "sum" | "product" | "copy";

const operands: readonly OperandDef[] = [{ name: "x", kinds: ["feat"] }, { name: "vector", kinds: ["vec"] }];
const by: AttrDef = { kind: "string", values: ["sum", "product", "copy"], doc: "added to the row, multiplied with it, or in its place" };

/** Type of the rows. Vectors of any input fit: the inputs of a run share their batch items. */
function rowsType(ctx: InferContext): FeatType {
  const [x, vector] = [ctx.types[0] as FeatType, ctx.types[1] as VecType];
  if (ctx.attrs["by"] !== "copy" && x.channels !== vector.channels) ctx.problem(`the row has ${x.channels} channels, the vector ${vector.channels}`);
  return { ...x, channels: vector.channels };
}

const rows = (ctx: EvalContext): RowsValue => broadcastRows(operandAs(ctx, 0, "feat"), operandAs(ctx, 1, "vec"), string(ctx.attrs, "by") as BroadcastRule);

export const broadcastOp: OpDef = {
  name: "broadcast",
  levels: ["net"],
  doc: "The vector of each row's batch item, added to the row, multiplied with it, or in its place on its site.",
  operands,
  attrs: { by },
  infer: (ctx) => [rowsType(ctx)],
  evaluate: (ctx) => [rows(ctx)],
};

export const fusedBroadcastOp: OpDef = {
  name: "fused.broadcast",
  levels: ["fused"],
  doc: "The vector of each row's batch item joined with the row, then an epilogue on the result that mixes no channels.",
  operands: [...operands, anyOperands],
  attrs: { by, epilogue: epilogueAttr },
  infer(ctx) {
    const items = readEpilogue(ctx.attrs["epilogue"], ctx.problem);
    if (items === undefined) return [];
    checkAllUsed(ctx, [0, 1, ...items.flatMap(epilogueOperands)]);
    refuseLinear(ctx, items);
    const result = inferEpilogue(ctx, items, rowsType(ctx));
    return result === undefined ? [] : [...result.emits, result.final];
  },
  evaluate(ctx) {
    const { emits, final } = evaluateEpilogue(ctx, epilogueOf(ctx.attrs["epilogue"]), rows(ctx));
    return [...emits, final];
  },
};
