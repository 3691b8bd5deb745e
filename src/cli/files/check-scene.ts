import { checkTensor, tensorRows } from "../../runtime/dense-inputs.ts";
import { checkCoords, checkFeatures, mergeDuplicates, mergeFeatures, type DuplicatePolicy } from "../../runtime/inputs.ts";
import type { VoxelGrid } from "../../ir/sites.ts";
import { checkPositions, locatePoints } from "../../runtime/placed-points.ts";
import { inputError } from "../errors.ts";
import { denseItems, type InputSpec, type SceneInput, type SceneInputs } from "./scene.ts";

/**
 * Checks the rows of every input by the run time's own rules (range, batch, finite values), so that all targets accept
 * the same scenes, and merges duplicates by policy; SP0818 under the policy `error`. A merged row stands where the first
 * of its rows stood. SP0817: two inputs of one site set with different coordinates.
 */
export function checkScene(scene: SceneInputs, specs: readonly InputSpec[], duplicates: DuplicatePolicy): SceneInputs {
  const shared = new Map<string, SceneInput>();
  const batch = denseItems(scene) ?? 0;
  return new Map(
    specs.map((spec) => {
      const input = scene.get(spec.name);
      if (input === undefined) throw inputError("SP0805", `no coordinates and features for input \`${spec.name}\``);
      const known = spec.sites === undefined || spec.shape !== undefined ? undefined : shared.get(spec.sites);
      if (known !== undefined && (known.rows !== input.rows || known.coords.some((c, i) => c !== input.coords[i]))) {
        throw inputError("SP0817", `\`${spec.name}\` shares its site set with another input, but their coordinates differ`);
      }
      if (spec.sites !== undefined) shared.set(spec.sites, input);
      return [spec.name, checkInput(spec, input, duplicates, batch)];
    }),
  );
}

/** Points at any places, as often as they like; on voxels with extents inside of them, unless they are dropped. */
function checkPoints(spec: InputSpec, input: SceneInput, voxels: readonly VoxelGrid[]): SceneInput {
  const positions = checkPositions({ input: spec.name, axes: spec.axes }, input.coords, 0);
  const sites = voxels.map(({ axes: _axes, extents, ...grid }) => ({ id: "", kind: "cells" as const, dim: spec.axes.length, of: -1, cells: { points: voxels.length, ...grid, ...(extents && { extents }), stride: spec.axes.map(() => 1) } }));
  locatePoints([...sites, { id: "", kind: "input", dim: 1, of: -1, points: spec.axes }], voxels.length, spec.name, positions, new Set());
  return { rows: positions.rows, coords: positions.data, features: checkFeatures(spec.name, input.features, positions.rows, spec.channels) };
}

function checkInput(spec: InputSpec, input: SceneInput, policy: DuplicatePolicy, batch: number): SceneInput {
  if (spec.voxels !== undefined) return checkPoints(spec, input, spec.voxels);
  if (spec.shape !== undefined) {
    const plan = { ...spec, shape: spec.shape, site: 0, buffer: 0 };
    checkTensor(plan, tensorRows(plan, input.features), batch);
    return input;
  }
  const { data: coords } = checkCoords({ input: spec.name, axes: spec.axes, extents: spec.extents }, input.coords, batch);
  const features = checkFeatures(spec.name, input.features, input.rows, spec.channels);
  const width = 1 + spec.axes.length;
  const merged = mergeDuplicates(coords, width);
  if (merged.rows === input.rows) return { rows: input.rows, coords, features };
  if (policy === "error") throw duplicateRows(spec, input, merged.rowOf, width);
  return { rows: merged.rows, coords: merged.coords, features: mergeFeatures(spec.name, policy, features, spec.channels, merged) };
}

function duplicateRows(spec: InputSpec, input: SceneInput, rowOf: Int32Array, width: number): Error {
  const second = rowOf.findIndex((target, row) => rowOf.indexOf(target) < row);
  const first = rowOf.indexOf(rowOf[second]!);
  const site = [...input.coords.subarray(second * width, (second + 1) * width)].join(", ");
  return inputError("SP0818", `rows ${first} and ${second} of \`${spec.name}\` are both at (${site})`, {
    help: "say what becomes of rows at one site with --duplicates=sum, mean, first or last",
  });
}
