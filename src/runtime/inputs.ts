import { SpnetError } from "./errors.ts";
import type { InputPlan } from "./plan.ts";

/** What happens when two rows of an input name the same site. */
export type DuplicatePolicy = "error" | "sum" | "mean" | "first" | "last";

/** Rows in a buffer of the caller's device: i32 coordinates [rows, 1 + d] or f32 features [rows, C], tight. */
export interface GpuRows {
  readonly buffer: GPUBuffer;
  readonly rows: number;
  /** Byte offset, a multiple of 4. */
  readonly offset?: number;
}

export const isGpuRows = (given: object): given is GpuRows => "buffer" in given && "rows" in given;

/** Coordinates on the host, checked: batch first, then the axes in the order of `sites`. */
export interface CheckedCoords {
  readonly rows: number;
  readonly data: Int32Array<ArrayBuffer>;
  readonly batch: number;
  /** Least and greatest coordinate per axis; all zero when there are no rows. */
  readonly min: readonly number[];
  readonly max: readonly number[];
}

/** Names and extents of the axes, for messages and range checks. */
export interface AxesInfo {
  readonly input: string;
  readonly axes: readonly string[];
  readonly extents: readonly number[] | undefined;
}

const printRow = (data: ArrayLike<number>, row: number, width: number): string =>
  `(${Array.from({ length: width }, (_, i) => data[row * width + i]).join(", ")})`;

/**
 * Checks coordinates [rows, 1 + d] given as a flat array: whole numbers within int32, batch items in range, within the
 * extents. `batch` 0 means “as many as the rows name”.
 * SP0810 not a whole number of rows, SP0811 not an integer, SP0812 batch index, SP0813 out of the extents.
 */
export function checkCoords(info: AxesInfo, given: ArrayLike<number>, batch: number): CheckedCoords {
  const width = info.axes.length + 1;
  if (given.length % width !== 0) {
    throw new SpnetError("SP0810", `coordinates of \`${info.input}\` have ${given.length} numbers, not a multiple of ${width} (batch, ${info.axes.join(", ")})`);
  }
  const rows = given.length / width;
  const data = Int32Array.from(given);
  const min = new Array<number>(width).fill(rows === 0 ? 0 : Number.POSITIVE_INFINITY);
  const max = new Array<number>(width).fill(rows === 0 ? 0 : Number.NEGATIVE_INFINITY);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value !== given[i]) throw new SpnetError("SP0811", `coordinates of \`${info.input}\`, row ${Math.floor(i / width)}: ${given[i]} is not a 32-bit whole number`, { row: Math.floor(i / width) });
    const column = i % width;
    if (value < min[column]!) min[column] = value;
    if (value > max[column]!) max[column] = value;
  }
  checkBatch(info, data, width, batch, min[0]!, max[0]!);
  if (info.extents !== undefined) checkExtents(info, data, width, min, max);
  return { rows, data, batch: batch === 0 ? Math.max(1, max[0]! + 1) : batch, min: min.slice(1), max: max.slice(1) };
}

/** The number of batch items that a call asks for, 0 for “as many as the rows name”. SP0812 when it is no such number. */
export function wantedBatch(batch: number | undefined): number {
  if (batch === undefined) return 0;
  if (!Number.isInteger(batch) || batch < 0 || batch >= 2 ** 31) throw new SpnetError("SP0812", `\`batch\` must be a whole number of batch items, or 0 for as many as the rows name, not ${String(batch)}`, { batch });
  return batch;
}

function checkBatch(info: AxesInfo, data: Int32Array, width: number, batch: number, least: number, most: number): void {
  if (least >= 0 && (batch === 0 || most < batch || data.length === 0)) return;
  for (let row = 0; row * width < data.length; row++) {
    const b = data[row * width]!;
    if (b < 0 || (batch !== 0 && b >= batch)) {
      throw new SpnetError("SP0812", `coordinates of \`${info.input}\`, row ${row} ${printRow(data, row, width)}: batch index ${b} is ${b < 0 ? "negative" : `not within 0 … ${batch - 1}`}`, { row });
    }
  }
}

function checkExtents(info: AxesInfo, data: Int32Array, width: number, min: readonly number[], max: readonly number[]): void {
  const extents = info.extents!;
  const bad = extents.findIndex((n, a) => data.length > 0 && (min[a + 1]! < 0 || max[a + 1]! >= n));
  if (bad < 0) return;
  let outside = 0;
  let first = -1;
  for (let row = 0; row * width < data.length; row++) {
    if (!extents.some((n, a) => data[row * width + 1 + a]! < 0 || data[row * width + 1 + a]! >= n)) continue;
    outside++;
    if (first < 0) first = row;
  }
  const swapped = swapHint(info, min.slice(1), max.slice(1));
  const bounds = info.axes.map((axis, a) => `${axis} < ${extents[a]}`).join(", ");
  throw new SpnetError(
    "SP0813",
    `coordinates of \`${info.input}\`: ${outside} of ${data.length / width} rows lie outside the extents (${bounds}), first row ${first} ${printRow(data, first, width)}${swapped}`,
    { row: first, outside },
  );
}

/** Says so when the coordinates would fit with their axes in another order: the commonest mistake. */
function swapHint(info: AxesInfo, min: readonly number[], max: readonly number[]): string {
  const extents = info.extents!;
  for (const order of permutations(info.axes.map((_, i) => i))) {
    if (order.every((from, a) => min[from]! >= 0 && max[from]! < extents[a]!)) {
      return `; they would fit with columns ordered as (batch, ${order.map((from) => info.axes[from]).join(", ")}): are the axes swapped? expected (batch, ${info.axes.join(", ")})`;
    }
  }
  return "";
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]));
}

/** The inputs whose coordinates a scene is made of. */
export const sparseInputs = (plan: { readonly inputs: readonly InputPlan[] }): readonly InputPlan[] => plan.inputs.filter((i) => i.shape === undefined);

/** SP0816 unless the names are those of the inputs, or where coordinates are given of the inputs on sites. */
export function checkNames(plan: { readonly inputs: readonly InputPlan[] }, names: readonly string[], what: "inputs" | "coordinates" = "inputs"): void {
  const wanted = (what === "inputs" ? plan.inputs : sparseInputs(plan)).map((i) => i.name);
  const dense = plan.inputs.map((i) => i.name).filter((n) => !wanted.includes(n));
  const missing = wanted.filter((n) => !names.includes(n));
  const unknown = names.filter((n) => !wanted.includes(n));
  if (missing.length === 0 && unknown.length === 0) return;
  const parts = [...missing.map((n) => `\`${n}\` is missing`), ...unknown.map((n) => (dense.includes(n) ? `\`${n}\` is a dense tensor and has no coordinates` : `\`${n}\` is not an input`))];
  const listed = wanted.length === 0 ? `this network has no inputs on sites` : `this network's inputs${what === "coordinates" && dense.length > 0 ? " on sites" : ""} are ${wanted.map((n) => `\`${n}\``).join(", ")}`;
  throw new SpnetError("SP0816", `${parts.join(", ")}; ${listed}`, { missing, unknown });
}

/** SP0818: what is said of a row whose site another row names; `values` is the row in words. */
export function duplicateRow(input: string, row: number, values: string): SpnetError {
  return new SpnetError("SP0818", `coordinates of \`${input}\`, row ${row}${values} names a site that another row names too; choose what to do with \`duplicates\`: sum, mean, first or last`, { input, row });
}

/** SP0818 for the first row of an array whose site an earlier row names. */
export function firstDuplicate(input: string, coords: Int32Array, width: number): SpnetError {
  const seen = new Set<string>();
  for (let row = 0; row * width < coords.length; row++) {
    const values = coords.subarray(row * width, (row + 1) * width).join(", ");
    if (seen.has(values)) return duplicateRow(input, row, ` (${values})`);
    seen.add(values);
  }
  throw new Error("internal: no row is repeated");
}

/** Rows merged by site: the kept coordinates in order of first appearance and, per given row, the kept row. */
export interface Merged {
  readonly coords: Int32Array<ArrayBuffer>;
  readonly rowOf: Int32Array;
  readonly rows: number;
}

/** What is equal exactly for equal rows: the cell's number in the box of all rows where numbers count that far, else text. */
function rowKey(coords: Int32Array, width: number): (row: number) => string | number {
  const min = new Array<number>(width).fill(Infinity);
  const max = new Array<number>(width).fill(-Infinity);
  for (let i = 0; i < coords.length; i++) {
    const column = i % width;
    min[column] = Math.min(min[column]!, coords[i]!);
    max[column] = Math.max(max[column]!, coords[i]!);
  }
  const cells = max.map((most, c) => most - min[c]! + 1);
  if (coords.length === 0 || cells.reduce((a, b) => a * b, 1) > Number.MAX_SAFE_INTEGER) return (row) => coords.subarray(row * width, (row + 1) * width).join(",");
  return (row) => {
    let cell = 0;
    for (let c = 0; c < width; c++) cell = cell * cells[c]! + coords[row * width + c]! - min[c]!;
    return cell;
  };
}

/** Merges rows that name the same site. */
export function mergeDuplicates(coords: Int32Array, width: number): Merged {
  const seen = new Map<string | number, number>();
  const rows = coords.length / width;
  const key = rowKey(coords, width);
  const rowOf = new Int32Array(rows);
  const kept: number[] = [];
  for (let row = 0; row < rows; row++) {
    const k = key(row);
    let target = seen.get(k);
    if (target === undefined) {
      target = seen.size;
      seen.set(k, target);
      kept.push(row);
    }
    rowOf[row] = target;
  }
  const out = new Int32Array(kept.length * width);
  kept.forEach((row, i) => out.set(coords.subarray(row * width, (row + 1) * width), i * width));
  return { coords: out, rowOf, rows: kept.length };
}

/** Features of merged rows by the policy, summed in float64 in row order. SP0815 when a sum is beyond float32. */
export function mergeFeatures(input: string, policy: DuplicatePolicy, features: Float32Array, channels: number, merged: Merged): Float32Array<ArrayBuffer> {
  const sums = new Float64Array(merged.rows * channels);
  const counts = new Float64Array(merged.rows);
  merged.rowOf.forEach((target, row) => {
    const first = counts[target] === 0;
    counts[target]!++;
    if (policy === "first" && !first) return;
    for (let c = 0; c < channels; c++) {
      const value = features[row * channels + c]!;
      if (policy === "sum" || policy === "mean") sums[target * channels + c]! += value;
      else sums[target * channels + c] = value;
    }
  });
  const rows = Float32Array.from(sums, (v, i) => (policy === "mean" ? v / counts[Math.floor(i / channels)]! : v));
  const bad = rows.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    const [row, channel] = [merged.rowOf.indexOf(Math.floor(bad / channels)), bad % channels];
    throw new SpnetError("SP0815", `features of \`${input}\`, row ${row}, channel ${channel}: the ${policy} over the rows of its site is beyond float32`, { row, channel });
  }
  return rows;
}

/** Checks host features [rows, channels]. SP0814 a wrong length, SP0815 a value that is not finite. */
export function checkFeatures(input: string, given: ArrayLike<number>, rows: number, channels: number): Float32Array<ArrayBuffer> {
  if (given.length !== rows * channels) {
    throw new SpnetError("SP0814", `features of \`${input}\` have ${given.length} numbers, expected ${rows} rows × ${channels} channels = ${rows * channels}`);
  }
  const data = given instanceof Float32Array && given.buffer instanceof ArrayBuffer ? (given as Float32Array<ArrayBuffer>) : Float32Array.from(given);
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i]!)) {
      throw new SpnetError("SP0815", `features of \`${input}\`, row ${Math.floor(i / channels)}, channel ${i % channels}: ${data[i]} is not finite`, { row: Math.floor(i / channels), channel: i % channels });
    }
  }
  return data;
}
