import { ACTIVATIONS, elu, prelu, softplus } from "../activations.ts";
import { groundOf, operandAs, withRows, type EvalContext, type Value } from "../interp/value.ts";
import { number } from "../module.ts";
import { DTYPES, REAL, sameType, type DType, type FeatType, type ParamType, type Type, type VecType } from "../types.ts";
import { saturate } from "../whole.ts";
import type { InferContext, OpDef, OperandDef } from "./op.ts";

/** A value with channels per row: features of a site set, or one row per batch item. */
export type RowsType = FeatType | VecType;

const x: OperandDef = { name: "x", kinds: ["feat", "vec"] };

/** Checks that a parameter is one number per channel. */
export function checkPerChannel(problem: (message: string) => void, name: string, type: Type | undefined, channels: number): void {
  const shape = (type as ParamType).shape;
  if (shape.length !== 1 || shape[0] !== channels) problem(`${name} is [${shape.join(", ")}], expected [${channels}]`);
}

export const bnOp: OpDef = {
  name: "bn",
  levels: ["net"],
  doc: "Batch normalisation with stored statistics: (x − mean) / sqrt(var + eps) · gamma + beta; without affine no gamma and beta.",
  operands: [x, { name: "gamma, beta, mean, var", kinds: ["param"], variadic: true }],
  attrs: { affine: { kind: "bool", default: true, doc: "whether there are gamma and beta before mean and var" }, eps: { kind: "float", doc: "added to the variance" } },
  infer(ctx) {
    const type = ctx.types[0] as RowsType;
    const names = ctx.attrs["affine"] === true ? ["gamma", "beta", "mean", "var"] : ["mean", "var"];
    if (ctx.types.length !== names.length + 1) ctx.problem(`takes x, ${names.join(", ")}, given ${ctx.types.length} operands`);
    else names.forEach((name, i) => checkPerChannel(ctx.problem, name, ctx.types[i + 1], type.channels));
    return [type];
  },
  evaluate(ctx) {
    const params = ctx.operands.slice(1).map((_, i) => operandAs(ctx, i + 1, "param").data);
    const [mean, variance] = params.slice(-2);
    const [gamma, beta] = ctx.attrs["affine"] === true ? params : [];
    const eps = number(ctx.attrs, "eps");
    const { channels } = operandAs(ctx, 0, "feat", "vec");
    return eachElement(ctx, (v, i) => {
      const c = i % channels;
      return ((v - mean![c]!) / Math.sqrt(variance![c]! + eps)) * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0);
    });
  },
};

/** The same function of every row and of the ground; `i` counts from the start of the rows, or of the ground. */
function eachElement(ctx: EvalContext, f: (value: number, i: number) => number): readonly Value[] {
  const x = operandAs(ctx, 0, "feat", "vec");
  return [withRows(x, x.channels, x.data.map(f), groundOf(x)?.map(f))];
}

const same = (ctx: InferContext): readonly Type[] => [ctx.types[0]!];

export const activationOps: readonly OpDef[] = Object.entries(ACTIVATIONS).map(([name, { doc, of }]): OpDef => ({
  name,
  levels: ["net"],
  doc,
  operands: [name === "relu" ? { ...x, numbers: DTYPES } : x],
  attrs: {},
  infer: same,
  evaluate: (ctx) => eachElement(ctx, of),
}));

export const eluOp: OpDef = {
  name: "elu",
  levels: ["net"],
  doc: "x where x > 0, alpha · (exp(x) − 1) elsewhere.",
  operands: [x],
  attrs: { alpha: { kind: "float", doc: "what it tends to for large negative values, less its sign" } },
  infer: same,
  evaluate: (ctx) => eachElement(ctx, (v) => elu(v, number(ctx.attrs, "alpha"))),
};

export const softplusOp: OpDef = {
  name: "softplus",
  levels: ["net"],
  doc: "ln(1 + exp(beta · x)) / beta, and x where beta · x > threshold.",
  operands: [x],
  attrs: { beta: { kind: "float", default: 1, doc: "how sharp the bend is, greater than 0" }, threshold: { kind: "float", default: 20, doc: "beta · x from which on the result is x" } },
  infer(ctx) {
    if (number(ctx.attrs, "beta") <= 0) ctx.problem("beta must be greater than 0");
    return same(ctx);
  },
  evaluate: (ctx) => eachElement(ctx, (v) => softplus(v, number(ctx.attrs, "beta"), number(ctx.attrs, "threshold"))),
};

export const leakyReluOp: OpDef = {
  name: "leaky_relu",
  levels: ["net"],
  doc: "x where x > 0, slope · x elsewhere.",
  operands: [x],
  attrs: { slope: { kind: "float", doc: "factor for negative values" } },
  infer: same,
  evaluate: (ctx) => eachElement(ctx, (v) => (v > 0 ? v : v * number(ctx.attrs, "slope"))),
};

export const preluOp: OpDef = {
  name: "prelu",
  levels: ["net"],
  doc: "x where x > 0, elsewhere x times a parameter of its channel.",
  operands: [x, { name: "slope", kinds: ["param"] }],
  attrs: {},
  infer(ctx) {
    checkPerChannel(ctx.problem, "slope", ctx.types[1], (ctx.types[0] as RowsType).channels);
    return same(ctx);
  },
  evaluate(ctx) {
    const slope = operandAs(ctx, 1, "param").data;
    return eachElement(ctx, (v, i) => prelu(v, slope[i % slope.length]!));
  },
};

function sameOperands(ctx: InferContext): readonly Type[] {
  const [a, b] = [ctx.types[0] as RowsType, ctx.types[1] as RowsType];
  if (!sameType(a, b)) ctx.problem(`operands differ: ${describe(a)} and ${describe(b)}`);
  return [a];
}

const describe = (t: RowsType): string => `${t.channels} channels${t.dtype === "f32" ? "" : ` of ${t.dtype}`} on @${t.sites}${t.kind === "vec" ? " per batch item" : ""}`;

const binary = (name: string, doc: string, numbers: readonly DType[], f: (a: number, b: number) => number): OpDef => ({
  name,
  levels: ["net"],
  doc,
  operands: [
    { name: "a", kinds: ["feat", "vec"], numbers },
    { name: "b", kinds: ["feat", "vec"], numbers },
  ],
  attrs: {},
  infer: sameOperands,
  evaluate(ctx) {
    const [x, y] = [operandAs(ctx, 0, "feat", "vec"), operandAs(ctx, 1, "feat", "vec")];
    const held = (ctx.resultTypes[0] as RowsType).dtype === "i16" ? (v: number): number => saturate(v, 16) : (v: number): number => v;
    const ground = groundOf(y);
    return [withRows(x, x.channels, x.data.map((v, i) => held(f(v, y.data[i]!))), ground && groundOf(x)?.map((v, c) => f(v, ground[c]!)))];
  },
});

export const addOp: OpDef = binary("add", "a + b, element by element, on the same site set; of 16-bit numbers saturated to 16 bits.", ["f32", "f16", "i16"], (a, b) => a + b);
export const mulOp: OpDef = binary("mul", "a · b, element by element, on the same site set.", REAL, (a, b) => a * b);

export const shiftOp: OpDef = {
  name: "shift",
  levels: ["net"],
  doc: "x + v on every row, v one number per channel: what `ground` subtracts before rows meet their neighbours.",
  operands: [x, { name: "v", kinds: ["param"] }],
  attrs: {},
  infer(ctx) {
    const type = ctx.types[0] as RowsType;
    checkPerChannel(ctx.problem, "v", ctx.types[1], type.channels);
    return [type];
  },
  evaluate(ctx) {
    const v = operandAs(ctx, 1, "param").data;
    return eachElement(ctx, (value, i) => value + v[i % v.length]!);
  },
};
