import { halfToNumber } from "../../runtime/safetensors.ts";
import { inputError } from "../errors.ts";

/** Element types of safetensors that numbers can be read from, and their size in bytes. */
export const DTYPE_BYTES = {
  F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1,
} as const;

export type TensorDType = keyof typeof DTYPE_BYTES;

/** A named tensor as stored: little-endian bytes, row-major. */
export interface Tensor {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Number of elements of a shape; 1 for a scalar. */
export const elements = (shape: readonly number[]): number => shape.reduce((n, e) => n * e, 1);

export const printShape = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** Values as float64. Exact for every type but 64-bit integers beyond 2^53. */
export function toFloat64(tensor: Tensor): Float64Array {
  const read = reader(tensor);
  return Float64Array.from({ length: elements(tensor.shape) }, (_, i) => read(i));
}

/** Values as they are: float32 without a detour where they are stored so, else float64. */
export const toNumbers = (tensor: Tensor): Float32Array | Float64Array => (tensor.dtype === "F32" ? toFloat32(tensor) : toFloat64(tensor));

/** Values as float32, rounded to nearest. */
export function toFloat32(tensor: Tensor): Float32Array {
  if (tensor.dtype === "F32") return new Float32Array(alignedCopy(tensor.bytes));
  const read = reader(tensor);
  return Float32Array.from({ length: elements(tensor.shape) }, (_, i) => read(i));
}

/** Values of an integer tensor as int32. SP0806 for another type or a value outside int32. */
export function toInt32(tensor: Tensor): Int32Array {
  if (tensor.dtype === "I32") return new Int32Array(alignedCopy(tensor.bytes));
  if (!/^[IU]/.test(tensor.dtype)) throw inputError("SP0806", `\`${tensor.name}\` holds ${tensor.dtype}, expected whole numbers (I32)`);
  const read = reader(tensor);
  return Int32Array.from({ length: elements(tensor.shape) }, (_, i) => {
    const value = read(i);
    if (value !== (value | 0)) throw inputError("SP0806", `\`${tensor.name}\` holds ${value} at element ${i}, which does not fit in 32 bits`);
    return value;
  });
}

export function float32Tensor(name: string, shape: readonly number[], data: Float32Array): Tensor {
  return { name, dtype: "F32", shape, bytes: bytesOf(data) };
}

export function int32Tensor(name: string, shape: readonly number[], data: Int32Array): Tensor {
  return { name, dtype: "I32", shape, bytes: bytesOf(data) };
}

const bytesOf = (data: Float32Array | Int32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const alignedCopy = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

function reader(tensor: Tensor): (index: number) => number {
  const view = new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength);
  switch (tensor.dtype) {
    case "F64":
      return (i) => view.getFloat64(8 * i, true);
    case "F32":
      return (i) => view.getFloat32(4 * i, true);
    case "F16":
      return (i) => halfToNumber(view.getUint16(2 * i, true));
    case "BF16": {
      const word = new DataView(new ArrayBuffer(4));
      return (i) => {
        word.setUint32(0, view.getUint16(2 * i, true) << 16);
        return word.getFloat32(0);
      };
    }
    case "I64":
      return (i) => Number(view.getBigInt64(8 * i, true));
    case "U64":
      return (i) => Number(view.getBigUint64(8 * i, true));
    case "I32":
      return (i) => view.getInt32(4 * i, true);
    case "U32":
      return (i) => view.getUint32(4 * i, true);
    case "I16":
      return (i) => view.getInt16(2 * i, true);
    case "U16":
      return (i) => view.getUint16(2 * i, true);
    case "I8":
      return (i) => view.getInt8(i);
    case "U8":
    case "BOOL":
      return (i) => view.getUint8(i);
  }
}

