import { ACTIVATIONS, type Activation } from "../activations.ts";
import { isList, isObject, type AttrValue } from "../module.ts";
import { isWhole, addendOf, type Rounding, type SaturatedBits } from "../whole.ts";
import { sameType, printType, type DenseType, type DType, type Type } from "../types.ts";
import { checkPointwiseWeight } from "./channels.ts";
import { checkNumbers } from "./conv.ts";
import { denseType } from "./dense.ts";
import { checkPerChannel, type RowsType } from "./elementwise.ts";
import type { InferContext } from "./op.ts";
import { checkRescale, checkScale } from "./quantised.ts";

/** One step on the accumulated row y. Numbers named arg, scale, shift, w are indices into the op's operands. */
export type EpilogueItem =
  | { readonly do: "bias" | "clip" | "scale" | "prelu"; readonly arg: number }
  | { readonly do: "affine"; readonly scale: number; readonly shift: number }
  | { readonly do: "add" | "mul"; readonly arg: number }
  | { readonly do: Activation }
  | { readonly do: "emit" }
  | { readonly do: "leaky_relu"; readonly slope: number }
  | { readonly do: "elu"; readonly alpha: number }
  | { readonly do: "quantise"; readonly scale: number }
  | { readonly do: "rescale"; readonly arg: number; readonly shift: number; readonly rounding: Rounding }
  | { readonly do: "saturate"; readonly bits: SaturatedBits }
  | { readonly do: "softplus"; readonly beta: number; readonly threshold: number }
  | { readonly do: "linear"; readonly w: number }
  | { readonly do: "dense"; readonly fold: string; readonly deferred?: boolean };

type Report = (message: string) => void;

/** Fields of each item beside `do`, and whether they are operand indices; a flag may be left out. */
const fields: Readonly<Record<EpilogueItem["do"], Readonly<Record<string, "operand" | "number" | "string" | "flag">>>> = {
  bias: { arg: "operand" },
  affine: { scale: "operand", shift: "operand" },
  add: { arg: "operand" },
  mul: { arg: "operand" },
  ...(Object.fromEntries(Object.keys(ACTIVATIONS).map((name) => [name, {}])) as Record<Activation, Readonly<Record<string, never>>>),
  emit: {},
  leaky_relu: { slope: "number" },
  prelu: { arg: "operand" },
  elu: { alpha: "number" },
  quantise: { scale: "number" },
  clip: { arg: "operand" },
  rescale: { arg: "operand", shift: "number", rounding: "string" },
  saturate: { bits: "number" },
  scale: { arg: "operand" },
  softplus: { beta: "number", threshold: "number" },
  linear: { w: "operand" },
  dense: { fold: "string", deferred: "flag" },
};

/** Reads an epilogue attribute; reports what is malformed and then returns undefined. */
export function readEpilogue(value: AttrValue | undefined, problem: Report): readonly EpilogueItem[] | undefined {
  if (!isList(value)) {
    problem("epilogue must be a list");
    return undefined;
  }
  const bad = value.filter((item) => !isItem(item));
  for (const item of bad) problem(`malformed epilogue item ${JSON.stringify(item)}`);
  return bad.length > 0 ? undefined : (value as readonly EpilogueItem[]);
}

function isItem(value: AttrValue): boolean {
  if (!isObject(value)) return false;
  const kind = value["do"];
  if (typeof kind !== "string" || !Object.hasOwn(fields, kind)) return false;
  const wanted = fields[kind as EpilogueItem["do"]];
  if (!Object.keys(value).every((key) => key === "do" || Object.hasOwn(wanted, key))) return false;
  return Object.entries(wanted).every(([key, sort]) => {
    const field = value[key];
    if (sort === "flag") return field === undefined || typeof field === "boolean";
    if (sort === "operand") return Number.isInteger(field) && (field as number) >= 0;
    return typeof field === sort;
  });
}

/** The epilogue of a module that has been verified. */
export function epilogueOf(value: AttrValue | undefined): readonly EpilogueItem[] {
  const items = readEpilogue(value, () => undefined);
  if (items === undefined) throw new Error("internal: malformed epilogue");
  return items;
}

/** Operand indices of an item, in field order. */
export function epilogueOperands(item: EpilogueItem): readonly number[] {
  switch (item.do) {
    case "bias":
    case "clip":
    case "rescale":
    case "scale":
    case "prelu":
    case "add":
    case "mul":
      return [item.arg];
    case "affine":
      return [item.scale, item.shift];
    case "linear":
      return [item.w];
    default:
      return [];
  }
}

/** What an epilogue yields: the type of each emit in order, and of the final value. */
export interface EpilogueTypes {
  readonly emits: readonly RowsType[];
  readonly final: RowsType | DenseType;
}

/** Lets the type of the accumulated row flow through the items; undefined after reporting problems. */
export function inferEpilogue(ctx: InferContext, items: readonly EpilogueItem[], start: RowsType): EpilogueTypes | undefined {
  let ok = true;
  let y = start;
  let final: DenseType | undefined;
  const emits: RowsType[] = [];
  items.forEach((item, i) => {
    const problem: Report = (message) => {
      ok = false;
      ctx.problem(`epilogue item ${i} (${item.do}): ${message}`);
    };
    const operand = (index: number, kinds: readonly Type["kind"][]): Type | undefined => {
      const type = ctx.types[index];
      if (type !== undefined && kinds.includes(type.kind)) return type;
      problem(type === undefined ? `there is no operand ${index}` : `operand ${index} is a ${type.kind}, expected ${kinds.join(" or ")}`);
      return undefined;
    };
    const vectors = (numbers: DType): void => {
      for (const index of epilogueOperands(item)) {
        const type = operand(index, ["param"]);
        if (type === undefined) continue;
        checkPerChannel(problem, `operand ${index}`, type, y.channels);
        if (type.kind === "param" && type.dtype !== numbers) problem(`operand ${index} is ${type.dtype}, expected ${numbers}`);
      }
    };
    const row = (fits: boolean): void => {
      if (!fits) problem(`the row is ${y.dtype}`);
    };
    switch (item.do) {
      case "bias":
        row(y.dtype === "f32" || y.dtype === "i32");
        vectors(addendOf(y.dtype));
        break;
      case "affine":
      case "prelu":
        row(!isWhole(y.dtype));
        vectors("f32");
        break;
      case "quantise":
        row(!isWhole(y.dtype));
        checkScale(problem, item.scale);
        y = { ...y, dtype: "i8" };
        break;
      case "clip":
        row(isWhole(y.dtype));
        vectors("i32");
        break;
      case "rescale":
        row(isWhole(y.dtype));
        vectors("i32");
        checkRescale(problem, item.shift, item.rounding);
        y = { ...y, dtype: "i16" };
        break;
      case "saturate":
        row(isWhole(y.dtype));
        if (item.bits !== 8 && item.bits !== 16) problem("bits must be 8 or 16");
        y = { ...y, dtype: item.bits === 8 ? "i8" : "i16" };
        break;
      case "scale":
        vectors("f32");
        y = { ...y, dtype: "f32" };
        break;
      case "add":
      case "mul": {
        row(!isWhole(y.dtype) || (item.do === "add" && y.dtype === "i16"));
        const type = operand(item.arg, ["feat", "vec"]);
        if (type !== undefined && !sameType(type, y)) problem(`operand ${item.arg} is ${printType(type)}, the row is ${printType(y)}`);
        break;
      }
      case "linear": {
        const type = operand(item.w, ["param"]);
        if (type?.kind === "param") y = { ...y, channels: checkPointwiseWeight(problem, type.shape, y.channels), dtype: checkNumbers(problem, y.dtype, type, undefined) };
        break;
      }
      case "emit":
        emits.push(y);
        break;
      case "dense":
        if (i !== items.length - 1) problem("must come last");
        else if (y.kind !== "feat") problem("one row per batch item has no sites to scatter");
        else final = denseType(ctx.sites, y, item.fold, problem);
        break;
      case "relu":
        break;
      default:
        row(!isWhole(y.dtype));
    }
  });
  return ok ? { emits, final: final ?? y } : undefined;
}

/** Reports linear items, where no kernel holds all columns of a row. */
export function refuseLinear(ctx: InferContext, items: readonly EpilogueItem[]): void {
  if (items.some((item) => item.do === "linear")) ctx.problem("a linear step needs all columns of a row, which this kernel does not hold");
}

/** Reports operands that nothing names. */
export function checkAllUsed(ctx: InferContext, used: readonly number[]): void {
  const named = new Set(used);
  ctx.types.forEach((_, i) => {
    if (!named.has(i)) ctx.problem(`operand ${i} is never used`);
  });
}
