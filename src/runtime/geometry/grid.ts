import type { GeometrySite } from "./plan.ts";
import { volume } from "./record.ts";

/** Least and greatest coordinates per axis, inclusive. */
export interface Bounds {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

/** What decides the box of a site set. */
export type BoundedSite = Pick<GeometrySite, "kind" | "dim" | "of" | "kernel" | "stride" | "padding" | "dilation" | "extents">;

/** Coordinates of unbounded grids stay within ±2^30, so that no kernel's arithmetic overflows. */
export const FAR = 2 ** 30;

/** The box that each site set lies in: its extents, or the given bounds of its input carried through the derivations. */
export function siteBounds(sites: readonly BoundedSite[], given: readonly (Bounds | undefined)[]): readonly Bounds[] {
  const all: Bounds[] = [];
  sites.forEach((s, i) => {
    if (s.extents !== undefined) {
      all.push({ min: s.extents.map(() => 0), max: s.extents.map((n) => n - 1) });
      return;
    }
    const parent = all[s.of];
    const { kernel, stride, padding, dilation } = s;
    if (parent === undefined) {
      const axes = Array.from({ length: s.dim }, (_, a) => a);
      // Never beyond ±FAR, where rows are then outside the box.
      const min = axes.map((a) => Math.min(FAR - 1, Math.max(-FAR, given[i]?.min[a] ?? -FAR)));
      all.push({ min, max: axes.map((a) => Math.max(min[a]!, Math.min(FAR - 1, given[i]?.max[a] ?? FAR - 1))) });
    } else if (s.kind === "sorted") {
      all.push(parent);
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

/** Cells per axis; an empty box counts one cell, so that nothing is ever of size 0. */
export const boxExtents = (box: Bounds): readonly number[] => box.min.map((lo, a) => Math.max(1, box.max[a]! - lo + 1));

export const boxCells = (box: Bounds): number => volume(boxExtents(box));
