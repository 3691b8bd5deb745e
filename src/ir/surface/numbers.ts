import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { Numbers } from "../../parser/elaborate/host.ts";
import type { DenseType, DType, FeatType, VecType } from "../types.ts";
import type { Operand, Use } from "./use.ts";

const words: Readonly<Record<DType, Numbers>> = { f32: "real", f16: "real", i8: "int8", i16: "int16", i32: "int32" };

/** How the language names a kind of numbers. */
export const numbersOf = (dtype: DType): Numbers => words[dtype];

/** The way from one kind of numbers to one that is wanted. */
function help(found: DType, wanted: readonly DType[]): string {
  if (wanted.includes("i8") && found === "f32") return "`quantise` makes int8 of real numbers";
  if (wanted.includes("i8") && found === "i32") return "`rescale |> saturate` makes int8 of sums";
  if (wanted.includes("i8") && found === "i16") return "`saturate` makes int8 of int16";
  if (wanted.includes("i16")) return "`rescale` makes int16, which can be added";
  return "`scale` makes real numbers of whole ones";
}

/** Whether an operand has numbers of one of these kinds; reports when not. */
export function checkNumbers(use: Use, { type, span }: Operand<FeatType | VecType | DenseType>, wanted: readonly DType[]): boolean {
  if (wanted.includes(type.dtype)) return true;
  const expected = [...new Set(wanted.map(numbersOf))].join(" or ");
  const labels = [{ span: use.call.span, text: "" }, { span, text: `these are ${numbersOf(type.dtype)} numbers` }];
  use.report(diagnose("SP0305", { operation: use.name, expected, found: numbersOf(type.dtype) }, labels, { help: { text: help(type.dtype, wanted) } }));
  return false;
}

/** Whether all operands have the numbers of the first; reports when not. */
export function checkSameNumbers(use: Use, operands: readonly Operand<FeatType | VecType>[]): boolean {
  const [first] = operands;
  const other = operands.find((o) => o.type.dtype !== first?.type.dtype);
  if (first === undefined || other === undefined) return true;
  const [left, right] = [numbersOf(first.type.dtype), numbersOf(other.type.dtype)];
  const labels = [{ span: use.call.span, text: "" }, { span: first.span, text: left }, { span: other.span, text: right }];
  use.report(diagnose("SP0306", { operation: use.name, left, right }, labels));
  return false;
}
