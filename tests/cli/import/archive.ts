/** Files for tests, written byte by byte: zip archives, arrays of numpy, and pickles of torch. Apart from the readers. */
import { crc32, deflateRawSync } from "node:zlib";

export interface Part {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflated?: boolean;
  /** What the directory claims instead of the true size. */
  readonly claimed?: number;
  /** Where the directory says that the part is instead of where it is. */
  readonly at?: number;
}

const text = (s: string): Buffer => Buffer.from(s, "latin1");
export const u16 = (n: number): Buffer => Buffer.from([n & 255, n >> 8]);
export const u32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n >>> 0);
  return bytes;
};
export const u64 = (n: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
};

export function zip(parts: readonly Part[]): Buffer {
  const [local, central]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const { name, data, deflated = false, claimed = data.byteLength, at: elsewhere } of parts) {
    const packed = deflated ? deflateRawSync(data) : Buffer.from(data);
    const stored = claimed !== data.byteLength && !deflated ? claimed : packed.byteLength;
    const fields = Buffer.concat([u16(20), u16(0), u16(deflated ? 8 : 0), u32(0), u32(crc32(data)), u32(stored), u32(claimed), u16(name.length), u16(0)]);
    const header = Buffer.concat([u32(0x04034b50), fields, text(name), packed]);
    central.push(Buffer.concat([u32(0x02014b50), u16(20), fields, u16(0), u16(0), u16(0), u32(0), u32(elsewhere ?? at), text(name)]));
    local.push(header);
    at += header.byteLength;
  }
  const directory = Buffer.concat(central);
  return Buffer.concat([...local, directory, u32(0x06054b50), u16(0), u16(0), u16(parts.length), u16(parts.length), u32(directory.byteLength), u32(at), u16(0)]);
}

/** A .npy file of float32. */
export function npy(shape: readonly number[], data: Float32Array): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.map((n) => `${n},`).join(" ")}), }\n`;
  return Buffer.concat([text("\x93NUMPY\x01\x00"), u16(header.length), text(header), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

/** A .npz file, its arrays stored. */
export const npz = (tensors: Iterable<readonly [string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }]>): Buffer =>
  zip([...tensors].map(([name, { shape, data }]) => ({ name: `${name}.npy`, data: npy(shape, Float32Array.from(data)) })));

/** Pieces of a pickle of protocol 2. */
export const pickle = {
  begin: Buffer.from([0x80, 2]),
  stop: text("."),
  global: (name: string): Buffer => text(`c${name.slice(0, name.lastIndexOf("."))}\n${name.slice(name.lastIndexOf(".") + 1)}\n`),
  text: (s: string): Buffer => Buffer.concat([text("X"), u32(Buffer.byteLength(s)), Buffer.from(s)]),
  int: (n: number): Buffer => Buffer.concat([text("J"), u32(n)]),
  tuple: (...items: readonly Uint8Array[]): Buffer => Buffer.concat([text("("), ...items, text("t")]),
  dict: (...items: readonly Uint8Array[]): Buffer => Buffer.concat([text("}("), ...items, text("u")]),
  call: (name: string, ...args: readonly Uint8Array[]): Buffer => Buffer.concat([pickle.global(name), pickle.tuple(...args), text("R")]),
  op: text,
};

export interface TensorSpec {
  readonly type?: string;
  readonly key?: string;
  readonly length: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A tensor as `torch.save` pickles it. */
export function torchTensor({ type = "FloatStorage", key = "0", length, offset = 0, shape, strides }: TensorSpec): Buffer {
  const ints = (list: readonly number[]): Buffer => pickle.tuple(...list.map(pickle.int));
  const storage = Buffer.concat([pickle.tuple(pickle.text("storage"), pickle.global(`torch.${type}`), pickle.text(key), pickle.text("cpu"), pickle.int(length)), text("Q")]);
  return pickle.call("torch._utils._rebuild_tensor_v2", storage, pickle.int(offset), ints(shape), ints(strides), Buffer.from([0x89]), pickle.call("collections.OrderedDict"));
}

/** A file of `torch.save` with the given pickle and storages. */
export function torchZip(body: readonly Uint8Array[], storages: Readonly<Record<string, Uint8Array>> = {}, more: readonly Part[] = []): Buffer {
  return zip([{ name: "archive/data.pkl", data: Buffer.concat([pickle.begin, ...body, pickle.stop]) }, ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data })), ...more]);
}

export const floats = (...values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
