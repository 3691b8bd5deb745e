import { ACTIVATIONS, elu, prelu, softplus } from "../activations.ts";
import type { EpilogueItem } from "../ops/epilogue.ts";
import { clip, quantise, rescale, saturate } from "../whole.ts";
import { addVector, multiplyRow } from "./gather.ts";
import { scatterDense } from "./dense.ts";
import { operandAs, rowCount, withRows, type EvalContext, type RowsValue, type Value } from "./value.ts";

/** The values of an epilogue on rows `y`: one per emit, in order, then the final one. `y` is not changed. */
export function evaluateEpilogue(ctx: EvalContext, items: readonly EpilogueItem[], start: RowsValue): { readonly emits: readonly Value[]; readonly final: Value } {
  const emits: Value[] = [];
  let y = start;
  for (const item of items) {
    if (item.do === "emit") emits.push(y);
    else if (item.do === "dense") return { emits, final: dense(ctx, y, item.fold) };
    else y = applyItem(ctx, item, y);
  }
  return { emits, final: y };
}

function dense(ctx: EvalContext, y: RowsValue, fold: string): Value {
  const type = ctx.resultTypes.at(-1);
  if (y.kind !== "feat" || type?.kind !== "dense") throw new Error("internal: a dense epilogue item without a dense result");
  return scatterDense(y, ctx.batch, type.shape, fold);
}

function applyItem(ctx: EvalContext, item: Exclude<EpilogueItem, { do: "emit" | "dense" }>, y: RowsValue): RowsValue {
  const { channels } = y;
  const data = (index: number): Float64Array => operandAs(ctx, index, "param", "feat", "vec").data;
  const map = (f: (value: number, i: number) => number): RowsValue => withRows(y, channels, y.data.map(f));
  switch (item.do) {
    case "bias": {
      const sum = y.data.slice();
      addVector(sum, data(item.arg));
      return withRows(y, channels, sum);
    }
    case "affine":
      return affineRows(y, data(item.scale), data(item.shift));
    case "add": {
      const other = data(item.arg);
      return map((v, i) => v + other[i]!);
    }
    case "mul": {
      const other = data(item.arg);
      return map((v, i) => v * other[i]!);
    }
    case "quantise":
      return map((v) => quantise(v, item.scale));
    case "clip": {
      const limit = data(item.arg);
      return map((v, i) => clip(v, limit[i % channels]!));
    }
    case "rescale": {
      const multiplier = data(item.arg);
      return map((v, i) => rescale(v, multiplier[i % channels]!, item.shift, item.rounding));
    }
    case "saturate":
      return map((v) => saturate(v, item.bits));
    case "scale": {
      const factor = data(item.arg);
      return map((v, i) => v * factor[i % channels]!);
    }
    case "prelu": {
      const slope = data(item.arg);
      return map((v, i) => prelu(v, slope[i % channels]!));
    }
    case "leaky_relu":
      return map((v) => (v > 0 ? v : v * item.slope));
    case "elu":
      return map((v) => elu(v, item.alpha));
    case "softplus":
      return map((v) => softplus(v, item.beta, item.threshold));
    case "linear":
      return multiplyRows(y, operandAs(ctx, item.w, "param"));
    default:
      return map(ACTIVATIONS[item.do].of);
  }
}

/** y · scale + shift, channel by channel. */
export const affineRows = (y: RowsValue, scale: Float64Array, shift: Float64Array): RowsValue =>
  withRows(y, y.channels, y.data.map((v, i) => v * scale[i % y.channels]! + shift[i % y.channels]!));

/** y · W on every row, W [Cin, Cout] or with leading ones. */
export function multiplyRows(x: RowsValue, w: { readonly shape: readonly number[]; readonly data: Float64Array }): RowsValue {
  const rows = rowCount(x);
  const cout = w.shape.at(-1)!;
  const y = new Float64Array(rows * cout);
  for (let row = 0; row < rows; row++) multiplyRow(y, row, x.data, row, w.data, 0, x.channels, cout);
  return withRows(x, cout, y);
}
