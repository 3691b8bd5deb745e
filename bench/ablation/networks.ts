import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/cli/version.ts";
import type { CloudGrid } from "../../src/cli/formats/cloud.ts";
import type { SceneKind } from "../../src/cli/scan/made-up.ts";
import { compileSource, type CompileOptions } from "../../src/ir/from-source.ts";
import type { Module } from "../../src/ir/module.ts";

/** A network of the bench, and the scenes it runs on. */
export interface BenchNetwork {
  readonly name: string;
  /** Below the package. */
  readonly file: string;
  readonly params?: NonNullable<CompileOptions["params"]>;
  /** Clouds of the shared folder; with `reversed` columns b, x, y, z are read as b, z, y, x. */
  readonly clouds: readonly string[];
  readonly reversed?: true;
  /** What is made up where the clouds are not, on a grid other than the scene's own where the network's extents ask for it. */
  readonly scene: SceneKind;
  readonly grid?: CloudGrid;
}

const family = (name: string, widths: readonly number[], blocks: number): BenchNetwork => ({
  name, file: "bench/nets/residual_family.spnet", params: { widths, blocks }, clouds: [], scene: "tracks",
});

export const NETWORKS: readonly BenchNetwork[] = [
  { name: "second", file: "examples/second.spnet", clouds: ["kitti50k", "kitti100k"], reversed: true, scene: "lidar" },
  { name: "centerpoint", file: "examples/centerpoint.spnet", clouds: ["kitti50k", "kitti100k"], reversed: true, scene: "lidar", grid: { voxel: [0.05, 0.05, 0.1], range: { min: [0, -36, -3], max: [72, 36, 1] } } },
  { name: "minkunet18", file: "examples/minkunet18.spnet", clouds: ["indoor50k", "indoor100k"], scene: "room" },
  { name: "minkunet34", file: "examples/minkunet34.spnet", clouds: ["indoor50k", "indoor100k"], scene: "room" },
  { name: "sparse_resunet42", file: "examples/sparse_resunet42.spnet", clouds: ["indoor50k"], scene: "room" },
  { name: "cylinder3d", file: "examples/cylinder3d.spnet", clouds: [], scene: "tracks" },
  { name: "scn_unet", file: "bench/nets/scn_unet.spnet", clouds: ["indoor50k"], scene: "room" },
  { name: "linear_layers", file: "bench/nets/linear_layers.spnet", clouds: ["indoor50k"], scene: "room" },
  { name: "mixing_layers", file: "bench/nets/linear_layers.spnet", params: { blocks: 1, mixes: 8 }, clouds: ["indoor50k"], scene: "room" },
  {
    name: "detector", file: "examples/centerpoint_bev.spnet", params: { rows: 400, columns: 400, depth: 2 }, clouds: [], scene: "lidar",
    grid: { voxel: [0.1, 0.1, 0.2], range: { min: [0, -20, -5], max: [40, 20, 3] } },
  },
  family("small", [16, 32, 64, 128], 1),
  family("medium", [32, 64, 128, 256], 2),
  family("large", [64, 128, 256, 512], 3),
];

/** The net-level module of a network. */
export function compileNetwork({ file, params }: BenchNetwork): Module {
  const { module, diagnostics } = compileSource(join(packageRoot(), file), { readFile: (path) => readFileSync(path, "utf8"), ...(params === undefined ? {} : { params }) });
  if (module === undefined) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return module;
}
