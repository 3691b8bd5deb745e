import { expect, it } from "vitest";
import { NETWORKS } from "../../bench/ablation/networks.ts";
import { inputSpecs } from "../../src/cli/files/scene.ts";
import { madeUpInput } from "../../src/cli/scan/made-up.ts";
import { presetPipeline } from "../../src/passes/presets.ts";
import { cpuNetworkOf } from "../support/cpu-networks.ts";
import { example } from "../support/examples.ts";
import { dataOf } from "../support/network-runs.ts";
import { fuse } from "../support/plan-runs.ts";
import { netFromModule } from "../support/source-net.ts";

/** Memory that a scene needs over the live lower bound: tables, lists and features have no room that they do not use. */
it.each(["second", "centerpoint", "minkunet18"])("%s on a made-up scene needs at most 1.1 times the least memory, and takes no more", async (name) => {
  const { scene: kind, grid } = NETWORKS.find((n) => n.name === name)!;
  const net = netFromModule(example(name));
  const spec = inputSpecs(net.module)[0]!;
  const { coords, features } = madeUpInput(kind, 1, spec, grid);
  const network = await cpuNetworkOf(fuse(net.module, presetPipeline("O2")), { weights: net.weights });
  const before = network.engine.heap.used;
  const scene = await network.prepare({ [spec.name]: Int32Array.from(coords) });
  const { planned, lowerBound } = scene.report.memory;
  console.log(`${name}: planned ${planned} bytes, ${(planned / lowerBound).toFixed(3)} × the least`);
  expect(planned / lowerBound).toBeLessThanOrEqual(1.1);
  expect(planned / lowerBound).toBeGreaterThanOrEqual(1);
  const outputs = Object.values(await scene.run({ [spec.name]: Float32Array.from(features) }));
  // Beside the scene: the caller's rows and features and the rows of outputs, copied in and out.
  const copied = 4 * (coords.length + features.length + outputs.reduce((n, output) => n + dataOf(output).length, 0));
  expect(network.engine.heap.peak - before).toBeLessThanOrEqual(1.01 * planned + copied);
  scene.dispose();
  network.dispose();
}, 120_000);
