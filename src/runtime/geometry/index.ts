export { layoutGeometry } from "./layout.ts";
export type { BoundRange, ByteRange, GeometryBuffer, GeometryDispatch, GeometryLayout, GeometryRequest, LateGeometry, RulebookRanges } from "./layout.ts";
export { readCounts } from "./read-counts.ts";
export type { GeometryProblem, SceneCounts } from "./read-counts.ts";
export type { GeometryPlan, GeometryRulebook, GeometrySite, GeometryStage, Storage } from "./plan.ts";
export type { Bounds } from "./grid.ts";
export { haloShape, type HaloShape } from "./halo.ts";
