import { SpnetError } from "../errors.ts";
import { roundHalfToEven } from "../rounding.ts";

/** Points as rows of numbers: coordinates first, then whatever else was measured. */
export interface Points {
  /** Numbers per point, at least as many as the grid has axes. */
  readonly columns: number;
  /** [points, columns]. */
  readonly data: Float32Array;
}

/** A grid of 1 to 4 axes, in the order of the points' columns. */
export interface PointGrid {
  /** Edge of a voxel along each axis, in the points' unit. */
  readonly voxel: readonly number[];
  /** Least and greatest corner; points outside are left out. Without it the grid is unbounded and 0 a corner. */
  readonly range?: { readonly min: readonly number[]; readonly max: readonly number[] };
  /** `floor` of the quotient (default), or the nearest whole number, halves to even, as MinkUNet's data pipeline does. */
  readonly rounding?: "floor" | "nearest";
}

/** The voxel of every point, and which points lie on the grid. */
export interface PointCells {
  readonly axes: number;
  /** [points, axes]. */
  readonly cells: Int32Array;
  /** Points on the grid, ascending. */
  readonly kept: Int32Array;
}

const MAX_AXES = 4;

/** Voxels along each axis: round((max − min) / voxel) in float32; undefined for an unbounded grid. */
export function gridExtents({ range, voxel }: Pick<PointGrid, "range" | "voxel">): readonly number[] | undefined {
  if (range === undefined) return undefined;
  return voxel.map((edge, axis) => {
    const span = Math.fround(Math.fround(range.max[axis]!) - Math.fround(range.min[axis]!));
    return Math.round(Math.fround(span / Math.fround(edge)));
  });
}

/**
 * Finds each point's voxel. Float32 arithmetic, rounded at every step, decides on which side of a border a point lies,
 * as in the published pipelines: many coordinates lie on a border exactly. SP0832 for a coordinate that is not finite,
 * SP0833 for a grid that makes no sense or indices beyond int32.
 */
export function pointCells(points: Points, grid: PointGrid): PointCells {
  checkGrid(points, grid);
  const axes = grid.voxel.length;
  const round = grid.rounding === "nearest" ? roundHalfToEven : Math.floor;
  const extents = gridExtents(grid);
  const { columns, data } = points;
  const count = data.length / columns;
  const cells = new Int32Array(count * axes);
  const kept = new Int32Array(count);
  const least = grid.voxel.map((_, axis) => Math.fround(grid.range?.min[axis] ?? 0));
  const edges = grid.voxel.map(Math.fround);
  let n = 0;
  for (let p = 0; p < count; p++) {
    let inside = true;
    for (let axis = 0; axis < axes; axis++) {
      const value = data[p * columns + axis]!;
      if (!Number.isFinite(value)) throw new SpnetError("SP0832", `point ${p}: coordinate ${axis} is ${value}`, { point: p, column: axis });
      const cell = round(Math.fround(Math.fround(value - least[axis]!) / edges[axis]!));
      if (extents === undefined && cell !== (cell | 0)) {
        throw new SpnetError("SP0833", `point ${p} lies ${cell} voxels from the origin along axis ${axis}, more than 32 bits count: use larger voxels or give a range`, { point: p });
      }
      inside &&= extents === undefined || (cell >= 0 && cell < extents[axis]!);
      cells[axes * p + axis] = cell;
    }
    if (inside) kept[n++] = p;
  }
  return { axes, cells, kept: kept.subarray(0, n) };
}

function checkGrid({ columns, data }: Points, { voxel, range }: PointGrid): void {
  const axes = voxel.length;
  const refuse = (message: string): never => {
    throw new SpnetError("SP0833", message);
  };
  if (axes < 1 || axes > MAX_AXES || voxel.some((edge) => !(Math.fround(edge) > 0) || edge === Infinity)) refuse(`voxel edges must be 1 to ${MAX_AXES} lengths above 0, got ${voxel.join(",")}`);
  if (range !== undefined && (range.min.length !== axes || range.max.length !== axes || range.min.some((m, i) => !(m < range.max[i]!)))) {
    refuse(`the range must be ${axes} least and ${axes} greatest coordinates, each minimum below its maximum, got ${[...range.min, ...range.max].join(",")}`);
  }
  if (!Number.isInteger(columns) || columns < axes) refuse(`points have ${columns} columns, the grid has ${axes} axes`);
  if (data.length % columns !== 0) refuse(`${data.length} numbers are not a whole number of points of ${columns} columns`);
}

/** A number per row of cells that is equal exactly for equal cells. SP0833 where the cells span too many to count. */
export function cellKey(cells: Int32Array, axes: number, rows: Iterable<number>): (at: Int32Array, row: number) => number | undefined {
  const min = new Array<number>(axes).fill(Infinity);
  const max = new Array<number>(axes).fill(-Infinity);
  for (const row of rows) {
    for (let a = 0; a < axes; a++) {
      const c = cells[axes * row + a]!;
      if (c < min[a]!) min[a] = c;
      if (c > max[a]!) max[a] = c;
    }
  }
  const spans = min.map((low, a) => Math.max(0, max[a]! - low + 1));
  if (spans.reduce((a, b) => a * b, 1) > Number.MAX_SAFE_INTEGER) throw new SpnetError("SP0833", `the points span ${spans.join(" × ")} voxels, too many to count: use larger voxels or give a range`);
  return (at, row) => {
    let key = 0;
    for (let a = 0; a < axes; a++) {
      const c = at[axes * row + a]! - min[a]!;
      if (c < 0 || c >= spans[a]!) return undefined;
      key = key * spans[a]! + c;
    }
    return key;
  };
}
