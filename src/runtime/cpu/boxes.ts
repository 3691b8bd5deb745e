import { siteBounds, type Bounds } from "../geometry/grid.ts";
import type { CpuPlan } from "./plan.ts";

/** What the table of a site set must cover, and how its cells are numbered. */
export interface Grid {
  readonly min: readonly number[];
  readonly extent: readonly number[];
  /** Cells of the last axis, a multiple of 64. */
  readonly lineCells: number;
  readonly cells: number;
}

/**
 * The grids of all site sets: their own boxes, widened to every cell that a search may ask for, so that no search
 * needs to check borders.
 */
export function grids(geometry: CpuPlan["geometry"], given: readonly (Bounds | undefined)[], batch: number): readonly Grid[] {
  const boxes = siteBounds(geometry.sites, given);
  const wide = boxes.map((b) => ({ min: [...b.min], max: [...b.max] }));
  const cover = (site: number, axis: number, low: number, high: number): void => {
    const box = wide[site]!;
    box.min[axis] = Math.min(box.min[axis]!, low);
    box.max[axis] = Math.max(box.max[axis]!, high);
  };
  for (const r of geometry.rulebooks) {
    for (let a = 0; a < r.kernel.length; a++) {
      const [s, p, reach] = [r.stride[a]!, r.padding[a]!, (r.kernel[a]! - 1) * r.dilation[a]!];
      const [from, to] = [boxes[r.from]!, boxes[r.to]!];
      if (r.forward !== undefined) cover(r.from, a, s * to.min[a]! - p, s * to.max[a]! - p + reach);
      if (r.transposed !== undefined) cover(r.to, a, Math.floor((from.min[a]! + p - reach) / s), Math.floor((from.max[a]! + p) / s));
    }
  }
  return wide.map(({ min, max }): Grid => {
    const extent = min.map((low, a) => Math.max(1, max[a]! - low + 1));
    const lineCells = Math.ceil(extent.at(-1)! / 64) * 64;
    return { min, extent, lineCells, cells: extent.slice(0, -1).reduce((n, e) => n * e, batch * lineCells) };
  });
}
