/** Tensors of NVIDIA's libspconv (`.tensor`): magic, number of axes, type and extents as int32, then the elements, all little-endian. */
import { inputError, type InputError } from "../errors.ts";
import { DTYPE_BYTES, elements, printShape, type Tensor, type TensorDType } from "../files/tensor.ts";

const MAGIC = 0x33ff1101;
const MAX_AXES = 8;
const TYPES: ReadonlyMap<number, TensorDType> = new Map([[1, "I32"], [2, "F16"], [3, "F32"]]);

/**
 * A tensor under the name `coords` where it holds whole numbers, else `features`, as libspconv's examples give a scene in
 * two files. SP0836: no header of such a file; SP0837: an unknown type; SP0835: truncated, or longer than it says.
 */
export function readSpconvTensor(file: string, bytes: Uint8Array): Tensor {
  const broken = (what: string, at: number): InputError => inputError("SP0836", `${file} is not a readable .tensor file: ${what} (byte ${at})`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 12 || view.getUint32(0, true) !== MAGIC) throw broken("it does not begin with 01 11 ff 33", 0);
  const [axes, type] = [view.getInt32(4, true), view.getInt32(8, true)];
  const start = 12 + 4 * axes;
  if (axes < 1 || axes > MAX_AXES || start > bytes.byteLength) throw broken(`it claims ${axes} axes`, 4);
  const dtype = TYPES.get(type);
  if (dtype === undefined) throw inputError("SP0837", `${file} has elements of type ${type} (byte 8); 1 (int32), 2 (float16) and 3 (float32) are read`);
  const shape = Array.from({ length: axes }, (_, axis) => view.getInt32(12 + 4 * axis, true));
  const negative = shape.findIndex((n) => n < 0);
  if (negative >= 0) throw broken(`axis ${negative} has ${shape[negative]} elements`, 12 + 4 * negative);
  const size = elements(shape) * DTYPE_BYTES[dtype];
  if (size !== bytes.byteLength - start) {
    throw inputError("SP0835", `${file}: its header promises ${printShape(shape)} elements of ${DTYPE_BYTES[dtype]} bytes, ${size} in all, from byte ${start}, and the file ends at byte ${bytes.byteLength}`);
  }
  return { name: dtype === "I32" ? "coords" : "features", dtype, shape, bytes: bytes.subarray(start) };
}
