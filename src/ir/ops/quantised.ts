import { operandAs, withRows, type EvalContext, type Value } from "../interp/value.ts";
import { number, string, type Attrs } from "../module.ts";
import { DTYPES, REAL, WHOLE, type DType, type Type } from "../types.ts";
import { clip, MOST_SHIFT, quantise, rescale, saturate, type Rounding } from "../whole.ts";
import { checkPerChannel, type RowsType } from "./elementwise.ts";
import type { AttrDef, InferContext, OpDef, OperandDef } from "./op.ts";

/** Steps between the layers of a quantised network, element by element; `whole.ts` has the arithmetic. */
const rows = (numbers: readonly DType[]): OperandDef => ({ name: "x", kinds: ["feat", "vec"], numbers });
const whole = (name: string): OperandDef => ({ name, kinds: ["param"], numbers: ["i32"] });

const shiftAttr: AttrDef = { kind: "int", doc: `bits that the product is shifted by, 1 to ${MOST_SHIFT}` };
const roundingAttr: AttrDef = { kind: "string", values: ["even", "up"], doc: "halves go to the even neighbour, or up" };

/** What shift and rounding must be; reports what they are not. */
export function checkRescale(problem: (message: string) => void, shift: unknown, rounding: unknown): void {
  if (!Number.isInteger(shift) || (shift as number) < 1 || (shift as number) > MOST_SHIFT) problem(`shift must be 1 to ${MOST_SHIFT}`);
  if (rounding !== "even" && rounding !== "up") problem("rounding must be even or up");
}

/** What a scale of `quantise` must be; reports what it is not. */
export function checkScale(problem: (message: string) => void, scale: unknown): void {
  if (typeof scale !== "number" || !(scale > 0) || !Number.isFinite(Math.fround(1 / scale))) problem("scale must be greater than 0");
}

const to = (ctx: InferContext, dtype: DType): readonly Type[] => [{ ...(ctx.types[0] as RowsType), dtype }];

const vector = (ctx: InferContext, name: string): void => checkPerChannel(ctx.problem, name, ctx.types[1], (ctx.types[0] as RowsType).channels);

/** Every element with the number of its channel in operand 1, or with 0 where there is none. */
function each(ctx: EvalContext, f: (value: number, own: number) => number): readonly Value[] {
  const x = operandAs(ctx, 0, "feat", "vec");
  const own = ctx.operands.length > 1 ? operandAs(ctx, 1, "param").data : undefined;
  return [withRows(x, x.channels, x.data.map((v, i) => f(v, own?.[i % x.channels] ?? 0)))];
}

export const quantiseOp: OpDef = {
  name: "quantise",
  levels: ["net"],
  doc: "x / scale as 8-bit numbers: rounded, halves to even, and saturated. In float32: x times the rounded 1 / scale.",
  operands: [rows(REAL)],
  attrs: { scale: { kind: "float", doc: "the real number that 1 stands for" } },
  infer(ctx) {
    checkScale(ctx.problem, ctx.attrs["scale"]);
    return to(ctx, "i8");
  },
  evaluate: (ctx) => each(ctx, (v) => quantise(v, number(ctx.attrs, "scale"))),
};

export const clipOp: OpDef = {
  name: "clip",
  levels: ["net"],
  doc: "min(max(x, 0), limit): what relu6 is to whole numbers, 6 being another one in every channel.",
  operands: [rows(WHOLE), whole("limit")],
  attrs: {},
  infer(ctx) {
    vector(ctx, "limit");
    return [ctx.types[0]!];
  },
  evaluate: (ctx) => each(ctx, clip),
};

const rescaleBy = (attrs: Attrs): readonly [number, Rounding] => [number(attrs, "shift"), string(attrs, "rounding") as Rounding];

export const rescaleOp: OpDef = {
  name: "rescale",
  levels: ["net"],
  doc: "x · multiplier / 2^shift, rounded once from the exact quotient, as 16-bit numbers, saturated.",
  operands: [rows(WHOLE), whole("multiplier")],
  attrs: { shift: shiftAttr, rounding: roundingAttr },
  infer(ctx) {
    vector(ctx, "multiplier");
    checkRescale(ctx.problem, ctx.attrs["shift"], ctx.attrs["rounding"]);
    return to(ctx, "i16");
  },
  evaluate: (ctx) => each(ctx, (v, m) => rescale(v, m, ...rescaleBy(ctx.attrs))),
};

export const saturateOp: OpDef = {
  name: "saturate",
  levels: ["net"],
  doc: "x as 8-bit numbers: those beyond -128 and 127 become these.",
  operands: [rows(["i16", "i32"])],
  attrs: {},
  infer: (ctx) => to(ctx, "i8"),
  evaluate: (ctx) => each(ctx, (v) => saturate(v, 8)),
};

export const scaleOp: OpDef = {
  name: "scale",
  levels: ["net"],
  doc: "x · factor, channel by channel, a real number whatever x is.",
  operands: [rows(DTYPES), { name: "factor", kinds: ["param"] }],
  attrs: {},
  infer(ctx) {
    vector(ctx, "factor");
    return to(ctx, "f32");
  },
  evaluate: (ctx) => each(ctx, (v, factor) => v * factor),
};
