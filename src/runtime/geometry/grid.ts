import { SpnetError } from "../errors.ts";
import type { GeometrySite } from "./plan.ts";
import { volume } from "./record.ts";

/** Least and greatest coordinates per axis, inclusive. */
export interface Bounds {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

/** What decides the box of a site set. */
export type BoundedSite = { readonly kind: GeometrySite["kind"] | "cells" | "voxels" } & Pick<GeometrySite, "dim" | "of" | "others" | "kernel" | "stride" | "padding" | "dilation" | "extents">;

/** Words of a list of coordinates, such that their bytes can be addressed. */
const MAX_WORDS = 2 ** 29;

/** Coordinates of unbounded grids stay within ±2^30, so that no kernel's arithmetic overflows. */
export const FAR = 2 ** 30;

/**
 * How far from 0 coordinates of each input on an unbounded grid may lie, per set: less than `FAR` where sets on finer
 * grids derive from it, so that theirs stay within `FAR` too. 0 for derived sets.
 */
export function farOf(sites: readonly BoundedSite[]): readonly number[] {
  /** Per set and input: how many cells of the set lie along one of the input's. */
  const finer: (readonly number[])[] = [];
  const most = sites.map(() => 1);
  sites.forEach((s, i) => {
    const parents = [s.of, ...(s.others ?? [])].filter((p) => p >= 0);
    const times = s.kind === "generate" ? Math.max(...s.stride!) : 1;
    const own = sites.map((_, input) => (parents.length === 0 ? (input === i ? 1 : 0) : times * Math.max(...parents.map((p) => finer[p]![input]!))));
    own.forEach((n, input) => (most[input] = Math.max(most[input]!, n)));
    finer.push(own);
  });
  return sites.map((s, i) => (s.of >= 0 ? 0 : Math.floor(FAR / most[i]!)));
}

/** The box that each site set lies in: its extents, or the given bounds of its input carried through the derivations. */
export function siteBounds(sites: readonly BoundedSite[], given: readonly (Bounds | undefined)[]): readonly Bounds[] {
  const all: Bounds[] = [];
  const limits = farOf(sites);
  sites.forEach((s, i) => {
    if (s.extents !== undefined) {
      all.push({ min: s.extents.map(() => 0), max: s.extents.map((n) => n - 1) });
      return;
    }
    const parent = all[s.of];
    const { kernel, stride, padding, dilation } = s;
    if (parent === undefined) {
      const axes = Array.from({ length: s.dim }, (_, a) => a);
      // Never beyond the limit, where rows are then outside the box.
      const far = limits[i]!;
      const min = axes.map((a) => Math.min(far - 1, Math.max(-far, given[i]?.min[a] ?? -far)));
      all.push({ min, max: axes.map((a) => Math.max(min[a]!, Math.min(far - 1, given[i]?.max[a] ?? far - 1))) });
    } else if (s.kind === "members") {
      all.push({ min: [0], max: [0] });
    } else if (s.kind === "sorted" || s.kind === "voxels" || s.kind === "prune") {
      all.push(parent);
    } else if (s.kind === "union") {
      const parents = [parent, ...s.others!.map((p) => all[p]!)];
      all.push({ min: parent.min.map((_, a) => Math.min(...parents.map((b) => b.min[a]!))), max: parent.max.map((_, a) => Math.max(...parents.map((b) => b.max[a]!))) });
    } else if (s.kind === "generate") {
      all.push({
        min: parent.min.map((c, a) => c * stride![a]! - padding![a]!),
        max: parent.max.map((c, a) => c * stride![a]! - padding![a]! + (kernel![a]! - 1) * dilation![a]!),
      });
    } else if (s.kind === "floor") {
      all.push({ min: parent.min.map((c, a) => Math.floor(c / stride![a]!)), max: parent.max.map((c, a) => Math.floor(c / stride![a]!)) });
    } else {
      all.push({
        min: parent.min.map((c, a) => Math.ceil((c + padding![a]! - (kernel![a]! - 1) * dilation![a]!) / stride![a]!)),
        max: parent.max.map((c, a) => Math.floor((c + padding![a]!) / stride![a]!)),
      });
    }
  });
  return all;
}

/** Rows [batch, c0, …] of every cell of a grid in every batch item, sorted by batch, then axes. SP0611 when they are too many. */
export function gridCoords(extents: readonly number[], batch: number): Int32Array<ArrayBuffer> {
  const width = extents.length + 1;
  const rows = batch * volume(extents);
  if (rows * width >= MAX_WORDS) throw new SpnetError("SP0611", `a dense grid of ${extents.join(" × ")} cells in ${batch} batch items has ${rows} rows, more than can be numbered`, { rows });
  const coords = new Int32Array(rows * width);
  const site = new Array<number>(width).fill(0);
  for (let at = 0; at < coords.length; at += width) {
    for (let c = 0; c < width; c++) coords[at + c] = site[c]!;
    let axis = width - 1;
    while (axis > 0 && site[axis] === extents[axis - 1]! - 1) site[axis--] = 0;
    site[axis]!++;
  }
  return coords;
}

/** Cells per axis; an empty box counts one cell, so that nothing is ever of size 0. */
export const boxExtents = (box: Bounds): readonly number[] => box.min.map((lo, a) => Math.max(1, box.max[a]! - lo + 1));

export const boxCells = (box: Bounds): number => volume(boxExtents(box));
