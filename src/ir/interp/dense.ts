import type { DenseValue, FeatValue } from "./value.ts";

/**
 * Scatters rows into [batch, ...shape] of zeros, or of the ground where there is one. Without `fold` the shape is [C, extents…]; with it, the folded axis is
 * part of the first: channel c at coordinate z lands on c · extent_z + z. With `last` the shape is [extents…, C].
 */
export function scatterDense(x: FeatValue, batch: number, shape: readonly number[], fold: string, last = false, ground = x.ground): DenseValue {
  const { axes, dim, coords, count } = x.sites;
  const folded = axes.indexOf(fold);
  const kept = axes.map((_, a) => a).filter((a) => a !== folded);
  const extent = shape[0]! / x.channels;
  const full = [batch, ...shape];
  const data = new Float64Array(full.reduce((product, n) => product * n, 1));
  const cells = data.length / (batch * x.channels);
  if (ground !== undefined) for (let i = 0; i < data.length; i++) data[i] = ground[(last ? i : Math.floor(i / cells)) % x.channels]!;
  for (let row = 0; row < count; row++) {
    const at = row * (dim + 1);
    for (let c = 0; c < x.channels; c++) {
      if (last) {
        const cell = axes.reduce((index, _, a) => index * shape[a]! + coords[at + 1 + a]!, coords[at]!);
        data[cell * x.channels + c] = x.data[row * x.channels + c]!;
        continue;
      }
      let index = coords[at]! * shape[0]! + c * extent + (folded < 0 ? 0 : coords[at + 1 + folded]!);
      kept.forEach((a, i) => {
        index = index * shape[i + 1]! + coords[at + 1 + a]!;
      });
      data[index] = x.data[row * x.channels + c]!;
    }
  }
  return { kind: "dense", shape: full, data };
}
