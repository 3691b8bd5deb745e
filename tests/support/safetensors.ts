import { existsSync, readFileSync } from "node:fs";

export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly data: Int32Array | Float32Array;
}

/** The I32 and F32 tensors of a fixture, by name. Written apart from the command's reader, which tests check with fixtures. */
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
    else if (entry.dtype === "F32") tensors.set(name, { shape: entry.shape, data: new Float32Array(copy) });
  }
  return tensors;
}

/** A tensor that must be there. */
export function tensorOf(tensors: ReadonlyMap<string, FixtureTensor>, name: string): FixtureTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the fixture has no tensor ${name}; it has ${[...tensors.keys()].join(", ")}`);
  return tensor;
}

/** The folder of shared fixtures beside the checkout, if this machine has it. */
export function fixtureFolder(name: string): string | undefined {
  const path = new URL(`../../../shared/fixtures/${name}/`, import.meta.url).pathname;
  return existsSync(path) ? path : undefined;
}
