import type { ValueId } from "../../ir/module.ts";
import type { Types } from "./parameters.ts";

/** The canonical shape of a weight. */
export function weightShape(types: Types, w: ValueId): readonly number[] {
  const type = types.typeOf(w);
  if (type.kind !== "param") throw new Error(`internal: weight %${w} is ${type.kind}`);
  return type.shape;
}

/** The kernel of a term's rulebook; [] for a pointwise term. */
export function kernelOf(types: Types, rb: ValueId | undefined): readonly number[] {
  const type = rb === undefined ? undefined : types.typeOf(rb);
  return type?.kind === "rulebook" ? type.kernel : [];
}
