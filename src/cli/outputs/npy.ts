import type { Tensor } from "../files/tensor.ts";

const CODES: Partial<Record<Tensor["dtype"], string>> = { F32: "<f4", I32: "<i4" };

/** A tensor as a .npy file, version 1.0 of numpy's NEP 1: the header padded so that data begin at a multiple of 64. */
export function writeNpy({ dtype, shape, bytes }: Tensor): Uint8Array {
  const code = CODES[dtype];
  if (code === undefined) throw new Error(`internal: outputs are float32 and int32, not ${dtype}`);
  const header = `{'descr': '${code}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const start = Math.ceil((10 + header.length + 1) / 64) * 64;
  const file = new Uint8Array(start + bytes.byteLength).fill(0x20, 10, start);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  new DataView(file.buffer).setUint16(8, start - 10, true);
  file.set(new TextEncoder().encode(header), 10);
  file[start - 1] = 0x0a;
  file.set(bytes, start);
  return file;
}
