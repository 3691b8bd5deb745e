import { multiplyRows } from "../interp/epilogue.ts";
import { addVector, multiplyRow } from "../interp/gather.ts";
import { groundOf, operandAs, rowCount, withRows, type ParamValue, type RowsValue } from "../interp/value.ts";
import { number } from "../module.ts";
import { DTYPES, sameType } from "../types.ts";
import { checkPerChannel, type RowsType } from "./elementwise.ts";
import { checkNumbers, productParams } from "./conv.ts";
import type { InferContext, OpDef } from "./op.ts";

/** Checks a pointwise weight, [Cin, Cout] or with leading ones as a kernel of one tap has; returns Cout. */
export function checkPointwiseWeight(problem: (message: string) => void, shape: readonly number[], cin: number): number {
  if (shape.length < 2 || shape.at(-2) !== cin || shape.slice(0, -2).some((n) => n !== 1)) {
    problem(`weight is [${shape.join(", ")}], expected [${cin}, Cout]`);
  }
  return shape.at(-1) ?? 0;
}

export const linearOp: OpDef = {
  name: "linear",
  levels: ["net"],
  doc: "x · W + bias on every row.",
  operands: [
    { name: "x", kinds: ["feat", "vec"], numbers: ["f32", "i8"] },
    ...productParams,
  ],
  attrs: {},
  infer(ctx) {
    const x = ctx.types[0] as RowsType;
    const weight = ctx.types[1]!;
    const cout = checkPointwiseWeight(ctx.problem, weight.kind === "param" ? weight.shape : [], x.channels);
    if (ctx.types[2] !== undefined) checkPerChannel(ctx.problem, "bias", ctx.types[2], cout);
    return [{ ...x, channels: cout, dtype: checkNumbers(ctx.problem, x.dtype, weight, ctx.types[2]) }];
  },
  evaluate(ctx) {
    const [x, w] = [operandAs(ctx, 0, "feat", "vec"), operandAs(ctx, 1, "param")];
    const y = multiplyRows(x, w);
    const ground = multiplyGround(groundOf(x), w);
    for (const part of ground === undefined ? [y.data] : [y.data, ground]) if (ctx.operands.length > 2) addVector(part, operandAs(ctx, 2, "param").data);
    return [withRows(y, y.channels, y.data, ground)];
  },
};

function multiplyGround(ground: Float64Array | undefined, w: ParamValue): Float64Array | undefined {
  if (ground === undefined) return undefined;
  const y = new Float64Array(w.shape.at(-1)!);
  multiplyRow(y, 0, ground, 0, w.data, 0, ground.length, y.length);
  return y;
}

export const catOp: OpDef = {
  name: "cat",
  levels: ["net", "fused"],
  doc: "Channels of all operands side by side, on the same site set.",
  operands: [
    { name: "a", kinds: ["feat", "vec"], numbers: DTYPES },
    { name: "others", kinds: ["feat", "vec"], variadic: true, numbers: DTYPES },
  ],
  attrs: {},
  infer(ctx) {
    const parts = ctx.types as readonly RowsType[];
    const first = parts[0]!;
    const channels = parts.reduce((sum, p) => sum + p.channels, 0);
    for (const part of parts) {
      if (!sameType({ ...part, channels: first.channels }, first)) ctx.problem(`operands differ: ${first.kind} on @${first.sites} and ${part.kind} on @${part.sites}`);
    }
    return [{ ...first, channels }];
  },
  evaluate: (ctx) => [concatenate(ctx.operands.map((_, i) => operandAs(ctx, i, "feat", "vec")))],
};

function concatenate(parts: readonly RowsValue[]): RowsValue {
  const first = parts[0]!;
  const channels = parts.reduce((sum, p) => sum + p.channels, 0);
  const data = new Float64Array(rowCount(first) * channels);
  let from = 0;
  for (const part of parts) {
    for (let row = 0; row < rowCount(part); row++) data.set(channelsOf(part, row, 0, part.channels), row * channels + from);
    from += part.channels;
  }
  const grounds = parts.flatMap((part) => groundOf(part) ?? []);
  return withRows(first, channels, data, grounds.length === parts.length ? Float64Array.from(grounds.flatMap((g) => [...g])) : undefined);
}

const channelsOf = (x: RowsValue, row: number, from: number, to: number): Float64Array => x.data.subarray(row * x.channels + from, row * x.channels + to);

/** Checks 0 ≤ from < to ≤ size for attributes `from` and `to`; returns to − from. */
export function checkRange(ctx: InferContext, size: number): number {
  const [from, to] = [number(ctx.attrs, "from"), number(ctx.attrs, "to")];
  if (from < 0 || to <= from || to > size) ctx.problem(`[${from}, ${to}) is not a part of ${size} channels`);
  return to - from;
}

export const sliceOp: OpDef = {
  name: "slice",
  levels: ["fused"],
  doc: "A view of channels [from, to) of every row.",
  operands: [{ name: "x", kinds: ["feat", "vec"], numbers: DTYPES }],
  attrs: { from: { kind: "int", doc: "first channel" }, to: { kind: "int", doc: "one past the last channel" } },
  infer(ctx) {
    const x = ctx.types[0] as RowsType;
    return [{ ...x, channels: checkRange(ctx, x.channels) }];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat", "vec");
    const [from, to] = [number(ctx.attrs, "from"), number(ctx.attrs, "to")];
    const data = new Float64Array(rowCount(x) * (to - from));
    for (let row = 0; row < rowCount(x); row++) data.set(channelsOf(x, row, from, to), row * (to - from));
    return [withRows(x, to - from, data)];
  },
};
