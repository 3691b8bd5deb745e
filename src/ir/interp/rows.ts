import { rowCount, withRows, type RowsValue } from "./value.ts";

/** Rows of each batch item, in order. */
function rowsByItem(x: RowsValue, batch: number): readonly (readonly number[])[] {
  const items = Array.from({ length: batch }, (): number[] => []);
  for (let row = 0; row < rowCount(x); row++) items[x.kind === "feat" ? x.sites.coords[row * (x.sites.dim + 1)]! : row]!.push(row);
  return items;
}

/**
 * (x − mean) / sqrt(var + eps) with the mean and the biased variance over all rows, over those of the row's batch
 * item, or over the row alone, and over the channels of the channel's group.
 */
export function normaliseRows(x: RowsValue, batch: number, over: "batch" | "item" | "row", groups: number, eps: number): RowsValue {
  const { channels } = x;
  const data = new Float64Array(x.data.length);
  const all = Array.from({ length: rowCount(x) }, (_, row) => row);
  const sets = over === "item" ? rowsByItem(x, batch) : over === "row" ? all.map((row) => [row]) : [all];
  const width = channels / groups;
  for (const rows of sets) {
    for (let g = 0; g < groups; g++) {
      const at = rows.flatMap((row) => Array.from({ length: width }, (_, c) => row * channels + g * width + c));
      const mean = at.reduce((sum, i) => sum + x.data[i]!, 0) / at.length;
      const variance = at.reduce((sum, i) => sum + (x.data[i]! - mean) ** 2, 0) / at.length;
      for (const i of at) data[i] = (x.data[i]! - mean) / Math.sqrt(variance + eps);
    }
  }
  return withRows(x, channels, data);
}

/** The row of a row's batch item in `v`, channel by channel: added, multiplied, or alone. */
export function broadcastRows(x: RowsValue, v: RowsValue, by: "sum" | "product" | "copy"): RowsValue {
  if (x.kind !== "feat") throw new Error("internal: a broadcast onto no sites");
  const { dim, coords, count } = x.sites;
  const data = new Float64Array(count * v.channels);
  for (let row = 0; row < count; row++) {
    for (let c = 0; c < v.channels; c++) {
      const [own, of] = [x.data[row * x.channels + c]!, v.data[coords[row * (dim + 1)]! * v.channels + c]!];
      data[row * v.channels + c] = by === "copy" ? of : by === "sum" ? own + of : own * of;
    }
  }
  return withRows(x, v.channels, data);
}

/** exp(x) over its sum along each row, or the logarithm of that, less the row's maximum first. */
export function softmaxRows(x: RowsValue, log: boolean): RowsValue {
  const data = new Float64Array(x.data.length);
  for (let at = 0; at < data.length; at += x.channels) {
    const row = x.data.subarray(at, at + x.channels);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = row.reduce((s, v) => s + Math.exp(v - most), 0);
    row.forEach((v, c) => (data[at + c] = log ? v - most - Math.log(sum) : Math.exp(v - most) / sum));
  }
  return withRows(x, x.channels, data);
}
