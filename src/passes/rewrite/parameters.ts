import type { Type } from "../../ir/types.ts";
import type { ValueId } from "../../ir/module.ts";
import { vectorsOf, type Item, type Tile } from "./tile.ts";

/** Floats of parameters that one binding of a kernel holds under WebGPU's default limits (128 MiB). */
export const BINDING_FLOATS = (128 << 20) / 4;

/** Who knows the type of a value. */
export interface Types {
  typeOf(value: ValueId): Type;
}

/** Floats of the parameters of a tile that is a convolution: matrices row by row and vectors, rows padded to a multiple of 4. */
export function parameterFloats(types: Types, { head, epilogue }: Tile): number {
  const terms = head.kind === "conv" ? head.terms.map((t) => t.w) : [];
  return [...terms, ...epilogue.flatMap(parametersOf)].reduce((sum, value) => sum + floatsOf(types.typeOf(value)), 0);
}

const parametersOf = (item: Item): readonly ValueId[] => (item.do === "linear" ? [item.w] : vectorsOf(item));

function floatsOf(type: Type): number {
  if (type.kind !== "param") throw new Error(`internal: a parameter is ${type.kind}`);
  const columns = type.shape.at(-1) ?? 1;
  return type.shape.slice(0, -1).reduce((a, b) => a * b, 1) * Math.ceil(columns / 4) * 4;
}
