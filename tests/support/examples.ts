import { readFileSync } from "node:fs";
import { KITTI_GRID } from "../../src/cli/files/kitti.ts";
import { inputSpecs, type SceneInput } from "../../src/cli/files/scene.ts";
import { madeUpInput } from "../../src/cli/scan/made-up.ts";
import { compileSource, type CompileOptions } from "../../src/ir/from-source.ts";
import type { Module } from "../../src/ir/module.ts";

const folder = new URL("../../examples/", import.meta.url);

export const EXAMPLES = ["second", "centerpoint", "minkunet18", "minkunet34", "sparse_resunet42", "cylinder3d", "strokes2d", "rgbd", "completion", "senet", "deepcnet", "image_pen", "second_points", "spvcnn"] as const;

/** The net-level module of an example, with its parameters as given. */
export function example(name: string, params: CompileOptions["params"] = {}): Module {
  const { module, diagnostics } = compileSource(`${name}.spnet`, { readFile: (path) => readFileSync(new URL(path, folder), "utf8"), params });
  if (module === undefined) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join("\n"));
  return module;
}

/** Voxels of the simulated scan for a net with KITTI's grid, as the demo makes them. */
export function simulatedScan(net: Module, seed = 1): SceneInput {
  return madeUpInput("lidar", seed, inputSpecs(net)[0]!, KITTI_GRID);
}
