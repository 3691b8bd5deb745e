import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wantedOf, expectSame } from "../support/differential.ts";
import { openGpu, type TestGpu } from "../support/gpu.ts";
import { gpuTarget } from "../support/gpu-target.ts";
import { networkOf } from "../support/network-runs.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { pointInputs, pointNet } from "../support/point-nets.ts";
import { pointsSuite } from "../suites/points.ts";

pointsSuite(gpuTarget);

describe("points on the device", () => {
  let gpu: TestGpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  it("in buffers mean the same; a scene is one submit and one readback, as is each run of it", async () => {
    const net = pointNet({ dim: 2, bounded: true, rounding: "floor" });
    const network = await networkOf(fuse(net.module, pipelines[2]![1]), { device: gpu.device, weights: net.weights });
    const inputs = pointInputs(2, 90, 2, 8);
    const { coords, features } = inputs["p"]!;
    const wanted = wantedOf(net, inputs, 2);
    // A first scene, on guessed room, teaches the network how much there can be.
    (await network.prepare({ p: coords }, { batch: 2 })).dispose();
    const before = { ...gpu.counts };
    const scene = await network.prepare({ p: coords }, { batch: 2 });
    expect([gpu.counts.submits - before.submits, gpu.counts.readbacks - before.readbacks]).toEqual([1, 1]);
    const outputs = await scene.run({ p: features });
    expect([gpu.counts.submits - before.submits, gpu.counts.readbacks - before.readbacks]).toEqual([2, 2]);
    expectSame(outputs, wanted);
    scene.dispose();
    const [positions, rows] = [gpu.upload(Float32Array.from(coords)), gpu.upload(Float32Array.from(features))];
    expect(await network.run({ p: { coords: { buffer: positions, rows: 90 }, features: { buffer: rows, rows: 90 } } }, { batch: 2 })).toEqual(outputs);
    for (const buffer of [positions, rows]) buffer.destroy();
    network.dispose();
  });
});
