import type { Geometry } from "../../src/ir/sites.ts";

/** A site with its features: [batch, c0, …]. */
export interface Point {
  readonly at: readonly number[];
  readonly row: readonly number[];
}

/**
 * Convolutions by comparing every output with every input, on lists of points: no map, no tap offsets, no row numbers.
 * Returns the flat tap (last axis fastest) that joins `input` to `output`, if in = stride·out − padding + tap·dilation.
 */
export function tapBetween(input: readonly number[], output: readonly number[], g: Geometry): number | undefined {
  if (input[0] !== output[0]) return undefined;
  let flat = 0;
  for (const [a, k] of g.kernel.entries()) {
    const distance = input[a + 1]! + g.padding[a]! - g.stride[a]! * output[a + 1]!;
    const tap = distance / g.dilation[a]!;
    if (!Number.isInteger(tap) || tap < 0 || tap >= k) return undefined;
    flat = flat * k + tap;
  }
  return flat;
}

export const compareSites = (a: readonly number[], b: readonly number[]): number => {
  const i = a.findIndex((n, j) => n !== b[j]);
  return i < 0 ? 0 : a[i]! - b[i]!;
};

/** Every output, in a window that surely holds all, that some input reaches; inside `extents` where given. Sorted. */
export function reached(inputs: readonly (readonly number[])[], g: Geometry, extents: readonly number[] | undefined): (readonly number[])[] {
  const found: (readonly number[])[] = [];
  const axes = g.kernel.map((k, a) => {
    const all = inputs.map((p) => p[a + 1]!);
    const reach = Math.abs(g.padding[a]!) + k * g.dilation[a]!;
    const [low, high] = [Math.floor((Math.min(...all) - reach) / g.stride[a]!), Math.ceil((Math.max(...all) + reach) / g.stride[a]!)];
    const range = inputs.length === 0 ? [] : Array.from({ length: high - low + 1 }, (_, i) => low + i);
    return range.filter((o) => extents === undefined || (o >= 0 && o < extents[a]!));
  });
  const batches = [...new Set(inputs.map((p) => p[0]!))].sort((x, y) => x - y);
  const windows = axes.reduce<number[][]>((sites, axis) => sites.flatMap((site) => axis.map((c) => [...site, c])), batches.map((b) => [b]));
  for (const site of windows) if (inputs.some((p) => tapBetween(p, site, g) !== undefined)) found.push(site);
  return found;
}

/** Every site of a finer grid, in a window that surely holds all, from which some tap leads to an input; inside `extents` where given. Sorted. */
export function generated(inputs: readonly (readonly number[])[], g: Geometry, extents: readonly number[] | undefined): (readonly number[])[] {
  if (inputs.length === 0) return [];
  const axes = g.kernel.map((k, a) => {
    const all = inputs.map((p) => p[a + 1]! * g.stride[a]! - g.padding[a]!);
    const [low, high] = [Math.min(...all) - 1, Math.max(...all) + k * g.dilation[a]!];
    return Array.from({ length: high - low + 1 }, (_, i) => low + i).filter((c) => extents === undefined || (c >= 0 && c < extents[a]!));
  });
  const batches = [...new Set(inputs.map((p) => p[0]!))].sort((x, y) => x - y);
  const windows = axes.reduce<number[][]>((sites, axis) => sites.flatMap((site) => axis.map((c) => [...site, c])), batches.map((b) => [b]));
  return windows.filter((site) => inputs.some((p) => tapBetween(site, p, g) !== undefined));
}

/** floor(in / stride), each once, sorted. */
export function floored(inputs: readonly (readonly number[])[], stride: readonly number[]): (readonly number[])[] {
  const all = inputs.map(([b, ...c]) => [b!, ...c.map((n, a) => Math.floor(n / stride[a]!))]).sort(compareSites);
  return all.filter((site, i) => i === 0 || compareSites(site, all[i - 1]!) !== 0);
}

/** The flat [taps, Cin, Cout] weight's matrix-vector product at `tap`, added to `y`. */
export function addProduct(y: number[], row: readonly number[], weight: ArrayLike<number>, tap: number): void {
  for (const o of y.keys()) for (const [i, x] of row.entries()) y[o]! += x * weight[(tap * row.length + i) * y.length + o]!;
}
