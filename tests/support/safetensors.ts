import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly data: Int32Array | Float32Array;
}

/** The I8, I32, I64 (of small numbers), F32, F16 and F64 (rounded to float32) tensors of a fixture, by name. Written apart from the command's reader, which tests check with fixtures. */
export function readFixture(path: string): ReadonlyMap<string, FixtureTensor> {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, start)) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  const tensors = new Map<string, FixtureTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const copy = new Uint8Array(bytes.subarray(start + from, start + to)).buffer;
    if (entry.dtype === "I32") tensors.set(name, { shape: entry.shape, data: new Int32Array(copy) });
    else if (entry.dtype === "I8") tensors.set(name, { shape: entry.shape, data: Int32Array.from(new Int8Array(copy)) });
    else if (entry.dtype === "I64") tensors.set(name, { shape: entry.shape, data: Int32Array.from(new BigInt64Array(copy), Number) });
    else if (entry.dtype === "F32") tensors.set(name, { shape: entry.shape, data: new Float32Array(copy) });
    else if (entry.dtype === "F64") tensors.set(name, { shape: entry.shape, data: Float32Array.from(new Float64Array(copy)) });
    else if (entry.dtype === "F16") tensors.set(name, { shape: entry.shape, data: Float32Array.from(new Uint16Array(copy), fromHalf) });
  }
  return tensors;
}

/** IEEE 754 binary16 to a number; infinities and NaN do not occur in fixtures. */
function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

/** A tensor that must be there. */
export function tensorOf(tensors: ReadonlyMap<string, FixtureTensor>, name: string): FixtureTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the fixture has no tensor ${name}; it has ${[...tensors.keys()].join(", ")}`);
  return tensor;
}

/** The folder of shared fixtures beside the checkout, if this machine has it; says so when it has not, and tests are skipped. */
export function fixtureFolder(name: string): string | undefined {
  const path = fileURLToPath(new URL(`../../../shared/fixtures/${name}/`, import.meta.url));
  if (existsSync(path)) return path;
  console.warn(`skipped: the shared folder fixtures/${name} is not beside this checkout`);
  return undefined;
}
