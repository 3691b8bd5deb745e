/** Voxels of scans, as the command's options describe them. */
import { SpnetError } from "../../runtime/errors.ts";
import { voxelize as voxelizePoints, type PointGrid } from "../../runtime/points/index.ts";
import { inputError } from "../errors.ts";
import type { Points } from "./points.ts";

export { gridExtents } from "../../runtime/points/index.ts";

/** Edges in metres along x, y, z, and limits in scan order. */
export interface VoxelGrid extends PointGrid {
  /** Points averaged per voxel at most, the first ones in scan order; default all. */
  readonly maxPoints?: number;
  /** Voxels kept at most, the first ones in scan order; default all. */
  readonly maxVoxels?: number;
}

export interface Voxels {
  readonly count: number;
  /** Points inside the grid, before any cap. */
  readonly pointsInRange: number;
  /** [count, 3] voxel indices along x, y, z, in order of first appearance in the scan. */
  readonly indices: Int32Array;
  /** [count, columns] means (SECOND's mean feature encoder). */
  readonly means: Float32Array;
  /** Index of the first point of each voxel. */
  readonly firstPoint: Int32Array;
}

/** Voxelises points. SP0833 for a grid that makes no sense or indices beyond int32. */
export function voxelize(points: Points, grid: VoxelGrid): Voxels {
  if (grid.voxel.length !== 3) throw inputError("SP0833", `voxel edges must be three lengths above 0, got ${grid.voxel.join(",")}`);
  try {
    const { rows, coords, features, pointRow, inRange } = voxelizePoints(points, grid);
    const firstPoint = new Int32Array(rows).fill(-1);
    pointRow.forEach((row, point) => {
      if (row >= 0 && firstPoint[row] === -1) firstPoint[row] = point;
    });
    return { count: rows, pointsInRange: inRange, indices: coords.filter((_, i) => i % 4 !== 0), means: features, firstPoint };
  } catch (cause) {
    if (cause instanceof SpnetError) throw inputError(cause.code, cause.message.replace(`${cause.code}: `, ""));
    throw cause;
  }
}
