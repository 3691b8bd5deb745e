import { SpnetError } from "./errors.ts";
import type { WeightTensor } from "./load.ts";

/** Header bytes that are believed; the format's own reader has the same limit. */
const MAX_HEADER = 100_000_000;

const READERS: Readonly<Record<string, { readonly bytes: number; readonly read: (view: DataView, at: number) => number }>> = {
  F64: { bytes: 8, read: (v, at) => v.getFloat64(at, true) },
  F32: { bytes: 4, read: (v, at) => v.getFloat32(at, true) },
  F16: { bytes: 2, read: (v, at) => halfToNumber(v.getUint16(at, true)) },
  BF16: { bytes: 2, read: (v, at) => bfloatToNumber(v.getUint16(at, true)) },
  I64: { bytes: 8, read: (v, at) => Number(v.getBigInt64(at, true)) },
  I32: { bytes: 4, read: (v, at) => v.getInt32(at, true) },
  I16: { bytes: 2, read: (v, at) => v.getInt16(at, true) },
  I8: { bytes: 1, read: (v, at) => v.getInt8(at) },
  U8: { bytes: 1, read: (v, at) => v.getUint8(at) },
};

/** Reads the tensors of a safetensors file on demand. SP0505 names the byte at which a broken file stops making sense. */
export function readSafetensors(bytes: Uint8Array): (name: string) => WeightTensor | undefined {
  const broken = (what: string, at: number): SpnetError => new SpnetError("SP0505", `the weights are not a readable safetensors file: ${what} (byte ${at})`, { byte: at });
  if (bytes.byteLength < 8) throw broken("shorter than its header length", bytes.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = Number(view.getBigUint64(0, true));
  if (size > MAX_HEADER || 8 + size > bytes.byteLength) throw broken(`a header of ${size} bytes`, 0);
  let header: Readonly<Record<string, unknown>>;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + size))) as Readonly<Record<string, unknown>>;
  } catch {
    throw broken("the header is not JSON", 8);
  }
  return (name) => {
    if (name === "__metadata__" || !Object.hasOwn(header, name)) return undefined;
    const entry = header[name] as { readonly dtype?: string; readonly shape?: readonly number[]; readonly data_offsets?: readonly number[] };
    const reader = READERS[entry.dtype ?? ""];
    const [begin, end] = entry.data_offsets ?? [];
    const shape = entry.shape ?? [];
    const count = shape.reduce((a, b) => a * b, 1);
    if (reader === undefined) throw broken(`tensor ${JSON.stringify(name)} has type ${String(entry.dtype)}`, 8);
    if (begin === undefined || end === undefined || begin < 0 || end - begin !== count * reader.bytes || 8 + size + end > bytes.byteLength) {
      throw broken(`tensor ${JSON.stringify(name)} lies outside the file or has another size than its shape`, 8 + size + (begin ?? 0));
    }
    const at = 8 + size + begin;
    if (entry.dtype === "F32" && LITTLE_ENDIAN) return { shape, data: floats(bytes, at, count) };
    const data = new Float64Array(count);
    for (let i = 0; i < count; i++) data[i] = reader.read(view, at + i * reader.bytes);
    return { shape, data };
  };
}

/** Whether numbers lie in memory as they lie in the file. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The file's own bytes as numbers where they are aligned, else a copy. */
function floats(bytes: Uint8Array, at: number, count: number): Float32Array {
  const start = bytes.byteOffset + at;
  return start % 4 === 0 ? new Float32Array(bytes.buffer, start, count) : new Float32Array(new Uint8Array(bytes.subarray(at, at + 4 * count)).buffer);
}

/** IEEE 754 binary16. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const bfloat = new DataView(new ArrayBuffer(4));

function bfloatToNumber(bits: number): number {
  bfloat.setUint32(0, bits << 16);
  return bfloat.getFloat32(0);
}
