/**
 * Where a derived site set is looked up: in a bitmap of its grid with a rank per word, in a hash table of its sorted
 * rows, or in the one that the host chooses per scene. Input sets are always looked up by hash, since their rows are
 * in the caller's order.
 */
export type Storage = "bitmap" | "hash" | "either";

/** What every target knows of a site set; axes beyond `dim` do not exist. All per-axis lists have `dim` entries. */
export interface PlannedSite {
  readonly id: string;
  /** Of an input: every cell of the grid in every batch item, made by the run time instead of given by the caller. */
  readonly full?: true;
  /** Of points, whose rows are their own numbers: what their positions are measured along. */
  readonly points?: readonly string[];
  /** Of an input whose rows are cells of points. */
  readonly cells?: CellsPlan;
  /** Of the points of each row of another set: that set, and the search from cells to it. */
  readonly members?: { readonly into: number; readonly search: number };
  readonly dim: number;
  /** Index of the parent, −1 for an input. */
  readonly of: number;
  /** Of a union: the parents after the first. */
  readonly others?: readonly number[];
  readonly kernel?: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  /** Cells per axis, first 0; absent on an unbounded grid. */
  readonly extents?: readonly number[];
}

/** How cells are made of positions: floor((p − origin) / size) in float32, or the nearest whole number, then divided by a stride. */
export interface CellsPlan {
  /** Index of the points. */
  readonly points: number;
  readonly size: readonly number[];
  readonly origin: readonly number[];
  readonly rounding: "floor" | "nearest";
  readonly outside: "error" | "drop";
  /** Voxels of a batch item at most, the first ones to appear, on a grid with extents. */
  readonly maxVoxels?: number;
  /** Of the grid before the stride. */
  readonly extents?: readonly number[];
  readonly stride: readonly number[];
  /** The cell below the position instead of the one that it is in, where these differ. */
  readonly corners?: true;
}

/** Whether nobody looks for rows of an input, so that it has no table. */
export const isBare = (site: Pick<PlannedSite, "points" | "cells">): boolean => site.points !== undefined || site.cells !== undefined;

export interface GeometrySite extends PlannedSite {
  /** `sorted` is the input set `of` in sorted order, of equal rows one, `members` rows of (row of another set, point), sorted, `union` the sites of `of` and `others`, `prune` some of `of`. */
  readonly kind: "input" | "sorted" | "members" | "reach" | "floor" | "generate" | "union" | "prune";
  readonly storage: Storage;
  /** Index of the set whose rows mark this one: an ancestor, itself for an input; a union is marked by all its parents. */
  readonly source: number;
  /** The most cells that one row of `source` marks: `taps` boxes, each of `lengths` cells on four axes. Of a union: its parents. */
  readonly reach: number;
  readonly taps: number;
  readonly lengths: readonly number[];
}

/** One search, per axis in = stride·out − padding + tap·dilation. */
export interface GeometryRulebook {
  readonly name: string;
  /** Indices of the site sets of inputs and outputs. */
  readonly from: number;
  readonly to: number;
  readonly kernel: readonly number[];
  readonly forward: boolean;
  readonly transposed: boolean;
  /** Which of its kernel's shapes the search has. */
  readonly shape: number;
  /** Invocations per row of `from`. */
  readonly probes: number;
  readonly halo?: { readonly capacity: number };
}

/**
 * One kernel launch; `parts` are indices of site sets, for `search` and `halo` of rulebooks. `members` lists the points of sites; `prune` marks a pruned set by
 * the rows of a mask.
 */
export interface GeometryStage {
  readonly kind: "mark" | "prune" | "count" | "emit" | "merge" | "search" | "members" | "halo";
  readonly kernel: string;
  readonly parts: readonly number[];
  /** Of stages between features: the pruned set that they make, or that what they make derives from. */
  readonly late?: number;
}

/** The geometry of a network as data. */
export interface GeometryPlan {
  readonly sites: readonly GeometrySite[];
  readonly rulebooks: readonly GeometryRulebook[];
  /** In the order in which they run: first those of coordinates alone, then those of each pruned set, `prune` first. */
  readonly stages: readonly GeometryStage[];
}
