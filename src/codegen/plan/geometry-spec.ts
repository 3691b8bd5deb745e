import type { CellsPlan } from "../../runtime/geometry/plan.ts";

/** What a plan asks of geometry: the attributes of `step.geometry`, typed. */
export interface SiteSpec {
  readonly id: string;
  /** `points`: rows that are their own numbers. `cells`: the cell of each point of `of`. `voxels`: the cells `of`, each once. `members`: the points of each row of `into`, by the search `search`. `full`: every cell of the grid in every batch item. `sorted`: the same sites as `of`, an input set, in sorted order. `union`: those of `of` and `others`. `prune`: some of `of`, by a step. */
  readonly kind: "input" | "points" | "cells" | "voxels" | "members" | "full" | "sorted" | "reach" | "floor" | "generate" | "union" | "prune";
  readonly dim: number;
  readonly of?: string;
  readonly others?: readonly string[];
  readonly kernel?: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  readonly extents?: readonly number[];
  /** Of points: what their positions are measured along. */
  readonly positions?: readonly string[];
  readonly cells?: CellSpec;
  readonly into?: string;
  readonly search?: number;
}

/** The cells of points on a grid, divided by a stride; `corners`: those below the points instead of those that they are in. */
export type CellSpec = Omit<CellsPlan, "points">;

/** One search, per axis in = stride·out − padding + tap·dilation, and the blocks wanted of it. */
export interface RulebookSpec {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly mirrored: boolean;
  readonly forward: boolean;
  readonly transposed: boolean;
  readonly halo?: { readonly capacity: number };
}

export interface GeometrySpec {
  /** In derivation order. */
  readonly sites: readonly SiteSpec[];
  readonly rulebooks: readonly RulebookSpec[];
}
