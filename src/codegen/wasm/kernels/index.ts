import { TILE } from "../../../runtime/cpu/fields.ts";
import { CHUNKS, PARAMS, type EpilogueStep, type FeatureSpec, type RowAccess, type DenseTarget } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import { activeBody } from "./active.ts";
import { columnGroups, convBody } from "./conv.ts";
import { fillBody, fillGroups } from "./fill.ts";
import { StepFunc } from "./frame.ts";
import { groupedBody } from "./grouped.ts";
import { globalPoolBody } from "./global-pool.ts";
import { interpolateBody } from "./interpolate.ts";
import { REDUCED_ROWS } from "./item-rows.ts";
import { broadcastBody, normaliseBody } from "./items.ts";
import { momentsBody, statisticsBody } from "./moments.ts";
import { devoxelizeBody, voxelizeBody } from "./points.ts";
import { pointwiseBody, poolBody } from "./pool.ts";
import { rowNormBody } from "./row-norm.ts";
import { softmaxBody } from "./softmax.ts";

/** A function of the CPU target and what its arguments are bound to, in order. */
export interface StepKernel {
  readonly func: StepFunc;
  readonly bindings: readonly string[];
  /** Units = ceil(rows / rowsPerUnit) · groups. */
  readonly rowsPerUnit: number;
  readonly groups: number;
}

/** Builds the function of one step; the caller adds it to the assembly. */
export function buildStepKernel(assembly: Assembly, spec: FeatureSpec): StepKernel {
  const bindings = bindingsOf(spec);
  const func = new StepFunc(spec.name, bindings);
  const kernel = (rowsPerUnit: number, groups: number): StepKernel => ({ func, bindings, rowsPerUnit, groups });
  switch (spec.kind) {
    case "conv":
      convBody(assembly, func, spec);
      return kernel(TILE, columnGroups(spec));
    case "grouped":
      groupedBody(assembly, func, spec);
      return kernel(TILE, columnGroups(spec));
    case "pointwise":
      pointwiseBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "pool":
      poolBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "global_pool":
      globalPoolBody(assembly, func, spec);
      return kernel(1, 1);
    case "softmax":
      softmaxBody(func, spec);
      return kernel(TILE, 1);
    case "active":
      activeBody(func, spec);
      return kernel(TILE, 1);
    case "interpolate":
      interpolateBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "broadcast":
      broadcastBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "moments":
      momentsBody(assembly, func, spec);
      return kernel(1, CHUNKS);
    case "statistics":
      statisticsBody(func, spec);
      return kernel(1, 1);
    case "normalise":
      normaliseBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "row_norm":
      rowNormBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "voxelize":
      voxelizeBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "devoxelize":
      devoxelizeBody(assembly, func, spec);
      return kernel(TILE, 1);
    case "fill":
      fillBody(func, spec);
      return kernel(1, fillGroups(spec));
    case "prune":
      throw new Error("internal: pruning is no kernel");
    case "pair":
      throw new Error("internal: the CPU target computes pairs one convolution after the other");
  }
}

/** Roles that a step reads and writes, each once. */
function bindingsOf(spec: FeatureSpec): readonly string[] {
  const roles = new Set<string>();
  const target = (t: RowAccess | DenseTarget): void => {
    roles.add(t.role);
    if ("coords" in t) roles.add(t.coords);
  };
  let params = false;
  const epilogue = (steps: readonly EpilogueStep[]): void => {
    for (const e of steps) {
      if (e.do === "add" || e.do === "mul") roles.add(e.source.role);
      else if (e.do === "emit") target(e.target);
      else if (["bias", "affine", "linear", "clip", "scale", "prelu", "rescale"].includes(e.do)) params = true;
    }
  };
  switch (spec.kind) {
    case "conv":
      for (const t of spec.terms) {
        roles.add(t.source.role);
        if (t.map !== undefined) roles.add(t.map.role);
      }
      params = true;
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "grouped":
      roles.add(spec.map.role);
      roles.add(spec.source.role);
      params = true;
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "global_pool":
      for (const role of [spec.source.role, spec.coords, REDUCED_ROWS, spec.target.role]) roles.add(role);
      break;
    case "softmax":
    case "interpolate":
      roles.add(spec.source.role);
      target(spec.target);
      break;
    case "active":
      params = spec.ground !== undefined;
      roles.add(spec.source.role);
      target(spec.target);
      break;
    case "broadcast":
      if (spec.source !== undefined) roles.add(spec.source.role);
      roles.add(spec.vector.role);
      roles.add(spec.coords);
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "moments":
    case "statistics":
      roles.add(spec.source.role);
      if (spec.coords !== undefined) for (const role of [spec.coords, REDUCED_ROWS]) roles.add(role);
      target(spec.target);
      break;
    case "normalise":
      roles.add(spec.source.role);
      roles.add(spec.statistics.role);
      if (spec.coords !== undefined) roles.add(spec.coords);
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "pool":
      roles.add(spec.map.role);
      roles.add(spec.source.role);
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "voxelize":
      roles.add(spec.members);
      roles.add(spec.source.role);
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "devoxelize":
      roles.add(spec.map.role);
      roles.add(spec.source.role);
      roles.add(spec.fractions.role);
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "fill":
      params = true;
      target(spec.target);
      break;
    case "pointwise":
    case "row_norm":
      roles.add(spec.source.role);
      epilogue(spec.epilogue);
      target(spec.target);
      break;
    case "prune":
    case "pair":
      break;
  }
  return params ? [...roles, PARAMS] : [...roles];
}
