import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SceneInput } from "../../src/cli/files/scene.ts";
import { moduleStats } from "../../src/ir/stats.ts";
import { example, simulatedScan } from "../support/examples.ts";
import { openGpu, type TestGpu } from "../support/gpu.ts";
import { networkOf } from "../support/network-runs.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { netFromModule } from "../support/source-net.ts";

/** Budgets that hold on every device, counted by the wrapper around it, not by the code's own account. */
let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

/** Every row of a scan within a quarter of its width: what software drivers compute in seconds. */
function sector({ coords, features }: SceneInput): SceneInput {
  const rows = Array.from({ length: coords.length / 4 }, (_, row) => row).filter((row) => coords[4 * row + 2]! < 750);
  return {
    rows: rows.length,
    coords: Int32Array.from(rows.flatMap((row) => [...coords.subarray(4 * row, 4 * row + 4)])),
    features: Float32Array.from(rows.flatMap((row) => [...features.subarray(4 * row, 4 * row + 4)])),
  };
}

describe("SECOND on a sector of a simulated scan", () => {
  it("stays within 3 dispatches per convolution, one submit and one readback each, and 1.25 × the least memory", async () => {
    const net = example("second");
    const scan = sector(simulatedScan(net));
    expect(scan.rows).toBeGreaterThan(4_000);
    const network = await networkOf(fuse(net, pipelines[2]![1]), { device: gpu.device, weights: netFromModule(net).weights });
    // The first scene, on guessed room, teaches the network how much such scenes need.
    const untaught = await network.prepare({ voxels: scan.coords });
    const first = untaught.report.memory;
    expect(first.planned / first.lowerBound).toBeLessThanOrEqual(1.25);
    untaught.dispose();
    const before = { ...gpu.counts };
    const scene = await network.prepare({ voxels: scan.coords });
    expect([gpu.counts.submits - before.submits, gpu.counts.readbacks - before.readbacks]).toEqual([1, 1]);
    const prepared = { ...gpu.counts };
    await scene.run({ voxels: scan.features });
    expect([gpu.counts.submits - prepared.submits, gpu.counts.readbacks - prepared.readbacks]).toEqual([1, 1]);
    const dispatches = gpu.counts.dispatches - before.dispatches;
    const convolutions = moduleStats(net).convolutions;
    const { planned, lowerBound } = scene.report.memory;
    console.log(`SECOND: ${scan.rows} voxels, ${dispatches} dispatches (${prepared.dispatches - before.dispatches} of geometry) for ${convolutions} convolutions, planned ${planned} bytes, live lower bound ${lowerBound}: ${(planned / lowerBound).toFixed(3)}, on the first scene ${(first.planned / first.lowerBound).toFixed(3)}`);
    expect(convolutions).toBe(12);
    expect(dispatches).toBeLessThanOrEqual(3 * convolutions);
    expect(planned / lowerBound).toBeLessThanOrEqual(1.25);
    scene.dispose();
    network.dispose();
  }, 300_000);
});
