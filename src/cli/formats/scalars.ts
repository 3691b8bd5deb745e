import { halfToNumber } from "../../runtime/safetensors.ts";

/** Number types of binary files, by the names that readers agree on. */
export const SCALAR_BYTES = { i8: 1, u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8, f16: 2, f32: 4, f64: 8 } as const;

export type Scalar = keyof typeof SCALAR_BYTES;

/** Whether every value of a type is a float32. */
export const isNarrow = (scalar: Scalar): boolean => SCALAR_BYTES[scalar] <= 2 || scalar === "f32";

/** Reads one value at a byte; 64-bit integers are exact up to 2^53. */
export function scalarReader(view: DataView, scalar: Scalar, little: boolean): (at: number) => number {
  switch (scalar) {
    case "i8":
      return (at) => view.getInt8(at);
    case "u8":
      return (at) => view.getUint8(at);
    case "i16":
      return (at) => view.getInt16(at, little);
    case "u16":
      return (at) => view.getUint16(at, little);
    case "i32":
      return (at) => view.getInt32(at, little);
    case "u32":
      return (at) => view.getUint32(at, little);
    case "i64":
      return (at) => Number(view.getBigInt64(at, little));
    case "u64":
      return (at) => Number(view.getBigUint64(at, little));
    case "f16":
      return (at) => halfToNumber(view.getUint16(at, little));
    case "f32":
      return (at) => view.getFloat32(at, little);
    case "f64":
      return (at) => view.getFloat64(at, little);
  }
}

/** A field of fixed-size records. */
export interface Field {
  readonly name: string;
  readonly scalar: Scalar;
  /** Bytes from the begin of the record. */
  readonly offset: number;
}

/** Columns of `rows` records of `stride` bytes that begin at `start`; the caller has checked that they are there. */
export function recordColumns(bytes: Uint8Array, start: number, stride: number, rows: number, fields: readonly Field[], little = true): readonly { readonly name: string; readonly values: Float32Array | Float64Array }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return fields.map(({ name, scalar, offset }) => {
    const read = scalarReader(view, scalar, little);
    const values = isNarrow(scalar) ? new Float32Array(rows) : new Float64Array(rows);
    for (let row = 0, at = start + offset; row < rows; row++, at += stride) values[row] = read(at);
    return { name, values };
  });
}
