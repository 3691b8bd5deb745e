/** Scans in columns x, y, z, … as the input of a network, on KITTI's grid or another. */
import { inputError } from "../errors.ts";
import { cloudScene, pointScene, type Cloud, type CloudGrid } from "../formats/cloud.ts";
import { chooseFields } from "../formats/fields.ts";
import type { Table } from "../formats/table.ts";
import type { InputSpec, SceneInput } from "./scene.ts";

/** SECOND's grid of the KITTI benchmark. */
export const KITTI_GRID: CloudGrid = { voxel: [0.05, 0.05, 0.1], range: { min: [0, -40, -3], max: [70.4, 40, 1] } };

/**
 * Voxelises scans into rows of `spec`, one batch item each: coordinates in the order of the network's axes, features the
 * means of the columns named, or of the first ones. SP0834 where network, grid and scan do not fit; others as `cloudScene`.
 */
export function sceneFromScans(scans: readonly Table[], grid: CloudGrid, spec: InputSpec, features?: readonly string[]): SceneInput {
  return cloudScene(cloudsOf(scans, spec, features), grid, spec, false).input;
}

/** As `sceneFromScans`, of a network that takes points as they are. */
export function pointsFromScans(scans: readonly Table[], spec: InputSpec, features?: readonly string[]): SceneInput {
  return pointScene(cloudsOf(scans, spec, features), spec, false).input;
}

function cloudsOf(scans: readonly Table[], spec: InputSpec, features: readonly string[] | undefined): readonly Cloud[] {
  if ([...spec.axes].sort().join() !== "x,y,z") {
    throw inputError("SP0834", `a scan has axes x, y, z, but input \`${spec.name}\` has ${spec.axes.join(", ")}`, { help: "give coordinates and features as safetensors instead" });
  }
  return scans.map((table) => ({ table, fields: chooseFields(table, spec, { coordinates: undefined, features }), origin: [0, 0, 0] }));
}
