/** From points to sites before a network, and from sites back to points behind it. */
export { gridExtents, type PointGrid, type Points } from "./grid.ts";
export { voxelize, voxelPoints, type Voxels, type VoxelizeOptions } from "./voxelize.ts";
export { interpolatedFeatures, nearestFeatures, type Interpolation, type SiteFeatures } from "./devoxelize.ts";
export { SpnetError } from "../errors.ts";
