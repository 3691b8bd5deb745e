import { evaluateEpilogue, affineRows } from "../interp/epilogue.ts";
import { normaliseRows } from "../interp/rows.ts";
import { operandAs, type EvalContext, type RowsValue } from "../interp/value.ts";
import { number, string, type Attrs } from "../module.ts";
import { checkPerChannel, type RowsType } from "./elementwise.ts";
import { checkAllUsed, epilogueOf, epilogueOperands, inferEpilogue, readEpilogue, refuseLinear } from "./epilogue.ts";
import { anyOperands, epilogueAttr } from "./fused.ts";
import type { AttrDef, InferContext, OpDef } from "./op.ts";

/** Over which rows statistics are taken: all of them, those of the row's batch item, or the row alone. */
export type Over = "batch" | "item" | "row";

const attrs: Readonly<Record<string, AttrDef>> = {
  over: { kind: "string", values: ["batch", "item", "row"], doc: "statistics over all rows, over those of the row's batch item, or over the row alone, whose channels are then one group" },
  groups: { kind: "int", doc: "groups of channels that share statistics; as many as channels: each has its own" },
  eps: { kind: "float", doc: "added to the variance" },
};

export const overOf = (given: Attrs): Over => string(given, "over") as Over;

function checkNormalise(ctx: InferContext): void {
  const x = ctx.types[0] as RowsType;
  const groups = number(ctx.attrs, "groups");
  if (groups < 1 || x.channels % groups !== 0) ctx.problem(`${groups} groups do not divide ${x.channels} channels`);
  if (overOf(ctx.attrs) === "row" && groups !== 1) ctx.problem("the channels of a row are one group");
  if (number(ctx.attrs, "eps") <= 0) ctx.problem("eps must be greater than 0");
  if (overOf(ctx.attrs) === "item" && x.kind === "vec") ctx.problem("a batch item has no rows to take statistics over");
}

const normalised = (ctx: EvalContext): RowsValue =>
  normaliseRows(operandAs(ctx, 0, "feat", "vec"), ctx.batch, overOf(ctx.attrs), number(ctx.attrs, "groups"), number(ctx.attrs, "eps"));

export const normaliseOp: OpDef = {
  name: "normalise",
  levels: ["net"],
  doc: "Normalisation by statistics of the rows themselves: (x − mean) / sqrt(var + eps), biased variance, then · gamma + beta where given.",
  operands: [{ name: "x", kinds: ["feat", "vec"] }, { name: "gamma", kinds: ["param"], optional: true }, { name: "beta", kinds: ["param"], optional: true }],
  attrs,
  infer(ctx) {
    const x = ctx.types[0] as RowsType;
    checkNormalise(ctx);
    if (ctx.types.length === 2) ctx.problem("gamma needs beta beside it");
    ["gamma", "beta"].slice(0, ctx.types.length - 1).forEach((name, i) => checkPerChannel(ctx.problem, name, ctx.types[i + 1], x.channels));
    return [x];
  },
  evaluate(ctx) {
    const y = normalised(ctx);
    return [ctx.operands.length === 1 ? y : affineRows(y, operandAs(ctx, 1, "param").data, operandAs(ctx, 2, "param").data)];
  },
};

export const fusedNormaliseOp: OpDef = {
  name: "fused.normalise",
  levels: ["fused"],
  doc: "Normalisation by statistics of the rows themselves, then an epilogue on the normalised row that mixes no channels.",
  operands: [{ name: "x", kinds: ["feat", "vec"] }, anyOperands],
  attrs: { ...attrs, epilogue: epilogueAttr },
  infer(ctx) {
    checkNormalise(ctx);
    const items = readEpilogue(ctx.attrs["epilogue"], ctx.problem);
    if (items === undefined) return [];
    checkAllUsed(ctx, [0, ...items.flatMap(epilogueOperands)]);
    refuseLinear(ctx, items);
    const result = inferEpilogue(ctx, items, ctx.types[0] as RowsType);
    return result === undefined ? [] : [...result.emits, result.final];
  },
  evaluate(ctx) {
    const { emits, final } = evaluateEpilogue(ctx, epilogueOf(ctx.attrs["epilogue"]), normalised(ctx));
    return [...emits, final];
  },
};
