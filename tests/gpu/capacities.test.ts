import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FeatOutput } from "../../src/runtime/index.ts";
import { relativeError } from "../support/compare.ts";
import { openGpu, type TestGpu } from "../support/gpu.ts";
import { networkOf, type AnyNetwork } from "../support/network-runs.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText, reference } from "../support/source-net.ts";

/** Scattered sites: no two share a neighbour, so that every strided set has more rows than its parent and than scans lead to expect. */
const net = netFromText(`spnet 1
net Scattered {
  sites S : (z, y, x)
  input a : feat[S, 1]
  let b = a |> conv(2, k=3, s=2, p=1, sites=reach, w="b")
  output y = b |> conv(2, k=3, s=2, p=1, sites=reach, w="c")
}
`);
const scattered = (seed: number, rows: number) => cloud(seed, rows, 2, [6000, 6000, 6000], 1, -3000);
const scenes = { first: scattered(1, 5_000), larger: scattered(2, 6_000) };

let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const make = (): Promise<AnyNetwork> => networkOf(fuse(net.module, pipelines[2]![1]), { device: gpu.device, weights: net.weights });

/** What an action submits and reads back. */
async function counted<T>(action: () => Promise<T>): Promise<{ readonly result: T; readonly submits: number; readonly readbacks: number }> {
  const before = { ...gpu.counts };
  const result = await action();
  return { result, submits: gpu.counts.submits - before.submits, readbacks: gpu.counts.readbacks - before.readbacks };
}

describe("scenes that outgrow their room", () => {
  it("run again with more, and once only when the same scene comes back", async () => {
    const wanted = new Map<string, FeatOutput>();
    const other = await make();
    for (const [name, { coords, features }] of Object.entries(scenes)) {
      const scene = await other.prepare({ a: coords });
      const rows = scene.report.sites.map((s) => s.rows);
      for (let level = 1; level < rows.length; level++) expect(rows[level]!).toBeGreaterThan(rows[level - 1]!);
      wanted.set(name, (await scene.run({ a: features }))["y"] as FeatOutput);
      scene.dispose();
    }
    other.dispose();
    expect(relativeError(wanted.get("first")!.features, reference(net, { a: scenes.first }, 2).get("y")!)).toBeLessThanOrEqual(1e-5);

    const network = await make();
    const steps = [["first", "grows"], ["first", "fits"], ["larger", "grows"], ["larger", "fits"]] as const;
    for (const [name, how] of steps) {
      const { result, submits, readbacks } = await counted(() => network.run({ a: scenes[name] }));
      expect(readbacks, `${name} ${how}`).toBe(submits);
      if (how === "fits") expect(submits, name).toBe(1);
      else expect(submits, name).toBeGreaterThan(1);
      const [got, same] = [result["y"] as FeatOutput, wanted.get(name)!];
      expect([got.rows, got.channels]).toEqual([same.rows, same.channels]);
      expect(Buffer.from(got.coords.buffer).equals(Buffer.from(same.coords.buffer)), `sites of ${name}`).toBe(true);
      expect(Buffer.from(got.features.buffer).equals(Buffer.from(same.features.buffer)), `features of ${name}`).toBe(true);
    }
    network.dispose();
  }, 300_000);

  it("leave nothing behind on the device of the attempts that were too small", async () => {
    const before = gpu.counts.liveBytes;
    const network = await make();
    const given = { a: { coords: scenes.first.coords.subarray(0, 4 * 3000), features: scenes.first.features.subarray(0, 3000) } };
    const { result, submits } = await counted(() => network.run(given, { output: "gpu" }));
    expect(submits).toBeGreaterThan(1);
    const y = result["y"] as FeatOutput;
    y.buffer!.destroy();
    y.coordsBuffer!.destroy();
    network.dispose();
    expect(gpu.counts.liveBytes).toBe(before);
  }, 120_000);
});
