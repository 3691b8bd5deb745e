import { SpnetError } from "../errors.ts";
import { cellKey } from "./grid.ts";

/** Rows of a network's output: features on sites of one batch item. */
export interface SiteFeatures {
  /** [rows, 1 + axes], batch item first. */
  readonly coords: Int32Array;
  /** [rows, channels]. */
  readonly features: Float32Array;
  readonly channels: number;
}

/**
 * Features of the voxel that each point lies in, [points, channels]; 0 for points that were left out. `pointRow` is that
 * of `voxelize`, and rows those of its voxels.
 */
export function nearestFeatures(pointRow: Int32Array, { features, channels }: Pick<SiteFeatures, "features" | "channels">): Float32Array<ArrayBuffer> {
  const out = new Float32Array(pointRow.length * channels);
  pointRow.forEach((row, point) => {
    if (row >= 0) out.set(features.subarray(row * channels, (row + 1) * channels), point * channels);
  });
  return out;
}

export interface Interpolation {
  /** Batch item that the positions are in (default 0). */
  readonly batch?: number;
  /** Sites per grid step along each axis: positions are divided by it (default 1). */
  readonly stride?: number | readonly number[];
  /**
   * `present` (default): weights of the corners that have a site are scaled to a sum of 1, as TorchSparse does; `all`:
   * corners without a site count as 0, as MinkowskiEngine does.
   */
  readonly weights?: "present" | "all";
}

/**
 * Linear interpolation between the sites at the 2^axes corners around each position: [positions, axes] in the order of
 * the axes of `coords`, in grid steps, a site lying at its own whole coordinates. Positions without any site around give
 * 0. Returns [positions, channels]; sums are float64, corners in ascending order. SP0880: numbers that do not fit.
 */
export function interpolatedFeatures(positions: Float32Array, { coords, features, channels }: SiteFeatures, options: Interpolation = {}): Float32Array<ArrayBuffer> {
  const rows = features.length / channels;
  const width = coords.length / rows;
  const axes = rows === 0 ? 1 : width - 1;
  if (rows > 0 && (!Number.isInteger(width) || axes < 1)) throw new SpnetError("SP0880", `${coords.length} coordinates do not fit ${rows} rows of ${channels} channels`);
  if (rows > 0 && positions.length % axes !== 0) throw new SpnetError("SP0880", `${positions.length} numbers are not a whole number of positions on ${axes} axes`);
  const count = Math.floor(positions.length / axes);
  const out = new Float32Array(count * channels);
  if (rows === 0) return out;
  const { batch = 0, weights = "present", stride = 1 } = options;
  const steps = Array.from({ length: axes }, (_, a) => (typeof stride === "number" ? stride : (stride[a] ?? Number.NaN)));
  if (steps.some((s) => !(s > 0))) throw new SpnetError("SP0880", `stride is ${String(stride)}, expected one number above 0, or one per axis`);
  const rowAt = lookup(coords, axes, batch);
  const corner = new Int32Array(axes);
  const sums = new Float64Array(channels);
  for (let p = 0; p < count; p++) {
    sums.fill(0);
    let total = 0;
    for (let bits = 0; bits < 2 ** axes; bits++) {
      let weight = 1;
      for (let a = 0; a < axes; a++) {
        const position = positions[p * axes + a]! / steps[a]!;
        const low = Math.floor(position);
        const upper = (bits >> (axes - 1 - a)) & 1;
        corner[a] = low + upper;
        weight *= upper === 1 ? position - low : 1 - (position - low);
      }
      // A corner of weight 0 counts for nothing, and need not be there.
      const row = weight > 0 ? rowAt(corner) : undefined;
      if (row === undefined) continue;
      total += weight;
      for (let c = 0; c < channels; c++) sums[c]! += weight * features[row * channels + c]!;
    }
    if (total === 0) continue;
    const scale = weights === "present" ? 1 / total : 1;
    for (let c = 0; c < channels; c++) out[p * channels + c] = sums[c]! * scale;
  }
  return out;
}

/** Row of a site of one batch item. */
function lookup(coords: Int32Array, axes: number, batch: number): (corner: Int32Array) => number | undefined {
  const cells = new Int32Array((coords.length / (axes + 1)) * axes);
  const rows: number[] = [];
  for (let row = 0; row * axes < cells.length; row++) {
    if (coords[row * (axes + 1)] !== batch) continue;
    rows.push(row);
    cells.set(coords.subarray(row * (axes + 1) + 1, (row + 1) * (axes + 1)), row * axes);
  }
  const key = cellKey(cells, axes, rows);
  const rowOf = new Map(rows.map((row) => [key(cells, row)!, row]));
  return (corner) => {
    const k = key(corner, 0);
    return k === undefined ? undefined : rowOf.get(k);
  };
}
