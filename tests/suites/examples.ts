import { beforeAll, describe, expect, it } from "vitest";
import { inputSpecs, type SceneInput } from "../../src/cli/files/scene.ts";
import { madeUpInput, type SceneKind } from "../../src/cli/scan/made-up.ts";
import type { Value } from "../../src/ir/interp/value.ts";
import { EXAMPLES, example } from "../support/examples.ts";
import { pipelines } from "../support/plan-runs.ts";
import { netFromModule, type SourceNet } from "../support/source-net.ts";
import { expectRun, wantedOf, type Inputs } from "../support/differential.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const SCENES: Readonly<Record<(typeof EXAMPLES)[number], SceneKind>> = {
  second: "lidar", centerpoint: "tracks", minkunet18: "room", minkunet34: "room", sparse_resunet42: "lidar", cylinder3d: "tracks", strokes2d: "strokes", rgbd: "room", completion: "room", senet: "room", deepcnet: "strokes", image_pen: "strokes", second_points: "lidar", spvcnn: "lidar",
};
/** Rows of one batch item: enough to fill one tile and begin another on the finest level. */
const ROWS = 40;
const BATCH = 2;

/** Coordinates, or positions of points. */
const sameKind = (like: Int32Array | Float32Array, list: readonly number[]): Int32Array | Float32Array => (like instanceof Int32Array ? Int32Array.from(list) : Float32Array.from(list));

/** The rows nearest to the middle one: dense enough for every tap of a kernel to meet some of them. */
function neighbourhood({ rows, coords, features }: SceneInput, item: number): SceneInput {
  const width = coords.length / rows;
  const middle = Math.floor(rows / 2);
  const distance = (row: number): number =>
    Array.from({ length: width - 1 }, (_, a) => Math.abs(coords[row * width + 1 + a]! - coords[middle * width + 1 + a]!)).reduce((most, v) => Math.max(most, v), 0);
  const kept = Array.from({ length: rows }, (_, row) => row).sort((a, b) => distance(a) - distance(b)).slice(0, ROWS);
  const channels = features.length / rows;
  return {
    rows: kept.length,
    coords: sameKind(coords, kept.flatMap((row) => [item, ...coords.subarray(row * width + 1, (row + 1) * width)])),
    features: Float32Array.from(kept.flatMap((row) => [...features.subarray(row * channels, (row + 1) * channels)])),
  };
}

function inputsOf(net: SourceNet, kind: SceneKind): Inputs {
  return Object.fromEntries(inputSpecs(net.module).map((spec) => {
    const made = Array.from({ length: BATCH }, (_, item) => madeUpInput(kind, item + 1, spec));
    const items = spec.shape === undefined ? made.map((input, item) => neighbourhood(input, item)) : made;
    return [spec.name, { coords: sameKind(items[0]!.coords, items.flatMap((i) => [...i.coords])), features: Float32Array.from(items.flatMap((i) => [...i.features])) }];
  }));
}

/** The least and the most that a compilation does, and pairs wherever they are legal. MinkUNet34 is MinkUNet18 with more of the same blocks. */
const everyLevel = (name: string): readonly string[] => (name === "minkunet34" ? ["O2"] : ["O0", "O2", "O2 with pairs always"]);

/**
 * Every example network as it is compiled for users, on a neighbourhood of a scene of its own kind, against the
 * interpreter, under the pipelines that `levels` names.
 */
export function examplesSuite(open: OpenTarget, levels: (name: string) => readonly string[] = everyLevel): void {
  const target = useTarget(open);

  describe.each(EXAMPLES)("%s", (name) => {
    let net: SourceNet;
    let inputs: Inputs;
    let wanted: ReadonlyMap<string, Value>;
    beforeAll(() => {
      net = netFromModule(example(name), 7);
      inputs = inputsOf(net, SCENES[name]);
      wanted = wantedOf(net, inputs, BATCH);
    });

    it.each(pipelines.filter(([level]) => levels(name).includes(level)))("%s", async (level, pipeline) => {
      const network = await openNet(target(), net, pipeline);
      await target().working(() => expectRun(network, inputs, BATCH, wanted, level, 1e-4));
      for (const value of wanted.values()) expect(value.kind !== "rulebook" && value.data.some((v) => v !== 0)).toBe(true);
      network.dispose();
      // Software drivers compile every kernel on the CPU: most of the time here, and more of it on a busy machine.
    }, 240_000);
  });
}
