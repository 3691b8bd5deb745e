import { isList, type Attrs } from "./module.ts";
import type { VoxelGrid } from "./sites.ts";

/** Whether float32 holds a number, and it is greater than 0 there. */
const isLength = (value: number): boolean => Math.fround(value) > 0 && Number.isFinite(Math.fround(value));

/** What is wrong with a grid of voxels on these axes, as an end to a sentence that begins with its name; undefined if nothing is. */
export function voxelGridProblem(grid: VoxelGrid, axes: readonly string[]): string | undefined {
  const { extents, size, origin, maxVoxels } = grid;
  if (grid.axes.join() !== axes.join()) return `has the axes ${grid.axes.join(", ")}, its points ${axes.join(", ")}`;
  if ([size, origin, ...(extents === undefined ? [] : [extents])].some((list) => list.length !== axes.length)) return `needs ${axes.length} entries per list`;
  if (!size.every(isLength)) return "needs sizes greater than 0";
  if (!origin.every((n) => Number.isFinite(Math.fround(n)))) return "needs an origin that float32 holds";
  if (extents === undefined && grid.outside === "drop") return "is unbounded: nothing lies outside of it";
  if (maxVoxels !== undefined && !(Number.isSafeInteger(maxVoxels) && maxVoxels >= 1)) return "needs a limit of at least 1 voxel";
  if (maxVoxels !== undefined && extents === undefined) return "is unbounded, and only on a grid with extents can voxels be limited";
  if (maxVoxels !== undefined && extents !== undefined && extents.reduce((a, b) => a * b, 1) > Number.MAX_SAFE_INTEGER) return "has more cells than can be told apart, so that voxels cannot be limited";
  return undefined;
}

/** The grid that attributes of a `.spir` text describe, or what is wrong with them. */
export function readVoxelGrid(attrs: Attrs): VoxelGrid | string {
  const { axes, extents, size, origin, rounding, outside, max_voxels: maxVoxels } = attrs;
  const numbers = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every((n) => typeof n === "number");
  if (!isList(axes) || !axes.every((a) => typeof a === "string")) return "needs axes as a list of names";
  if (!numbers(size) || !numbers(origin)) return "needs size and origin as lists of numbers";
  if (extents !== undefined && !(numbers(extents) && extents.every((n) => Number.isSafeInteger(n) && n >= 1))) return "needs extents of at least 1";
  if (rounding !== "floor" && rounding !== "nearest") return "rounds by floor or nearest";
  if (outside !== "error" && outside !== "drop") return "has outside points as error or drop";
  if (maxVoxels !== undefined && typeof maxVoxels !== "number") return "has a limit of voxels that is no number";
  return { axes: axes as readonly string[], extents: extents, size, origin, rounding, outside, ...(maxVoxels === undefined ? {} : { maxVoxels }) };
}
