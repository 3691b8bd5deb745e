/** Scans as the input of a network: voxels become rows, one batch item per scan. */
import { inputError } from "../errors.ts";
import type { Points } from "./points.ts";
import type { InputSpec, SceneInput } from "./scene.ts";
import { gridExtents, voxelize, type VoxelGrid } from "./voxels.ts";

/** A scan and the name messages call it by. */
export interface Scan {
  readonly file: string;
  readonly points: Points;
}

/** SECOND's grid of the KITTI benchmark. */
export const KITTI_GRID: VoxelGrid = { voxel: [0.05, 0.05, 0.1], range: { min: [0, -40, -3], max: [70.4, 40, 1] } };

/**
 * Voxelises scans into rows of `spec`: coordinates in the order of the network's axes (by their names x, y, z), features
 * the means of the first `channels` columns. SP0834 where network, grid and scan do not fit.
 */
export function sceneFromScans(scans: readonly Scan[], grid: VoxelGrid, spec: InputSpec): SceneInput {
  const columnOf = spec.axes.map((axis) => "xyz".indexOf(axis));
  if (spec.axes.length !== 3 || new Set(columnOf).size !== 3 || columnOf.includes(-1)) {
    throw inputError("SP0834", `a scan has axes x, y, z, but input \`${spec.name}\` has ${spec.axes.join(", ")}`, { help: "give coordinates and features as safetensors instead" });
  }
  checkExtents(grid, spec, columnOf);
  const parts = scans.map((scan, batch) => scanRows(scan, batch, grid, spec, columnOf));
  const rows = parts.reduce((n, part) => n + part.rows, 0);
  const coords = new Int32Array(rows * 4);
  const features = new Float32Array(rows * spec.channels);
  let at = 0;
  for (const part of parts) {
    coords.set(part.coords, at * 4);
    features.set(part.features, at * spec.channels);
    at += part.rows;
  }
  return { rows, coords, features };
}

function checkExtents(grid: VoxelGrid, spec: InputSpec, columnOf: readonly number[]): void {
  if (spec.extents === undefined) return;
  const extents = gridExtents(grid);
  if (extents === undefined) {
    throw inputError("SP0834", `input \`${spec.name}\` lives on a grid of ${spec.extents.join(" × ")}, so the scan needs a range`, { help: "--range xmin,ymin,zmin,xmax,ymax,zmax" });
  }
  spec.axes.forEach((axis, i) => {
    const have = extents[columnOf[i]!]!;
    if (have > spec.extents![i]!) {
      throw inputError("SP0834", `the scan's grid has ${have} voxels along ${axis}, input \`${spec.name}\` has ${spec.extents![i]}`, { help: "match --voxel and --range to the network's extents" });
    }
  });
}

function scanRows({ file, points }: Scan, batch: number, grid: VoxelGrid, spec: InputSpec, columnOf: readonly number[]): SceneInput {
  if (points.columns < spec.channels) {
    throw inputError("SP0834", `${file} has ${points.columns} columns per point, input \`${spec.name}\` needs ${spec.channels} channels`, { help: "say how many numbers a point has with --columns" });
  }
  const { count, indices, means } = voxelize(points, grid);
  const coords = new Int32Array(count * 4);
  const features = new Float32Array(count * spec.channels);
  for (let row = 0; row < count; row++) {
    coords[4 * row] = batch;
    columnOf.forEach((column, axis) => (coords[4 * row + 1 + axis] = indices[3 * row + column]!));
    for (let c = 0; c < spec.channels; c++) features[row * spec.channels + c] = means[row * points.columns + c]!;
  }
  return { rows: count, coords, features };
}
