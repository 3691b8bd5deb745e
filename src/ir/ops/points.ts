import { cornersOfPoints, rowOfPoints, type Positions } from "../interp/points.ts";
import { operandAs, type EvalContext, type FeatValue } from "../interp/value.ts";
import { number, siteAttr, string, type Attrs } from "../module.ts";
import type { SiteId, SiteTable, VoxelSites } from "../sites.ts";
import { feat, type FeatType } from "../types.ts";
import type { InferContext, OpDef } from "./op.ts";

/** What becomes of the points of a voxel. */
export type VoxelReduction = "mean" | "sum" | "max";

/** How features of voxels reach points: those of the voxel that a point is in, or linear between the voxels around it. */
export type PointWeights = "nearest" | "present" | "all";

/** What is wrong with voxels as a place that points can go to or come from; undefined if nothing is. */
export function voxelsProblem(table: SiteTable, id: SiteId): string | undefined {
  if (table.voxelGrid(id) === undefined || table.roots(id).length !== 1) return `@${id} derives from no voxels of points`;
  return table.totalStride(id).every(Number.isInteger) ? undefined : `the grid of @${id} is finer than that of its voxels`;
}

const gridOf = (ctx: EvalContext, id: SiteId): VoxelSites => ctx.table.voxelGrid(id)!;
const positionsOf = (ctx: EvalContext, grid: VoxelSites): Positions => ctx.positions(grid.of);

function checkVoxels(ctx: InferContext, id: SiteId): VoxelSites | undefined {
  const problem = voxelsProblem(ctx.sites, id);
  if (problem !== undefined) ctx.problem(problem);
  return problem === undefined ? ctx.sites.voxelGrid(id) : undefined;
}

export const voxelizeOp: OpDef = {
  name: "voxelize",
  levels: ["net", "fused"],
  doc: "Reduces the points of each site: those whose cell, divided by the sites' stride and rounded down, it is. Sums go by the points' order.",
  operands: [{ name: "x", kinds: ["feat"] }],
  attrs: {
    onto: { kind: "site", doc: "voxels of the points, or a set that derives from them" },
    mode: { kind: "string", values: ["mean", "sum", "max"], doc: "what is taken over the points of a site; 0 where it has none" },
    most: { kind: "int", default: 0, doc: "points of a site that count at most, the first ones; 0: all" },
  },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const onto = siteAttr(ctx.attrs, "onto");
    if (number(ctx.attrs, "most") < 0) ctx.problem("most must be at least 0");
    const grid = checkVoxels(ctx, onto);
    if (grid !== undefined && grid.of !== x.sites) ctx.problem(`@${onto} are voxels of @${grid.of}, x is on @${x.sites}`);
    return grid === undefined ? [] : [feat(onto, x.channels, x.dtype)];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const onto = siteAttr(ctx.attrs, "onto");
    const [sites, grid, most] = [ctx.sites(onto), gridOf(ctx, onto), number(ctx.attrs, "most")];
    const mode = modeOf(ctx.attrs);
    const points: number[][] = Array.from({ length: sites.count }, () => []);
    rowOfPoints(grid, positionsOf(ctx, grid), sites, ctx.table.totalStride(onto)).forEach((row, point) => {
      if (row >= 0 && (most === 0 || points[row]!.length < most)) points[row]!.push(point);
    });
    const data = new Float64Array(sites.count * x.channels);
    points.forEach((list, row) => {
      for (let c = 0; c < x.channels && list.length > 0; c++) {
        const values = list.map((point) => x.data[point * x.channels + c]!);
        const sum = (): number => values.reduce((a, b) => a + b, 0);
        data[row * x.channels + c] = mode === "max" ? values.reduce((a, b) => Math.max(a, b)) : mode === "sum" ? sum() : sum() / values.length;
      }
    });
    return [{ kind: "feat", sites, channels: x.channels, data }];
  },
};

export const modeOf = (attrs: Attrs): VoxelReduction => string(attrs, "mode") as VoxelReduction;
export const weightsOf = (attrs: Attrs): PointWeights => string(attrs, "weights") as PointWeights;

export const devoxelizeOp: OpDef = {
  name: "devoxelize",
  levels: ["net", "fused"],
  doc: "Features of voxels for each point: those of its own voxel, or linear between the sites around it. A point without any, or left out of the grid, gets 0.",
  operands: [{ name: "x", kinds: ["feat"] }],
  attrs: {
    weights: { kind: "string", values: ["nearest", "present", "all"], doc: "the voxel that a point is in, or linear weights: scaled to a sum of 1 over the corners that are there, or as they are" },
  },
  infer(ctx) {
    const x = ctx.types[0] as FeatType;
    const grid = checkVoxels(ctx, x.sites);
    return grid === undefined ? [] : [feat(grid.of, x.channels, x.dtype)];
  },
  evaluate(ctx) {
    const x = operandAs(ctx, 0, "feat");
    const { sites: to } = ctx.resultTypes[0] as FeatType;
    const from = ctx.operandTypes[0] as FeatType;
    const grid = gridOf(ctx, from.sites);
    const [positions, stride, weights] = [positionsOf(ctx, grid), ctx.table.totalStride(from.sites), weightsOf(ctx.attrs)];
    const sites = ctx.sites(to);
    const data = new Float64Array(sites.count * x.channels);
    if (weights === "nearest") rowOfPoints(grid, positions, x.sites, stride).forEach((row, point) => add(data, x, point, row, row < 0 ? 0 : 1));
    else {
      cornersOfPoints(grid, positions, x.sites, stride).forEach((corners, point) => {
        const total = weights === "all" ? 1 : corners.reduce((sum, c) => sum + c.weight, 0);
        for (const { row, weight } of corners) add(data, x, point, row, weight / total);
      });
    }
    return [{ kind: "feat", sites, channels: x.channels, data }];
  },
};

/** data[point] += weight · x[row]. */
function add(data: Float64Array, x: FeatValue, point: number, row: number, weight: number): void {
  if (weight === 0) return;
  for (let c = 0; c < x.channels; c++) data[point * x.channels + c]! += weight * x.data[row * x.channels + c]!;
}
