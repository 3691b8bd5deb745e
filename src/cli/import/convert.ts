import { materialize } from "../checkpoint/materialize.ts";
import { inputError } from "../errors.ts";
import { DTYPE_BYTES, toNumbers, type Tensor } from "../files/tensor.ts";
import type { RequiredTensor } from "../weights/required.ts";
import { FORMS, reorder, sameOrder, type Axis } from "./forms.ts";
import { extents, sourceOrder, type Given, type Reading } from "./plan.ts";

/** A tensor as the network's weights file has it. */
export interface Converted {
  readonly tensor: Tensor;
  /** Whether elements changed their places. */
  readonly turned: boolean;
}

/**
 * The tensor in the network's name, shape and order; its element type stays. SP0547: whole numbers where weights are
 * wanted; SP0553: a value that is not finite; SP0554: a negative variance.
 */
export function convert({ tensor: required, name, view, form }: Reading, given: Pick<Given, "axes">): Converted {
  const stored = materialize(name, view);
  if (!["F64", "F32", "F16", "BF16"].includes(stored.dtype)) {
    throw inputError("SP0547", `tensor ${JSON.stringify(name)} (${view.place}) holds ${stored.dtype}, expected floating-point weights`, { help: "whole numbers are quantised weights; export the model before it was quantised" });
  }
  checkValues(required, name, view.place, stored);
  const made = (bytes: Uint8Array, turned: boolean): Converted => ({ tensor: { name: required.name, dtype: stored.dtype, shape: required.stored, bytes }, turned });
  if (form === undefined) return made(stored.bytes, false);
  const [from, to] = [sourceOrder(form, required, given), targetOrder(required)];
  return made(reorder(stored.bytes, DTYPE_BYTES[stored.dtype], from, to, extents(required)), !sameOrder(from, to, extents(required)));
}

/** The order in which the network's layout stores a kernel or matrix; what `src/runtime/load.ts` reads. */
function targetOrder({ role, layout, shape }: RequiredTensor): readonly Axis[] {
  const dim = shape.length - 2;
  if (role === "linear") return FORMS[layout === "minkowski" ? "in-out" : "out-in"].order(dim);
  if (layout === "torch") return FORMS["out-in-k"].order(dim);
  if (layout === "torch_transposed") return FORMS["in-out-k"].order(dim);
  if (layout === "minkowski") return FORMS["taps-first"].order(dim);
  const oneTap = shape.slice(0, -2).every((n) => n === 1);
  return FORMS[layout === "spconv1" || oneTap ? "k-in-out" : "out-k-in"].order(dim);
}

function checkValues({ use }: RequiredTensor, name: string, place: string, stored: Tensor): void {
  const numbers = toNumbers(stored);
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]!;
    if (!Number.isFinite(value)) throw inputError("SP0553", `tensor ${JSON.stringify(name)} (${place}) has ${value} at element ${i}`, { help: "training went wrong before this checkpoint was written; take an earlier one" });
    if (use === "var" && value < 0) throw inputError("SP0554", `tensor ${JSON.stringify(name)} (${place}) is the variance of a batch norm and has ${value} at element ${i}`);
  }
}
