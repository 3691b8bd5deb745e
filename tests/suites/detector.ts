import { describe, expect, it } from "vitest";
import type { Module } from "../../src/ir/module.ts";
import { expectRun, wantedOf, type Inputs } from "../support/differential.ts";
import { example } from "../support/examples.ts";
import { pipelines } from "../support/plan-runs.ts";
import { cloud, netFromModule } from "../support/source-net.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

/** SECOND with its image backbone and head, on a grid and in widths that an interpreter does in seconds. */
export const smallDetector = (): Module => example("second_bev", { rows: 48, columns: 32, sparse: [8, 8, 12, 12, 10], dense_planes: [12, 20], up_planes: [16, 8], depth: 1, anchors: 2 });

/** CenterPoint in the same sizes, with heads of one class and of two. */
const smallCenterPoint = (with_residuals: boolean, velocity: boolean): Module =>
  example("centerpoint_bev", { rows: 48, columns: 32, inputs: 4, sparse: [8, 8, 12, 12, 10], with_residuals, dense_planes: [12, 20], up_planes: [16, 8], depth: 1, shared: 12, classes: [1, 2], velocity });

const DETECTORS: readonly (readonly [name: string, net: () => Module, maps: readonly (readonly [c: number, name: string])[]])[] = [
  ["SECOND", smallDetector, [[6, "cls"], [14, "box"], [4, "dir"]]],
  ["CenterPoint", () => smallCenterPoint(true, true), [[4, "center"], [2, "center_z"], [6, "dim"], [8, "rot_vel"], [3, "hm"]]],
  ["CenterPoint without residuals and velocities", () => smallCenterPoint(false, false), [[4, "center"], [2, "center_z"], [6, "dim"], [4, "rot_vel"], [3, "hm"]]],
];

/** So many voxels of each batch item, none of an item that has no number. */
export function voxels(seed: number, counts: readonly number[]): Inputs {
  const items = counts.map((n, item) => ({ item, made: cloud(seed + item, n, 1, [41, 48, 32], 4) }));
  return {
    voxels: {
      coords: Int32Array.from(items.flatMap(({ item, made }) => [...made.coords].map((c, i) => (i % 4 === 0 ? item : c)))),
      features: Float32Array.from(items.flatMap(({ made }) => [...made.features])),
    },
  };
}

/** A whole detector as one network against the interpreter: two items, one of two empty, nothing at all. */
export function detectorSuite(open: OpenTarget, levels: readonly string[]): void {
  const target = useTarget(open);

  describe.each(DETECTORS)("%s from voxels to the maps of its head", (_name, small, maps) => {
    it.each(pipelines.filter(([level]) => levels.includes(level)))("%s", async (level, pipeline) => {
      const net = netFromModule(small(), 3);
      const network = await openNet(target(), net, pipeline);
      for (const counts of [[300, 200], [0, 250], [0], [400]]) {
        const inputs = voxels(5, counts);
        const outputs = await target().working(() => expectRun(network, inputs, counts.length, wantedOf(net, inputs, counts.length), `${level}, ${counts.join(" and ")} voxels`, 1e-4));
        expect(Object.entries(outputs).map(([name, output]) => ["shape" in output ? output.shape : [], name])).toEqual(maps.map(([c, name]) => [[counts.length, c, 6, 4], name]));
      }
      network.dispose();
    }, 240_000);
  });
}
