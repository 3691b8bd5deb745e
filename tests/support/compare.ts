import type { FeatOutput } from "../../src/runtime/index.ts";
import type { FeatValue } from "../../src/ir/interp/value.ts";

/** max|a−b| / max|b|; equal tensors give 0 also when empty or zero, anything not a number gives NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`lengths differ: ${actual.length} and ${expected.length}`);
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(d)) return Number.NaN;
    difference = Math.max(difference, d);
    size = Math.max(size, Math.abs(expected[i]!));
  }
  return difference === 0 ? 0 : difference / size;
}

/** The rows of an output in the order of the expected coordinates; throws when the site sets differ. */
export function outputRowsAt({ rows, channels, coords, features }: FeatOutput, order: ArrayLike<number>): Float32Array {
  if (coords.length !== order.length) throw new Error(`${coords.length} coordinates, expected ${order.length}`);
  const width = coords.length / Math.max(1, rows);
  const key = (list: ArrayLike<number>, row: number): string => Array.from({ length: width }, (_, i) => list[row * width + i]).join();
  const rowOf = new Map(Array.from({ length: rows }, (_, r) => [key(coords, r), r]));
  const ordered = new Float32Array(features.length);
  for (let row = 0; row < rows; row++) {
    const own = rowOf.get(key(order, row));
    if (own === undefined) throw new Error(`site ${key(order, row)} is missing`);
    ordered.set(features.subarray(own * channels, (own + 1) * channels), row * channels);
  }
  return ordered;
}

/** The rows of `value` in the order of the expected coordinates; throws when the site sets differ. */
export function rowsAt(value: FeatValue, coords: ArrayLike<number>): Float64Array {
  const width = value.sites.dim + 1;
  const count = coords.length / width;
  if (count !== value.sites.count) throw new Error(`${value.sites.count} sites, expected ${count}`);
  const rows = new Float64Array(value.data.length);
  for (let row = 0; row < count; row++) {
    const own = value.sites.find(coords, row * width);
    if (own < 0) throw new Error(`site ${Array.from({ length: width }, (_, i) => coords[row * width + i]).join(",")} is missing`);
    rows.set(value.data.subarray(own * value.channels, (own + 1) * value.channels), row * value.channels);
  }
  return rows;
}
