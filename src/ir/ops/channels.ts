import { number } from "../module.ts";
import { sameType } from "../types.ts";
import { checkPerChannel, type RowsType } from "./elementwise.ts";
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
    { name: "x", kinds: ["feat", "vec"] },
    { name: "weight", kinds: ["param"] },
    { name: "bias", kinds: ["param"], optional: true },
  ],
  attrs: {},
  infer(ctx) {
    const x = ctx.types[0] as RowsType;
    const weight = ctx.types[1]!;
    const cout = checkPointwiseWeight(ctx.problem, weight.kind === "param" ? weight.shape : [], x.channels);
    if (ctx.types[2] !== undefined) checkPerChannel(ctx.problem, "bias", ctx.types[2], cout);
    return [{ ...x, channels: cout }];
  },
};

export const catOp: OpDef = {
  name: "cat",
  levels: ["net", "fused"],
  doc: "Channels of all operands side by side, on the same site set.",
  operands: [
    { name: "a", kinds: ["feat", "vec"] },
    { name: "others", kinds: ["feat", "vec"], variadic: true },
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
};

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
  operands: [{ name: "x", kinds: ["feat", "vec"] }],
  attrs: { from: { kind: "int", doc: "first channel" }, to: { kind: "int", doc: "one past the last channel" } },
  infer(ctx) {
    const x = ctx.types[0] as RowsType;
    return [{ ...x, channels: checkRange(ctx, x.channels) }];
  },
};
