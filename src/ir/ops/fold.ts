import { operandAs, type EvalContext, type ParamValue, type Value } from "../interp/value.ts";
import { number } from "../module.ts";
import { DTYPES, param, sameType, type ParamType } from "../types.ts";
import { checkRange } from "./channels.ts";
import { checkPerChannel } from "./elementwise.ts";
import type { AttrDef, InferContext, OpDef, OperandDef } from "./op.ts";

/** Arithmetic on parameters, done once when weights are loaded. Shapes are canonical: [k0, …, Cin, Cout], [Cin, Cout] or [C]. */
const operand = (name: string): OperandDef => ({ name, kinds: ["param"] });
/** Of whole numbers too: an operand whose numbers only change places. */
const moved = (name: string): OperandDef => ({ ...operand(name), numbers: DTYPES });
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

const data = (ctx: EvalContext, i: number): Float64Array => operandAs(ctx, i, "param").data;

/** A parameter of the shape of operand 0, element by element. */
function map(ctx: EvalContext, f: (value: number, i: number) => number): readonly Value[] {
  const first = operandAs(ctx, 0, "param");
  return [{ ...first, data: first.data.map(f) }];
}

/** Numbers [from, to) out of every `period`. */
function blocks(w: ParamValue, period: number, from: number, to: number, shape: readonly number[]): ParamValue {
  const width = to - from;
  const picked = new Float64Array((w.data.length / period) * width);
  for (let i = 0; i < picked.length; i++) picked[i] = w.data[Math.floor(i / width) * period + from + (i % width)]!;
  return { kind: "param", shape, data: picked };
}

export const bnScaleOp: OpDef = {
  name: "fold.bn_scale",
  levels: ["net", "fused", "plan"],
  doc: "gamma / sqrt(var + eps).",
  operands: [operand("gamma"), operand("var")],
  attrs: { eps: { kind: "float", doc: "added to the variance" } },
  infer: vectors,
  evaluate: (ctx) => map(ctx, (gamma, i) => gamma / Math.sqrt(data(ctx, 1)[i]! + number(ctx.attrs, "eps"))),
};

export const bnShiftOp: OpDef = {
  name: "fold.bn_shift",
  levels: ["net", "fused", "plan"],
  doc: "beta + (bias − mean) · scale; bias is 0 when absent.",
  operands: [operand("beta"), operand("mean"), operand("scale"), { ...operand("bias"), optional: true }],
  attrs: {},
  infer: vectors,
  evaluate(ctx) {
    const [mean, scale] = [data(ctx, 1), data(ctx, 2)];
    const bias = ctx.operands.length > 3 ? data(ctx, 3) : new Float64Array(mean.length);
    return map(ctx, (beta, i) => beta + (bias[i]! - mean[i]!) * scale[i]!);
  },
};

export const scaleOutOp: OpDef = {
  name: "fold.scale_out",
  levels: ["net", "fused", "plan"],
  doc: "A weight times one factor per output channel (last axis).",
  operands: [operand("weight"), operand("scale")],
  attrs: {},
  infer(ctx) {
    checkPerChannel(ctx.problem, "scale", ctx.types[1], shapeAt(ctx, 0).at(-1) ?? 0);
    return [ctx.types[0]!];
  },
  evaluate(ctx) {
    const scale = data(ctx, 1);
    return map(ctx, (w, i) => w * scale[i % scale.length]!);
  },
};

export const scaleInOp: OpDef = {
  name: "fold.scale_in",
  levels: ["fused", "plan"],
  doc: "A weight times one factor per input channel (second to last axis).",
  operands: [operand("weight"), operand("scale")],
  attrs: {},
  infer(ctx) {
    const shape = shapeAt(ctx, 0);
    if (shape.length < 2) ctx.problem("a weight per channel has no input channels");
    else checkPerChannel(ctx.problem, "scale", ctx.types[1], shape.at(-2)!);
    return [ctx.types[0]!];
  },
  evaluate(ctx) {
    const [scale, cout] = [data(ctx, 1), operandAs(ctx, 0, "param").shape.at(-1)!];
    return map(ctx, (w, i) => w * scale[Math.floor(i / cout) % scale.length]!);
  },
};

/** Whether all axes before the matrix are one: a weight that is the same matrix under every tap. */
const oneTap = (shape: readonly number[]): boolean => shape.slice(0, -2).every((n) => n === 1);

export const matmulOp: OpDef = {
  name: "fold.matmul",
  levels: ["fused", "plan"],
  doc: "a · b, matrix by matrix; of two weights one has a single tap, which meets every tap of the other. A vector [M] times a matrix is a vector.",
  operands: [operand("a"), operand("b")],
  attrs: {},
  infer(ctx) {
    const [a, b] = [shapeAt(ctx, 0), shapeAt(ctx, 1)];
    const vector = a.length === 1;
    if (b.length < 2 || a.at(-1) !== b.at(-2)) ctx.problem(`[${a.join(", ")}] cannot be multiplied by [${b.join(", ")}]`);
    else if (vector && !oneTap(b)) ctx.problem(`a vector cannot be multiplied by [${b.join(", ")}], which has taps`);
    else if (!oneTap(a) && !oneTap(b)) ctx.problem(`[${a.join(", ")}] and [${b.join(", ")}] both have taps`);
    else return [param(vector ? [b.at(-1)!] : [...taps(a, b), a.at(-2)!, b.at(-1)!])];
    return [];
  },
  evaluate(ctx) {
    const [a, b] = [operandAs(ctx, 0, "param"), operandAs(ctx, 1, "param")];
    const { shape } = ctx.resultTypes[0] as ParamType;
    const [middle, cout] = [a.shape.at(-1)!, shape.at(-1)!];
    const [rows, one] = [a.shape.at(-2) ?? 1, oneTap(b.shape)];
    const product = new Float64Array(shape.reduce((size, n) => size * n, 1));
    for (let i = 0; i < product.length; i++) {
      const [row, column] = [Math.floor(i / cout), i % cout];
      const from = oneTap(a.shape) ? row % rows : row;
      const tap = one ? 0 : Math.floor(row / rows);
      for (let m = 0; m < middle; m++) product[i]! += a.data[from * middle + m]! * b.data[(tap * middle + m) * cout + column]!;
    }
    return [{ kind: "param", shape, data: product }];
  },
};

/** The taps of a product: those of the operand that has several, else the longer list of ones. */
function taps(a: readonly number[], b: readonly number[]): readonly number[] {
  const longer = a.length >= b.length ? a : b;
  return (oneTap(a) && oneTap(b) ? longer : oneTap(a) ? b : a).slice(0, -2);
}

export const foldAddOp: OpDef = {
  name: "fold.add",
  levels: ["net", "fused", "plan"],
  doc: "a + b, element by element.",
  operands: [operand("a"), operand("b")],
  attrs: {},
  infer(ctx) {
    if (!sameType(ctx.types[0]!, ctx.types[1]!)) ctx.problem(`operands differ: [${shapeAt(ctx, 0).join(", ")}] and [${shapeAt(ctx, 1).join(", ")}]`);
    return [ctx.types[0]!];
  },
  evaluate: (ctx) => map(ctx, (a, i) => a + data(ctx, 1)[i]!),
};

/** The shape with axis `axis` (negative, from the end) replaced. */
const withAxis = (type: ParamType, axis: number, size: number): ParamType =>
  param(type.shape.with(axis, size), type.dtype);

export const sliceInOp: OpDef = {
  name: "fold.slice_in",
  levels: ["fused", "plan"],
  doc: "Input channels [from, to) of a weight (second to last axis).",
  operands: [moved("weight")],
  attrs: range,
  infer(ctx) {
    const type = ctx.types[0] as ParamType;
    if (type.shape.length < 2) {
      ctx.problem("a weight per channel has no input channels");
      return [];
    }
    return [withAxis(type, -2, checkRange(ctx, type.shape.at(-2)!))];
  },
  evaluate(ctx) {
    const w = operandAs(ctx, 0, "param");
    const [from, to] = [number(ctx.attrs, "from"), number(ctx.attrs, "to")];
    const [cin, cout] = [w.shape.at(-2)!, w.shape.at(-1)!];
    return [blocks(w, cin * cout, from * cout, to * cout, w.shape.with(-2, to - from))];
  },
};

export const sliceOutOp: OpDef = {
  name: "fold.slice_out",
  levels: ["fused", "plan"],
  doc: "Output channels [from, to) of a weight (last axis).",
  operands: [moved("weight")],
  attrs: range,
  infer(ctx) {
    const type = ctx.types[0] as ParamType;
    return [withAxis(type, -1, checkRange(ctx, type.shape.at(-1) ?? 0))];
  },
  evaluate(ctx) {
    const w = operandAs(ctx, 0, "param");
    const [from, to] = [number(ctx.attrs, "from"), number(ctx.attrs, "to")];
    return [blocks(w, w.shape.at(-1)!, from, to, w.shape.with(-1, to - from))];
  },
};

export const stackOutOp: OpDef = {
  name: "fold.stack_out",
  levels: ["net", "fused", "plan"],
  doc: "Weights side by side along the output channels (last axis).",
  operands: [moved("a"), { ...moved("others"), variadic: true }],
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
  evaluate(ctx) {
    const parts = ctx.operands.map((_, i) => operandAs(ctx, i, "param"));
    const total = (ctx.resultTypes[0] as ParamType).shape.at(-1)!;
    const shape = parts[0]!.shape.with(-1, total);
    const stacked = new Float64Array(shape.reduce((product, n) => product * n, 1));
    let from = 0;
    for (const { shape: own, data: numbers } of parts) {
      const width = own.at(-1)!;
      numbers.forEach((v, i) => {
        stacked[Math.floor(i / width) * total + from + (i % width)] = v;
      });
      from += width;
    }
    return [{ kind: "param", shape, data: stacked }];
  },
};
