import { param, sameType, type ParamType } from "../types.ts";
import { checkRange } from "./channels.ts";
import { checkPerChannel } from "./elementwise.ts";
import type { AttrDef, InferContext, OpDef, OperandDef } from "./op.ts";

/** Arithmetic on parameters, done once when weights are loaded. Shapes are canonical: [k0, …, Cin, Cout], [Cin, Cout] or [C]. */
const operand = (name: string): OperandDef => ({ name, kinds: ["param"] });
const shapeAt = (ctx: InferContext, i: number): readonly number[] => (ctx.types[i] as ParamType).shape;

const range: Readonly<Record<string, AttrDef>> = {
  from: { kind: "int", doc: "first channel" },
  to: { kind: "int", doc: "one past the last channel" },
};

/** All operands must be vectors of the first one's length. */
function vectors(ctx: InferContext): readonly [ParamType] {
  const channels = shapeAt(ctx, 0)[0] ?? 0;
  ctx.types.forEach((type, i) => checkPerChannel(ctx.problem, `operand ${i}`, type, channels));
  return [ctx.types[0] as ParamType];
}

export const bnScaleOp: OpDef = {
  name: "fold.bn_scale",
  levels: ["fused"],
  doc: "gamma / sqrt(var + eps).",
  operands: [operand("gamma"), operand("var")],
  attrs: { eps: { kind: "float", doc: "added to the variance" } },
  infer: vectors,
};

export const bnShiftOp: OpDef = {
  name: "fold.bn_shift",
  levels: ["fused"],
  doc: "beta + (bias − mean) · scale; bias is 0 when absent.",
  operands: [operand("beta"), operand("mean"), operand("scale"), { ...operand("bias"), optional: true }],
  attrs: {},
  infer: vectors,
};

export const scaleOutOp: OpDef = {
  name: "fold.scale_out",
  levels: ["fused"],
  doc: "A weight times one factor per output channel (last axis).",
  operands: [operand("weight"), operand("scale")],
  attrs: {},
  infer(ctx) {
    checkPerChannel(ctx.problem, "scale", ctx.types[1], shapeAt(ctx, 0).at(-1) ?? 0);
    return [ctx.types[0]!];
  },
};

export const foldAddOp: OpDef = {
  name: "fold.add",
  levels: ["fused"],
  doc: "a + b, element by element.",
  operands: [operand("a"), operand("b")],
  attrs: {},
  infer(ctx) {
    if (!sameType(ctx.types[0]!, ctx.types[1]!)) ctx.problem(`operands differ: [${shapeAt(ctx, 0).join(", ")}] and [${shapeAt(ctx, 1).join(", ")}]`);
    return [ctx.types[0]!];
  },
};

/** The shape with axis `axis` (negative, from the end) replaced. */
const withAxis = (type: ParamType, axis: number, size: number): ParamType =>
  param(type.shape.with(axis, size), type.dtype);

export const sliceInOp: OpDef = {
  name: "fold.slice_in",
  levels: ["fused"],
  doc: "Input channels [from, to) of a weight (second to last axis).",
  operands: [operand("weight")],
  attrs: range,
  infer(ctx) {
    const type = ctx.types[0] as ParamType;
    if (type.shape.length < 2) {
      ctx.problem("a weight per channel has no input channels");
      return [];
    }
    return [withAxis(type, -2, checkRange(ctx, type.shape.at(-2)!))];
  },
};

export const sliceOutOp: OpDef = {
  name: "fold.slice_out",
  levels: ["fused"],
  doc: "Output channels [from, to) of a weight (last axis).",
  operands: [operand("weight")],
  attrs: range,
  infer(ctx) {
    const type = ctx.types[0] as ParamType;
    return [withAxis(type, -1, checkRange(ctx, type.shape.at(-1) ?? 0))];
  },
};

export const stackOutOp: OpDef = {
  name: "fold.stack_out",
  levels: ["fused"],
  doc: "Weights side by side along the output channels (last axis).",
  operands: [operand("a"), { ...operand("others"), variadic: true }],
  attrs: {},
  infer(ctx) {
    const parts = ctx.types as readonly ParamType[];
    const first = parts[0]!;
    const total = parts.reduce((sum, p) => sum + (p.shape.at(-1) ?? 0), 0);
    for (const part of parts) {
      const alike = part.shape.length === first.shape.length && sameType(withAxis(part, -1, 1), withAxis(first, -1, 1));
      if (!alike) ctx.problem(`operands differ beside the last axis: [${first.shape.join(", ")}] and [${part.shape.join(", ")}]`);
    }
    return [withAxis(first, -1, total)];
  },
};
