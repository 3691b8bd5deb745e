/**
 * Points to voxels with the mean of their points' columns (SECOND's mean feature encoder). Float32 arithmetic, rounded
 * at every step, decides on which side of a voxel border a point lies, as in the published pipelines: many coordinates
 * lie on a border exactly.
 */
import { inputError } from "../errors.ts";
import type { Points } from "./points.ts";

export interface VoxelGrid {
  /** Edge lengths along x, y, z in metres. */
  readonly voxel: readonly number[];
  /** Least and greatest corner along x, y, z in metres; points outside are left out. Without it the grid is unbounded from 0. */
  readonly range?: { readonly min: readonly number[]; readonly max: readonly number[] };
  /** `floor` of the quotient (default), or the nearest whole number, halves to even, as MinkUNet's data pipeline does. */
  readonly rounding?: "floor" | "nearest";
  /** Points averaged per voxel at most, the first ones in scan order; default all. */
  readonly maxPoints?: number;
  /** Voxels kept at most, the first ones in scan order; default all. */
  readonly maxVoxels?: number;
}

export interface Voxels {
  readonly count: number;
  /** Points inside the grid, before any cap. */
  readonly pointsInRange: number;
  /** [count, 3] voxel indices along x, y, z, in order of first appearance in the scan. */
  readonly indices: Int32Array;
  /** [count, columns] means. */
  readonly means: Float32Array;
  /** Index of the first point of each voxel. */
  readonly firstPoint: Int32Array;
}

/** Voxels along x, y, z: round((max − min) / voxel) in float32; undefined for an unbounded grid. */
export function gridExtents(grid: VoxelGrid): readonly number[] | undefined {
  const { range, voxel } = grid;
  if (range === undefined) return undefined;
  return voxel.map((edge, axis) => {
    const span = Math.fround(Math.fround(range.max[axis]!) - Math.fround(range.min[axis]!));
    return Math.round(Math.fround(span / Math.fround(edge)));
  });
}

/** Voxelises points. SP0833 for a grid that makes no sense or indices beyond int32. */
export function voxelize(points: Points, grid: VoxelGrid): Voxels {
  checkGrid(grid);
  const { cells, kept } = pointCells(points, grid);
  const key = cellKey(cells, kept);
  const { maxPoints = Infinity, maxVoxels = Infinity } = grid;

  const rows = new Map<number, number>();
  const first: number[] = [];
  const { columns, data } = points;
  // Room for as many voxels as there are points.
  const sums = new Float64Array(kept.length * columns);
  const counts = new Int32Array(kept.length);
  for (const point of kept) {
    const k = key(point);
    let row = rows.get(k);
    if (row === undefined) {
      if (first.length >= maxVoxels) continue;
      row = first.length;
      rows.set(k, row);
      first.push(point);
    }
    if (counts[row]! >= maxPoints) continue;
    counts[row]!++;
    for (let c = 0; c < columns; c++) sums[row * columns + c]! += data[point * columns + c]!;
  }

  const indices = new Int32Array(first.length * 3);
  const means = new Float32Array(first.length * columns);
  first.forEach((point, row) => {
    for (let axis = 0; axis < 3; axis++) indices[3 * row + axis] = cells[3 * point + axis]!;
    for (let c = 0; c < columns; c++) means[row * columns + c] = sums[row * columns + c]! / counts[row]!;
  });
  return {
    count: first.length,
    pointsInRange: kept.length,
    indices,
    means,
    firstPoint: Int32Array.from(first),
  };
}

function checkGrid({ voxel, range }: VoxelGrid): void {
  if (voxel.length !== 3 || voxel.some((edge) => !(Math.fround(edge) > 0) || edge === Infinity)) {
    throw inputError("SP0833", `voxel edges must be three lengths above 0, got ${voxel.join(",")}`);
  }
  if (range !== undefined && (range.min.length !== 3 || range.max.length !== 3 || range.min.some((m, i) => !(m < range.max[i]!)))) {
    throw inputError("SP0833", `the range must be xmin,ymin,zmin,xmax,ymax,zmax with each minimum below its maximum, got ${[...range.min, ...range.max].join(",")}`);
  }
}

/** The cell of every point, and the points that lie inside the grid, in scan order. */
function pointCells(points: Points, grid: VoxelGrid): { readonly cells: Int32Array; readonly kept: Int32Array } {
  const round = grid.rounding === "nearest" ? roundHalfToEven : Math.floor;
  const extents = gridExtents(grid);
  const cells = new Int32Array(points.count * 3);
  const kept = new Int32Array(points.count);
  let n = 0;
  const least = [0, 1, 2].map((axis) => Math.fround(grid.range?.min[axis] ?? 0));
  const edges = grid.voxel.map(Math.fround);
  for (let p = 0; p < points.count; p++) {
    let inside = true;
    for (let axis = 0; axis < 3; axis++) {
      const offset = Math.fround(points.data[p * points.columns + axis]! - least[axis]!);
      const cell = round(Math.fround(offset / edges[axis]!));
      if (extents === undefined && cell !== (cell | 0)) {
        throw inputError("SP0833", `point ${p} lies ${cell} voxels from the origin along ${"xyz"[axis]}, more than 32 bits count`, { help: "use larger voxels or give a range" });
      }
      inside &&= extents === undefined || (cell >= 0 && cell < extents[axis]!);
      cells[3 * p + axis] = cell;
    }
    if (inside) kept[n++] = p;
  }
  return { cells, kept: kept.subarray(0, n) };
}

/** A number per point that is equal exactly for points of one cell. */
function cellKey(cells: Int32Array, kept: Int32Array): (point: number) => number {
  const min = [Infinity, Infinity, Infinity];
  const max = [-Infinity, -Infinity, -Infinity];
  for (const p of kept) {
    for (let axis = 0; axis < 3; axis++) {
      min[axis] = Math.min(min[axis]!, cells[3 * p + axis]!);
      max[axis] = Math.max(max[axis]!, cells[3 * p + axis]!);
    }
  }
  const [nx, ny, nz] = max.map((m, axis) => m - min[axis]! + 1) as [number, number, number];
  if (nx * ny * nz > Number.MAX_SAFE_INTEGER) throw inputError("SP0833", `the points span ${nx} × ${ny} × ${nz} voxels, too many to count`, { help: "use larger voxels or give a range" });
  return (p) => ((cells[3 * p + 2]! - min[2]!) * ny + cells[3 * p + 1]! - min[1]!) * nx + cells[3 * p]! - min[0]!;
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
