import { SpnetError } from "../errors.ts";
import { cellKey, pointCells, type PointGrid, type Points } from "./grid.ts";

export interface VoxelizeOptions extends PointGrid {
  /** What becomes of the points of one voxel, column by column (default `mean`). */
  readonly reduce?: "mean" | "sum" | "max" | "first";
  /** Points taken per voxel at most, the first ones in order; default all. */
  readonly maxPoints?: number;
  /** Voxels at most, the first ones in order; points of further ones are left out. Default all. */
  readonly maxVoxels?: number;
  /** Order of the axes in `coords`: that of the points' columns (default), or reversed as spconv has it. */
  readonly order?: "columns" | "reversed";
  /** Batch item of these points (default 0). */
  readonly batch?: number;
}

/** Voxels in order of first appearance among the points. */
export interface Voxels {
  readonly rows: number;
  /** [rows, 1 + axes]: batch item, then the voxel's index along each axis. What `prepare` and `run` take. */
  readonly coords: Int32Array<ArrayBuffer>;
  /** [rows, columns]. */
  readonly features: Float32Array<ArrayBuffer>;
  /** Points taken per voxel. */
  readonly counts: Int32Array<ArrayBuffer>;
  /** Row of every point's voxel, −1 where the point was left out; points beyond `maxPoints` have one. */
  readonly pointRow: Int32Array<ArrayBuffer>;
  /** Points on the grid, before any limit. */
  readonly inRange: number;
}

/**
 * Points to voxels, first come first served: spconv's PointToVoxel with limits, without them the dynamic voxelisation of
 * the other systems. Sums are float64. SP0832, SP0833 as `pointCells`.
 */
export function voxelize(points: Points, options: VoxelizeOptions): Voxels {
  const { reduce = "mean", order = "columns", batch = 0 } = options;
  const [maxPoints, maxVoxels] = [limit("maxPoints", options.maxPoints), limit("maxVoxels", options.maxVoxels)];
  const { axes, cells, kept } = pointCells(points, options);
  const { columns, data } = points;
  const key = cellKey(cells, axes, kept);
  const rowOf = new Map<number, number>();
  const first: number[] = [];
  const pointRow = new Int32Array(data.length / columns).fill(-1);
  for (const point of kept) {
    const k = key(cells, point)!;
    let row = rowOf.get(k);
    if (row === undefined) {
      if (first.length >= maxVoxels) continue;
      row = first.push(point) - 1;
      rowOf.set(k, row);
    }
    pointRow[point] = row;
  }
  const rows = first.length;
  const counts = new Int32Array(rows);
  const sums = new Float64Array(rows * columns);
  for (const point of kept) {
    const row = pointRow[point]!;
    if (row < 0 || counts[row]! >= maxPoints) continue;
    const start = counts[row]!++ === 0;
    if (reduce === "first" && !start) continue;
    for (let c = 0; c < columns; c++) {
      const [at, value] = [row * columns + c, data[point * columns + c]!];
      sums[at] = start ? value : reduce === "max" ? Math.max(sums[at]!, value) : sums[at]! + value;
    }
  }
  const features = Float32Array.from(sums, reduce === "mean" ? (sum, i) => sum / counts[Math.floor(i / columns)]! : (sum) => sum);
  const coords = new Int32Array(rows * (axes + 1));
  first.forEach((point, row) => {
    coords[row * (axes + 1)] = batch;
    for (let a = 0; a < axes; a++) coords[row * (axes + 1) + 1 + (order === "reversed" ? axes - 1 - a : a)] = cells[axes * point + a]!;
  });
  return { rows, coords, features, counts, pointRow, inRange: kept.length };
}

/**
 * The points of each voxel, [rows, maxPoints, columns], unused places 0: what PointPillars' and VoxelNet's encoders read.
 * `voxels` must come from the same points, with the same limit.
 */
export function voxelPoints({ columns, data }: Points, { rows, pointRow }: Voxels, maxPoints: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows * maxPoints * columns);
  const filled = new Int32Array(rows);
  pointRow.forEach((row, point) => {
    if (row < 0 || filled[row]! >= maxPoints) return;
    out.set(data.subarray(point * columns, (point + 1) * columns), (row * maxPoints + filled[row]!++) * columns);
  });
  return out;
}

function limit(name: string, value: number | undefined): number {
  if (value === undefined) return Infinity;
  if (!Number.isInteger(value) || value < 1) throw new SpnetError("SP0833", `${name} is ${value}, expected a whole number of at least 1`);
  return value;
}
