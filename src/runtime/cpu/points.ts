import type { Bounds } from "../geometry/grid.ts";
import { checkPositions, locatePoints, sortedPositions, type CheckedPositions, type PointCells } from "../placed-points.ts";
import type { InputPlan } from "../plan.ts";
import { samePositions } from "../points-of-call.ts";
import { LISTS, TILE } from "./fields.ts";
import type { CpuPlan } from "./plan.ts";

/** Points of one call, by index of their site set. */
export type GivenPoints = ReadonlyMap<number, { readonly input: InputPlan; readonly positions: CheckedPositions }>;

/** Copies and checks the positions of all inputs on points. Errors of `checkPositions`; SP0817. */
export function checkPoints(plan: CpuPlan, valuesOf: (input: InputPlan) => ArrayLike<number>, batch: number): GivenPoints {
  const given = new Map<number, { readonly input: InputPlan; readonly positions: CheckedPositions }>();
  for (const input of plan.inputs) {
    if (plan.geometry.sites[input.site]!.points === undefined) continue;
    const positions = checkPositions({ input: input.name, axes: input.axes }, valuesOf(input), batch);
    const known = given.get(input.site);
    if (known !== undefined) samePositions(input.name, known.positions, positions);
    else given.set(input.site, { input, positions });
  }
  return given;
}

/** Cells of all points in the sorted order of their rows, by index of the cells. Errors of `locatePoints`. */
export function cellsOfPoints(plan: CpuPlan, given: GivenPoints): ReadonlyMap<number, PointCells> {
  const wanted = new Set((plan.fractions ?? []).map((f) => f.cells));
  return new Map([...given].flatMap(([site, { input, positions }]) => [...locatePoints(plan.geometry.sites, site, input.name, sortedPositions(positions, input.axes.length), wanted)]));
}

/** The box that tables must cover for points that are left out, too. */
export function coveredBounds({ bounds, left, coords }: PointCells): Bounds {
  if (left === 0) return bounds;
  const width = bounds.min.length + 1;
  const min = [...bounds.min];
  for (let at = 0; at < coords.length; at += width) for (let a = 0; a < min.length; a++) min[a] = Math.min(min[a]!, coords[at + 1 + a]!);
  return { min, max: bounds.max };
}

/** The cells of points that are not left out. */
export function keptCells({ bounds, left, coords }: PointCells): Int32Array {
  if (left === 0) return coords;
  const width = bounds.min.length + 1;
  const kept = new Int32Array(coords.length - left * width);
  let to = 0;
  for (let at = 0; at < coords.length; at += width) {
    if (bounds.min.some((low, a) => coords[at + 1 + a]! < low)) continue;
    kept.set(coords.subarray(at, at + width), to);
    to += width;
  }
  return kept;
}

/**
 * The points of each of `rows` rows, by the pair lists from points to rows: where each row's points begin, [rows + 1], then
 * the points, in their order. A counting sort.
 */
export function listMembers(lists: Int32Array, points: number, rows: number): Int32Array {
  const out = new Int32Array(rows + 1 + points);
  const eachPair = (visit: (row: number, point: number) => void): void => {
    for (let tile = 0; tile * TILE < points; tile++) {
      const head = (lists[LISTS.tiles + tile]! >>> 0) / 4;
      const end = head + lists[head + 1]! / 4;
      for (let at = head + lists[head]! / 4; at < end; at++) visit((lists[at]! >>> 0) / TILE | 0, tile * TILE + (lists[at]! & (TILE - 1)));
    }
  };
  eachPair((row) => out[row + 1]!++);
  for (let row = 0; row < rows; row++) out[row + 1]! += out[row]!;
  const next = out.slice(0, rows);
  eachPair((row, point) => {
    out[rows + 1 + next[row]!++] = point;
  });
  return out;
}
