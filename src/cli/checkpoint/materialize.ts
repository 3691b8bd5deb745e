import { inputError, type InputError } from "../errors.ts";
import { DTYPE_BYTES, elements, printShape, type Tensor } from "../files/tensor.ts";
import type { TensorView } from "./values.ts";

/**
 * The tensor's own bytes, row-major. Views that lie row-major already are not copied.
 * SP0546: it reaches outside its storage, or repeats elements beyond it; SP0547: a type that is not read.
 */
export function materialize(name: string, view: TensorView): Tensor {
  const { dtype, shape, strides, offset } = view;
  const bad = (what: string): InputError => inputError("SP0546", `tensor ${JSON.stringify(name)} (${view.place}): ${what}`);
  if (dtype === undefined) throw inputError("SP0547", `tensor ${JSON.stringify(name)} (${view.place}) has type ${view.typeName}, which cannot be read here`, { help: `store it as one of ${Object.keys(DTYPE_BYTES).join(", ")}` });
  const size = DTYPE_BYTES[dtype];
  const count = elements(shape);
  const stored = view.storage.bytes();
  const room = Math.floor(stored.byteLength / size);
  const last = shape.reduce((at, n, i) => at + (n - 1) * strides[i]!, offset);
  if (count > 0 && last >= room) throw bad(`it is ${printShape(shape)} with strides ${printShape(strides)} from element ${offset}, so its last element is ${last}, but ${view.storage.name} has ${room}`);
  if (count > room) throw bad(`it is ${printShape(shape)}, ${count} elements, more than the ${room} of ${view.storage.name}: it repeats them`);
  if (isContiguous(shape, strides)) return { name, dtype, shape, bytes: stored.subarray(offset * size, (offset + count) * size) };
  const bytes = new Uint8Array(count * size);
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    for (let b = 0; b < size; b++) bytes[to * size + b] = stored[from * size + b]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return { name, dtype, shape, bytes };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i]! !== 1 && strides[i] !== step) return elements(shape) === 0;
    step *= shape[i]!;
  }
  return true;
}
