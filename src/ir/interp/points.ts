import type { VoxelGrid } from "../sites.ts";
import { SiteRows } from "./site-rows.ts";

/** Where points lie: [points, 1 + axes], row-major, the batch item first. */
export interface Positions {
  readonly axes: number;
  readonly data: ArrayLike<number>;
}

/** A point in a grid: its batch item, its place in steps of the grid, and its cell; no cell where it is left out. */
interface Located {
  readonly batch: number;
  readonly place: readonly number[];
  readonly cell: readonly number[] | undefined;
}

const { fround } = Math;

/** As IEEE rounds: the even one of two that are as near. */
function nearest(value: number): number {
  const [below, above] = [Math.floor(value), Math.ceil(value)];
  if (value - below !== above - value) return value - below < above - value ? below : above;
  return below % 2 === 0 ? below : above;
}

export const pointCount = ({ axes, data }: Positions): number => data.length / (axes + 1);

/** Every point in a grid, in float32 as (p − origin) / size, each step rounded; without those of voxels beyond the grid's limit. */
export function locate(grid: VoxelGrid, positions: Positions): readonly Located[] {
  const located = onGrid(grid, positions);
  const { maxVoxels } = grid;
  if (maxVoxels === undefined) return located;
  const cellsOf = (batch: number): ReadonlySet<string> => new Set([...new Set(located.flatMap((p) => (p.batch === batch && p.cell !== undefined ? [p.cell.join()] : [])))].slice(0, maxVoxels));
  const kept = new Map([...new Set(located.map((p) => p.batch))].map((batch) => [batch, cellsOf(batch)]));
  return located.map((p) => (p.cell !== undefined && kept.get(p.batch)!.has(p.cell.join()) ? p : { ...p, cell: undefined }));
}

function onGrid(grid: VoxelGrid, positions: Positions): readonly Located[] {
  const width = positions.axes + 1;
  return Array.from({ length: pointCount(positions) }, (_, point): Located => {
    const place = grid.size.map((size, a) => fround(fround(fround(positions.data[point * width + 1 + a]!) - fround(grid.origin[a]!)) / fround(size)));
    const cell = place.map(grid.rounding === "nearest" ? nearest : Math.floor);
    const inside = grid.extents === undefined || grid.extents.every((n, a) => cell[a]! >= 0 && cell[a]! < n);
    if (!inside && grid.outside === "error") throw new Error(`internal: point ${point} lies outside of the grid`);
    return { batch: positions.data[point * width]!, place, cell: inside ? cell : undefined };
  });
}

/** Points as rows: batch item and number. */
export function pointRows(positions: Positions): SiteRows {
  const rows = new Int32Array(2 * pointCount(positions));
  for (let i = 0; 2 * i < rows.length; i++) rows.set([positions.data[i * (positions.axes + 1)]!, i], 2 * i);
  return new SiteRows(["point"], rows);
}

/** The cells that points lie in, sorted by batch, then axes. */
export function voxelRows(grid: VoxelGrid, positions: Positions): SiteRows {
  const unique = new Map<string, readonly number[]>();
  for (const { batch, cell } of locate(grid, positions)) if (cell !== undefined) unique.set([batch, ...cell].join(), [batch, ...cell]);
  const rows = [...unique.values()].sort((a, b) => {
    const j = a.findIndex((n, i) => n !== b[i]);
    return j < 0 ? 0 : a[j]! - b[j]!;
  });
  return new SiteRows(grid.axes, Int32Array.from(rows.flat()));
}

/** Row of the site over each point, −1 where there is none. `stride`: of the sites, from the grid. */
export function rowOfPoints(grid: VoxelGrid, positions: Positions, sites: SiteRows, stride: readonly number[]): readonly number[] {
  return locate(grid, positions).map(({ batch, cell }) => (cell === undefined ? -1 : sites.find([batch, ...cell.map((c, a) => Math.floor(c / stride[a]!))])));
}

/** A site near a point, and how much it counts. */
export interface Corner {
  readonly row: number;
  readonly weight: number;
}

/** The sites at the 2^axes corners around each point that exist, with their weights; a point that is left out has none. */
export function cornersOfPoints(grid: VoxelGrid, positions: Positions, sites: SiteRows, stride: readonly number[]): readonly (readonly Corner[])[] {
  return locate(grid, positions).map(({ batch, place, cell }) => {
    if (cell === undefined) return [];
    const steps = place.map((q, a) => q / stride[a]!);
    const corners = steps.reduce<{ readonly site: readonly number[]; readonly weight: number }[]>(
      (list, q) => list.flatMap(({ site, weight }) => [
        { site: [...site, Math.floor(q)], weight: weight * (1 - (q - Math.floor(q))) },
        { site: [...site, Math.floor(q) + 1], weight: weight * (q - Math.floor(q)) },
      ]),
      [{ site: [batch], weight: 1 }],
    );
    return corners.flatMap(({ site, weight }) => {
      const row = weight > 0 ? sites.find(site) : -1;
      return row < 0 ? [] : [{ row, weight }];
    });
  });
}
