import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDevice } from "../../src/cli/adapter.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import { createNetwork, type FeatOutput } from "../../src/runtime/index.ts";
import { expectSame, STANDARD, wantedOf } from "../support/differential.ts";
import { openGpu, type DeviceCounts, type TestGpu } from "../support/gpu.ts";
import { networkOf, type AnyNetwork } from "../support/network-runs.ts";
import { fuse } from "../support/plan-runs.ts";
import { COMPLETION, pruneInputs, pruneNet } from "../support/prune-nets.ts";
import { cloud, netFromText, type SourceNet } from "../support/source-net.ts";

let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const make = (net: SourceNet): Promise<AnyNetwork> => networkOf(fuse(net.module, STANDARD), { device: gpu.device, weights: net.weights });

/** What an action does on the device. */
async function counted<T>(action: () => Promise<T>): Promise<{ readonly result: T; readonly did: DeviceCounts }> {
  const before = { ...gpu.counts };
  const result = await action();
  const names = Object.keys(before) as (keyof DeviceCounts)[];
  return { result, did: Object.fromEntries(names.map((name) => [name, gpu.counts[name] - before[name]])) as unknown as DeviceCounts };
}

describe("sites that depend on data, on the device", () => {
  it("cost one submit and one readback, of outputs and counts alone, however many prunings there are", async () => {
    const before = gpu.counts.liveBytes;
    const network = await make(COMPLETION);
    const x = cloud(1, 90, 2, [24, 24], 2);
    const inputs = { x };
    // A first scene, on guessed room, teaches the network how much there can be.
    (await network.prepare({ x: x.coords }, { batch: 2 })).dispose();
    const { result: scene, did: prepared } = await counted(() => network.prepare({ x: x.coords }, { batch: 2 }));
    expect([prepared.submits, prepared.readbacks, prepared.readbackCopies]).toEqual([1, 1, 1]);
    const bound = await counted(() => scene.run({ x: x.features }));
    for (const { did } of [bound, await counted(() => scene.run({ x: x.features }))]) {
      // Three outputs on derived sites with their coordinates, two of the batch, and the counts.
      expect([did.submits, did.readbacks, did.readbackCopies]).toEqual([1, 1, 9]);
    }
    const again = await counted(() => scene.run({ x: x.features }));
    expect([again.did.bindGroups, again.did.liveBytes], "nothing is bound anew, nothing stays").toEqual([0, 0]);
    const { did: whole } = await counted(() => network.run(inputs, { batch: 2 }));
    expect([whole.submits, whole.readbacks, whole.readbackCopies]).toEqual([1, 1, 9]);
    const { planned, lowerBound } = scene.report.memory;
    expect(planned).toBeGreaterThanOrEqual(lowerBound);
    scene.dispose();
    network.dispose();
    await gpu.device.queue.onSubmittedWorkDone();
    expect(gpu.counts.liveBytes, "tables end with their scene").toBe(before);
  });

  it("are right for runs that nobody waits for, and left in buffers of the device", async () => {
    const net = pruneNet(3, true);
    const network = await make(net);
    const shifts = [0, -5, 0.4, 5];
    const all = shifts.map((shift) => pruneInputs(3, 60, shift, 5, 0));
    const scene = await network.prepare({ x: all[0]!["x"]!.coords, m: all[0]!["x"]!.coords }, { batch: 3 });
    const runs = await Promise.all(all.map((i) => scene.run({ x: i["x"]!.features, m: i["m"]!.features })));
    runs.forEach((outputs, i) => expectSame(outputs, wantedOf(net, all[i]!, 3), `mask + ${shifts[i]}`));
    const live = gpu.counts.liveBytes;
    const { result, did } = await counted(() => scene.run({ x: all[2]!["x"]!.features, m: all[2]!["m"]!.features }, { output: "gpu" }));
    expect([did.submits, did.readbacks, did.readbackCopies], "counts alone").toEqual([1, 1, 1]);
    for (const name of ["b", "fine"]) {
      const [got, same] = [result[name] as FeatOutput, runs[2]![name] as FeatOutput];
      expect(got.rows).toBe(same.rows);
      expect(await gpu.read(got.buffer!, new Float32Array(same.features.length))).toEqual(same.features);
      expect(await gpu.read(got.coordsBuffer!, new Int32Array(same.coords.length))).toEqual(same.coords);
    }
    for (const output of Object.values(result)) {
      output.buffer?.destroy();
      if ("coordsBuffer" in output) output.coordsBuffer?.destroy();
    }
    expect(gpu.counts.liveBytes).toBe(live);
    scene.dispose();
    network.dispose();
  });

  it("are profiled at the sizes that the run had", async () => {
    const net = pruneNet(2, true);
    const network = await make(net);
    const inputs = pruneInputs(2, 60, 0.2, 5, 0);
    const wanted = wantedOf(net, inputs, 3);
    const scene = await network.prepare({ x: inputs["x"]!.coords, m: inputs["x"]!.coords }, { batch: 3 });
    const { outputs, steps } = await scene.profile({ x: inputs["x"]!.features, m: inputs["m"]!.features });
    expectSame(outputs, wanted, "profiled");
    const rows = steps.map((s) => s.rows);
    for (const name of ["b", "again", "fine"]) expect(rows, name).toContain((wanted.get(name) as FeatValue).sites.count);
    expect((wanted.get("b") as FeatValue).sites.count).toBeLessThan(60);
    scene.dispose();
    network.dispose();
  });
});

/** Scattered sites far apart, so that tables are hashed and every site reaches eight coarser ones: more than scans lead to expect. */
const SCATTERED = netFromText(`spnet 1
net Scattered {
  sites S : (z, y, x)
  input a : feat[S, 1]
  input m : feat[S, 1]
  let kept = a |> prune(m)
  let low = kept |> conv(2, k=3, s=2, p=1, sites=reach, w="b")
  output y = low |> prune(low |> linear(1, w="score"), above=-100.0) |> conv(2, k=3, s=2, p=1, sites=reach, w="c")
}
`);

describe("sites that depend on data and outgrow their room", () => {
  it("run again with more, and once only when as many come back", async () => {
    const a = cloud(1, 1500, 2, [6000, 6000, 6000], 1, -3000);
    const masks = { few: (row: number) => (row % 10 === 0 ? 1 : -1), all: () => 1, none: () => -1, half: (row: number) => (row % 2 === 0 ? 1 : -1) };
    const inputs = (keep: (row: number) => number) => ({ a, m: { coords: a.coords, features: a.features.map((_, row) => keep(row)) } });
    const other = await make(SCATTERED);
    const scene = await other.prepare({ a: a.coords, m: a.coords }, { batch: 2 });
    const network = await make(SCATTERED);
    for (const [name, most] of [["few", 1], ["all", Infinity], ["none", 1], ["half", 1], ["all", 1]] as const) {
      const given = inputs(masks[name]);
      const kept = await counted(() => scene.run({ a: a.features, m: given.m.features }));
      expectSame(kept.result, wantedOf(SCATTERED, given, 2), name);
      expect([kept.did.submits, kept.did.readbacks], name).toEqual([1, 1]);
      const { result, did } = await counted(() => network.run(given, { batch: 2 }));
      expect(did.readbacks, name).toBe(did.submits);
      if (most === Infinity) expect(did.submits, name).toBeGreaterThan(1);
      else expect(did.submits, name).toBe(most);
      expect(result, `${name} in one call`).toEqual(kept.result);
    }
    scene.dispose();
    other.dispose();
    network.dispose();
  }, 300_000);
});

const halves = await openDevice({ features: ["shader-f16"] }).then((d) => (d.close(), true), () => false);

describe.skipIf(!halves)(`masks beside rows in float16${halves ? "" : " (skipped: the adapter has no shader-f16)"}`, () => {
  it("are float32, and keep the sites that the interpreter keeps", async () => {
    const own = await openGpu({ features: ["shader-f16"] });
    const net = netFromText(`spnet 1
net Halves {
  dialect spconv
  sites S : (y: 20, x: 17)
  input x : feat[S, 3]
  input m : feat[S, 1]
  let a = x |> subm(8, k=3, w="a") |> relu
  let b = a |> prune(m, above=0.1) |> subm(8, k=3, w="b")
  let low = b |> conv(8, k=3, s=2, p=1, w="c")
  let most = m |> sum_pool(k=1, onto=b) |> max_pool(k=3, s=2, p=1, onto=low)
  output y = low |> prune(most, above=0.5) |> subm(5, k=3, w="d")
}
`);
    const { plan, kernels } = buildProgram(storeHalves(lowerToPlan(fuse(net.module, STANDARD))));
    expect(plan.features).toEqual(["shader-f16"]);
    const network = (await createNetwork(plan, Object.fromEntries(kernels.map((k) => [k.name, k.code])), { device: own.device, weights: net.weights })) as AnyNetwork;
    const x = cloud(3, 200, 2, [20, 17], 3);
    const m = { coords: x.coords, features: Float32Array.from({ length: 200 }, (_, i) => x.features[3 * i]!) };
    const wanted = wantedOf(net, { x, m }, 2);
    expect((wanted.get("y") as FeatValue).sites.count).toBeGreaterThan(5);
    const scene = await network.prepare({ x: x.coords, m: x.coords }, { batch: 2 });
    const first = await scene.run({ x: x.features, m: m.features });
    expectSame(first, wanted, "f16", 5e-3);
    expect(await scene.run({ x: x.features, m: m.features })).toEqual(first);
    scene.dispose();
    network.dispose();
    own.close();
  });
});
