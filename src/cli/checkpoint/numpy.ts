/** Arrays of numpy, in pickles and in .npy files. Format of the file: numpy's NEP 1. */
import { inputError, type InputError } from "../errors.ts";
import { DTYPE_BYTES, elements, toFloat64, type TensorDType } from "../files/tensor.ts";
import { contiguous, NumpyDType, TensorView, type Storage } from "./values.ts";

const TYPES: Readonly<Record<string, TensorDType>> = {
  f8: "F64", f4: "F32", f2: "F16", i8: "I64", i4: "I32", i2: "I16", i1: "I8", u8: "U64", u4: "U32", u2: "U16", u1: "U8", b1: "BOOL", "?": "BOOL",
};

export type NumpyNumber = number;

/** The element type of a code such as `<f4`; without a type when it is none of ours. */
export function numpyDType({ code, bigEndian }: NumpyDType): { readonly dtype: TensorDType | undefined; readonly swapped: boolean } {
  const match = /^([<>|=]?)(.*)$/.exec(code)!;
  const name = match[2]!;
  return { dtype: Object.hasOwn(TYPES, name) ? TYPES[name] : undefined, swapped: bigEndian || match[1] === ">" };
}

/** Bytes of an array as little-endian. */
export function numpyStorage(name: string, type: NumpyDType, data: Uint8Array): Storage {
  const { dtype, swapped } = numpyDType(type);
  const size = dtype === undefined ? 1 : DTYPE_BYTES[dtype];
  return { name, dtype, typeName: `numpy ${type.code}`, bytes: () => (swapped && size > 1 ? swap(data, size) : data) };
}

function swap(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(data.byteLength);
  for (let i = 0; i < out.byteLength; i++) out[i] = data[i - (i % size) + size - 1 - (i % size)]!;
  return out;
}

/** One number, or undefined when the bytes do not fit its type. */
export function numpyNumber(type: NumpyDType, data: Uint8Array): NumpyNumber | undefined {
  const storage = numpyStorage("a scalar", type, data);
  if (storage.dtype === undefined || data.byteLength !== DTYPE_BYTES[storage.dtype]) return undefined;
  return toFloat64({ name: "", dtype: storage.dtype, shape: [], bytes: storage.bytes() })[0];
}

export const isNpy = (bytes: Uint8Array): boolean => bytes[0] === 0x93 && String.fromCharCode(...bytes.subarray(1, 6)) === "NUMPY";

/** A .npy file; `where` names it in messages. SP0548: broken; SP0547: holds something else than numbers. */
export function readNpy(where: string, bytes: Uint8Array): TensorView {
  const broken = (what: string, at: number): InputError => inputError("SP0548", `${where} is not a readable .npy file: ${what} (byte ${at})`);
  if (!isNpy(bytes) || bytes.byteLength < 12) throw broken("it does not begin as one, or is truncated", Math.min(bytes.byteLength, 12));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + length > bytes.byteLength) throw broken(`its header takes ${length} bytes and ${bytes.byteLength - start} are left`, 8);
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const fields = parseHeader(header);
  if (fields === undefined) throw broken(`its header is ${JSON.stringify(header.slice(0, 80))}`, start);
  const { descr, fortran, shape } = fields;
  if (descr === undefined || descr.includes("O")) {
    throw inputError("SP0547", `${where} holds ${descr === undefined ? "records" : "Python objects"}, not numbers (byte ${start})`, { help: "save each tensor as an array of its own: numpy.savez(file, **{name: array})" });
  }
  const type = new NumpyDType(descr);
  const storage = numpyStorage("the file", type, bytes.subarray(start + length));
  if (storage.dtype === undefined) throw inputError("SP0547", `${where} holds ${descr}, which cannot be read here (byte ${start})`, { help: `store it as one of ${Object.keys(TYPES).join(", ")}` });
  const wanted = elements(shape) * DTYPE_BYTES[storage.dtype];
  if (wanted !== bytes.byteLength - start - length) throw broken(`it is ${descr} [${shape.join(", ")}], that is ${wanted} bytes, but ${bytes.byteLength - start - length} follow`, start + length);
  const strides = fortran ? [...contiguous([...shape].reverse())].reverse() : contiguous(shape);
  return new TensorView({ storage, offset: 0, shape, strides, place: where });
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, and nothing else that Python would take. */
function parseHeader(text: string): { readonly descr: string | undefined; readonly fortran: boolean; readonly shape: readonly number[] } | undefined {
  const match = /^\{'descr': ('([^']*)'|\[[^\]]*\]), 'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? *\}\s*$/.exec(text);
  if (match === null) return undefined;
  const shape = match[4]!.split(",").map((n) => n.trim()).filter((n) => n !== "").map(Number);
  return shape.every(Number.isSafeInteger) ? { descr: match[2], fortran: match[3] === "True", shape } : undefined;
}
