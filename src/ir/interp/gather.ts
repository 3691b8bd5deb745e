import type { Geometry } from "../sites.ts";
import type { SiteRows } from "./site-rows.ts";

/** Flat tap index and, per axis, tap·dilation − padding; canonical order, last axis fastest. */
function tapOffsets(g: Geometry): readonly (readonly number[])[] {
  return g.kernel.reduce<number[][]>(
    (taps, k, a) => taps.flatMap((tap) => Array.from({ length: k }, (_, r) => [...tap, r * g.dilation[a]! - g.padding[a]!])),
    [[]],
  );
}

/** Visits every pair of active sites with in = stride·out − padding + tap·dilation, by output row, then tap. */
export function eachPair(from: SiteRows, to: SiteRows, g: Geometry, visit: (tap: number, input: number, output: number) => void): void {
  const taps = tapOffsets(g);
  const width = to.dim + 1;
  const point = new Int32Array(width);
  for (let output = 0; output < to.count; output++) {
    point[0] = to.coords[output * width]!;
    for (let tap = 0; tap < taps.length; tap++) {
      const offset = taps[tap]!;
      for (let a = 0; a < to.dim; a++) point[a + 1] = to.coords[output * width + 1 + a]! * g.stride[a]! + offset[a]!;
      const input = from.find(point);
      if (input >= 0) visit(tap, input, output);
    }
  }
}

/** The atomic operation: y[row] += x[row] · W[tap], with W [taps, Cin, Cout] flat. */
export function multiplyRow(
  y: Float64Array, yRow: number, x: Float64Array, xRow: number, w: Float64Array, tap: number, cin: number, cout: number,
): void {
  const [xAt, yAt, wAt] = [xRow * cin, yRow * cout, tap * cin * cout];
  let i = 0;
  // Four input channels at a time: a quarter of the traffic to y.
  for (; i + 4 <= cin; i += 4) {
    const [a, b, c, d] = [x[xAt + i]!, x[xAt + i + 1]!, x[xAt + i + 2]!, x[xAt + i + 3]!];
    const at = wAt + i * cout;
    for (let o = 0; o < cout; o++) {
      y[yAt + o]! += a * w[at + o]! + b * w[at + cout + o]! + c * w[at + 2 * cout + o]! + d * w[at + 3 * cout + o]!;
    }
  }
  for (; i < cin; i++) {
    const a = x[xAt + i]!;
    for (let o = 0; o < cout; o++) y[yAt + o]! += a * w[wAt + i * cout + o]!;
  }
}

/** As {@link multiplyRow} group by group: y[g] += x[g] · W[tap][:, g], with W [taps, Cin / groups, Cout] flat. */
export function multiplyGroups(
  y: Float64Array, yRow: number, x: Float64Array, xRow: number, w: Float64Array, tap: number, cin: number, cout: number, groups: number,
): void {
  if (groups === 1) return multiplyRow(y, yRow, x, xRow, w, tap, cin, cout);
  const [reads, writes] = [cin / groups, cout / groups];
  for (let o = 0; o < cout; o++) {
    const from = xRow * cin + Math.floor(o / writes) * reads;
    let sum = 0;
    for (let i = 0; i < reads; i++) sum += x[from + i]! * w[(tap * reads + i) * cout + o]!;
    y[yRow * cout + o]! += sum;
  }
}

/** Adds a per-channel vector to every row. */
export function addVector(y: Float64Array, v: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i]! += v[i % v.length]!;
}

export type ReduceMode = "max" | "avg" | "sum";

/**
 * Reduces input rows into output rows, channel by channel, over the pairs that `each` visits; output rows without input
 * are 0. With a divisor, the taps of a window, missing inputs count as zeros.
 */
export function reduceRows(
  mode: ReduceMode, divisor: number | undefined, x: Float64Array, channels: number, rows: number,
  each: (visit: (input: number, output: number) => void) => void,
): Float64Array {
  const y = new Float64Array(rows * channels);
  const seen = new Int32Array(rows);
  each((input, output) => {
    const first = seen[output] === 0;
    seen[output]!++;
    for (let c = 0; c < channels; c++) {
      const value = x[input * channels + c]!;
      const at = output * channels + c;
      y[at] = mode === "max" ? (first ? value : Math.max(y[at]!, value)) : y[at]! + value;
    }
  });
  for (let i = 0; i < y.length; i++) {
    const n = seen[Math.floor(i / channels)]!;
    if (mode === "avg" && (divisor ?? n) > 0) y[i]! /= divisor ?? n;
    if (mode === "max" && divisor !== undefined && n < divisor) y[i] = Math.max(y[i]!, 0);
  }
  return y;
}

/** As {@link reduceRows} over windows of `taps` cells, each of which is an input row or the ground. */
export function reduceWindows(
  mode: ReduceMode, taps: number, x: Float64Array, ground: Float64Array, rows: number,
  each: (visit: (input: number, output: number) => void) => void,
): { readonly data: Float64Array; readonly ground: Float64Array } {
  const channels = ground.length;
  const windows: number[][] = Array.from({ length: rows }, () => []);
  each((input, output) => windows[output]!.push(input));
  const reduce = (window: readonly number[], c: number): number => {
    const cells = [...window.map((input) => x[input * channels + c]!), ...Array.from({ length: taps - window.length }, () => ground[c]!)];
    if (mode === "max") return Math.max(...cells);
    return cells.reduce((sum, v) => sum + v, 0) / (mode === "avg" ? taps : 1);
  };
  const data = new Float64Array(rows * channels);
  windows.forEach((window, row) => {
    for (let c = 0; c < channels; c++) data[row * channels + c] = reduce(window, c);
  });
  return { data, ground: ground.map((_, c) => reduce([], c)) };
}
