import type { Rows } from "./oracle.ts";

/** Uniform numbers in [0, 1) by mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Distinct random rows in shuffled order; `low` is the least coordinate (default 0). Fewer where the grid is full. */
export function cloud(of: { readonly seed: number; readonly dim: number; readonly rows: number; readonly extents: readonly number[]; readonly batch?: number; readonly low?: number }): Rows {
  const next = random(of.seed);
  const rows = new Map<string, readonly number[]>();
  for (let n = 0; n < of.rows * 3 && rows.size < of.rows; n++) {
    const row = [Math.floor(next() * (of.batch ?? 1)), ...of.extents.slice(0, of.dim).map((e) => Math.floor(next() * e) + (of.low ?? 0))];
    rows.set(row.join(), row);
  }
  return [...rows.values()];
}
