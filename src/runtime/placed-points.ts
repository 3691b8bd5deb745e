import { SpnetError } from "./errors.ts";
import { farOf, type BoundedSite, type Bounds } from "./geometry/grid.ts";
import type { PlannedSite } from "./geometry/plan.ts";
import type { AxesInfo } from "./inputs.ts";
import { roundHalfToEven } from "./rounding.ts";

/** Points of one call, checked: positions [points, 1 + axes], float32, the batch item first. */
export interface CheckedPositions {
  readonly rows: number;
  readonly data: Float32Array<ArrayBuffer>;
  readonly batch: number;
}

/** Where the cells of a point that is left out are: no cell of a grid with extents has a neighbour there. */
const LEFT_OUT = -2;

/**
 * Checks positions [points, 1 + axes] given as a flat array. `batch` 0 means “as many as the points name”.
 * SP0810 not a whole number of points, SP0812 batch index, SP0832 a position that is not finite in float32.
 */
export function checkPositions({ input, axes }: Pick<AxesInfo, "input" | "axes">, given: ArrayLike<number>, batch: number): CheckedPositions {
  const width = axes.length + 1;
  if (given.length % width !== 0) throw new SpnetError("SP0810", `positions of \`${input}\` have ${given.length} numbers, not a multiple of ${width} (batch, ${axes.join(", ")})`);
  const data = Float32Array.from(given);
  const rows = data.length / width;
  let most = 0;
  for (let row = 0; row < rows; row++) {
    const item = data[row * width]!;
    if (!Number.isInteger(item) || item < 0 || (batch !== 0 && item >= batch) || item >= 2 ** 24) {
      throw new SpnetError("SP0812", `positions of \`${input}\`, point ${row}: batch index ${item} is ${item < 0 ? "negative" : Number.isInteger(item) ? `not within 0 … ${(batch || 2 ** 24) - 1}` : "no whole number"}`, { row });
    }
    if (item > most) most = item;
    for (let a = 0; a < axes.length; a++) {
      const value = data[row * width + 1 + a]!;
      if (!Number.isFinite(value)) throw new SpnetError("SP0832", `positions of \`${input}\`, point ${row}: ${axes[a]} is ${value}`, { row, column: a + 1 });
    }
  }
  return { rows, data, batch: batch === 0 ? most + 1 : batch };
}

/** Points as rows: [batch item, number of the point]. */
export function pointRows({ rows, data }: CheckedPositions, axes: number): Int32Array<ArrayBuffer> {
  const coords = new Int32Array(2 * rows);
  for (let row = 0; row < rows; row++) {
    coords[2 * row] = data[row * (axes + 1)]!;
    coords[2 * row + 1] = row;
  }
  return coords;
}

/** Positions by batch item, each in the caller's order, and which of his points each is; nothing where they are so already. */
export function sortedPositions({ rows, data }: CheckedPositions, axes: number): { readonly data: Float32Array; readonly pointOf?: Int32Array } {
  const width = axes + 1;
  let sorted = true;
  for (let row = 1; row < rows && sorted; row++) sorted = data[row * width]! >= data[(row - 1) * width]!;
  if (sorted) return { data };
  const pointOf = Int32Array.from({ length: rows }, (_, row) => row).sort((a, b) => data[a * width]! - data[b * width]! || a - b);
  const copy = new Float32Array(data.length);
  pointOf.forEach((point, row) => copy.set(data.subarray(point * width, (point + 1) * width), row * width));
  return { data: copy, pointOf };
}

/** Cells of points, in their order: [batch item, cell]. */
export interface PointCells {
  readonly coords: Int32Array<ArrayBuffer>;
  /** Least and greatest cell of the points that are not left out. */
  readonly bounds: Bounds;
  /** Points that are left out. */
  readonly left: number;
  /** Per axis, how far the point is from its cell's corner to the next; only where asked for. */
  readonly fractions: Float32Array<ArrayBuffer>;
}

/** Where points are in the steps of one grid, and which are left out. */
interface Steps {
  readonly places: Float32Array;
  readonly left: Uint8Array;
  readonly leftOut: number;
}

/**
 * Finds the cells of points on every grid that a network asks for, by index of their site set. Float32 decides, rounded
 * at every step; which cell is below a stride, whole numbers. `fractions` are the cells of which those are wanted.
 * SP0850 points beyond the extents, SP0833 cells too far from 0 to be counted.
 */
export function locatePoints(
  sites: readonly (PlannedSite & BoundedSite)[], points: number, input: string, positions: { readonly data: Float32Array; readonly pointOf?: Int32Array }, fractions: ReadonlySet<number>,
): ReadonlyMap<number, PointCells> {
  const known = new Map<string, Steps>();
  const limits = farOf(sites);
  const found = new Map<number, PointCells>();
  sites.forEach((site, index) => {
    if (site.cells?.points !== points) return;
    const { stride: _stride, corners: _corners, ...grid } = site.cells;
    const key = JSON.stringify(grid);
    const axes = sites[points]!.points!;
    const steps = known.get(key) ?? stepsOf(site.cells, axes, input, positions, limits[index]!);
    known.set(key, steps);
    found.set(index, cellsOf(site.cells, positions.data, steps, fractions.has(index)));
  });
  return found;
}

type CellGrid = NonNullable<PlannedSite["cells"]>;

function stepsOf({ size, origin, rounding, outside, extents, maxVoxels }: CellGrid, axes: readonly string[], input: string, { data, pointOf }: { readonly data: Float32Array; readonly pointOf?: Int32Array }, limit: number): Steps {
  const [dim, width] = [size.length, size.length + 1];
  const rows = data.length / width;
  const [edges, least] = [size.map(Math.fround), origin.map(Math.fround)];
  const round = rounding === "nearest" ? roundHalfToEven : Math.floor;
  const places = new Float32Array(rows * dim);
  const left = new Uint8Array(rows);
  let [leftOut, first] = [0, -1];
  for (let row = 0; row < rows; row++) {
    let inside = true;
    for (let a = 0; a < dim; a++) {
      const place = Math.fround(Math.fround(data[row * width + 1 + a]! - least[a]!) / edges[a]!);
      const cell = round(place);
      places[row * dim + a] = place;
      if (extents !== undefined) inside &&= cell >= 0 && cell < extents[a]!;
      // Not below: the place of a point on so large a cell may be no number.
      else if (!(Math.abs(cell) < limit)) throw new SpnetError("SP0833", `positions of \`${input}\`, point ${pointOf?.[row] ?? row}: ${axes[a]} lies ${cell} voxels from the origin, ${limit} can be counted: use larger voxels or give extents`, { row: pointOf?.[row] ?? row });
    }
    if (inside) continue;
    left[row] = 1;
    leftOut++;
    if (first < 0 || (pointOf?.[row] ?? row) < (pointOf?.[first] ?? first)) first = row;
  }
  if (leftOut > 0 && outside === "error") {
    const point = pointOf?.[first] ?? first;
    const where = axes.map((axis, a) => `${axis} ${origin[a]} … ${origin[a]! + extents![a]! * size[a]!}`).join(", ");
    throw new SpnetError("SP0850", `positions of \`${input}\`: ${leftOut} of ${rows} points lie outside of their voxels (${where}), first point ${point} (${[...data.subarray(first * width, (first + 1) * width)].join(", ")}); \`outside=drop\` in the file leaves them out`, { row: point, outside: leftOut });
  }
  if (maxVoxels !== undefined) leftOut += leaveOutLater(maxVoxels, extents!, data, round, { places, left });
  return { places, left, leftOut };
}

/** Leaves out the points of every voxel that is not among the first `most` of its batch item to appear, and counts them. */
function leaveOutLater(most: number, extents: readonly number[], data: Float32Array, round: (place: number) => number, { places, left }: Pick<Steps, "places" | "left">): number {
  const dim = extents.length;
  const items = new Map<number, Set<number>>();
  let later = 0;
  for (let row = 0; row < left.length; row++) {
    if (left[row] === 1) continue;
    const item = data[row * (dim + 1)]!;
    const voxels = items.get(item) ?? new Set();
    items.set(item, voxels);
    const cell = extents.reduce((n, extent, a) => n * extent + round(places[row * dim + a]!), 0);
    if (voxels.size < most) voxels.add(cell);
    if (voxels.has(cell)) continue;
    left[row] = 1;
    later++;
  }
  return later;
}

function cellsOf({ rounding, stride, corners }: CellGrid, data: Float32Array, { places, left, leftOut }: Steps, wanted: boolean): PointCells {
  const [dim, width] = [stride.length, stride.length + 1];
  const rows = data.length / width;
  const coords = new Int32Array(rows * width);
  const fractions = new Float32Array(wanted ? rows * dim : 0);
  const round = rounding === "nearest" && corners !== true ? roundHalfToEven : Math.floor;
  const none = leftOut === rows;
  const min = stride.map(() => (none ? 0 : Number.POSITIVE_INFINITY));
  const max = stride.map(() => (none ? 0 : Number.NEGATIVE_INFINITY));
  for (let row = 0; row < rows; row++) {
    coords[row * width] = data[row * width]!;
    for (let a = 0; a < dim; a++) {
      const place = places[row * dim + a]!;
      const cell = left[row] === 1 ? LEFT_OUT : Math.floor(round(place) / stride[a]!);
      coords[row * width + 1 + a] = cell;
      if (left[row] === 1) continue;
      if (cell < min[a]!) min[a] = cell;
      if (cell > max[a]!) max[a] = cell;
      if (wanted) fractions[row * dim + a] = place / stride[a]! - cell;
    }
  }
  return { coords, bounds: { min, max }, left: leftOut, fractions };
}
