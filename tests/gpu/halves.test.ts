import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDevice } from "../../src/cli/adapter.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import type { Module } from "../../src/ir/module.ts";
import { createNetwork, type CreateOptions } from "../../src/runtime/index.ts";
import { expectSame, randomInputs, wantedOf, type Inputs } from "../support/differential.ts";
import { openGpu, type TestGpu } from "../support/gpu.ts";
import { HALF_NETS } from "../support/half-nets.ts";
import { dataOf, type AnyNetwork } from "../support/network-runs.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";

async function halfNetwork(fused: Module, options: CreateOptions): Promise<AnyNetwork> {
  const { plan, kernels } = buildProgram(storeHalves(lowerToPlan(fused)));
  return await createNetwork(plan, Object.fromEntries(kernels.map((k) => [k.name, k.code])), options);
}

const probe = await openDevice();
const without = probe.device.features.has("shader-f16") ? undefined : probe.description;
probe.close();
const probed = await openDevice({ features: ["shader-f16"] }).then((d) => (d.close(), true), () => false);
const skipped = probed ? "" : ` (skipped: ${without ?? "the adapter"} has no shader-f16)`;

describe("a device without shader-f16", () => {
  it("is refused with what to do, though the adapter may have it", async () => {
    const gpu = await openGpu();
    const { net } = HALF_NETS[0]!;
    await expect(halfNetwork(fuse(net.module, pipelines[2]![1]), { device: gpu.device, weights: net.weights }))
      .rejects.toMatchObject({ code: "SP0603", message: expect.stringMatching(/shader-f16.*--storage f32/) });
    gpu.close();
  });
});

describe.skipIf(!probed)(`rows between layers in float16${skipped}`, () => {
  let gpu: TestGpu;
  beforeAll(async () => {
    gpu = await openGpu({ features: ["shader-f16"] });
  });
  afterAll(() => gpu?.close());

  async function run(network: AnyNetwork, inputs: Inputs) {
    const scene = await network.prepare(Object.fromEntries(Object.entries(inputs).map(([name, i]) => [name, i.coords])), { batch: 2 });
    const { memory } = scene.report;
    const features = Object.fromEntries(Object.entries(inputs).map(([name, i]) => [name, i.features]));
    const [outputs, again] = [await scene.run(features), await scene.run(features)];
    for (const name of Object.keys(outputs)) expect(Buffer.from(dataOf(again[name]!).buffer).equals(Buffer.from(dataOf(outputs[name]!).buffer)), `${name} again`).toBe(true);
    scene.dispose();
    return { outputs, memory };
  }

  describe.each(HALF_NETS)("$name", ({ net }) => {
    it.each([0, 1, 63, 300])("of %d rows mean the same to three digits, the same bits twice, in less memory", async (rows) => {
      const inputs = randomInputs(net.module, 7, rows, 2);
      const wanted = wantedOf(net, inputs, 2);
      for (const index of rows === 300 ? [2, 3] : [2]) {
        const [level, pipeline] = pipelines[index]!;
        const fused = fuse(net.module, pipeline);
        const half = await halfNetwork(fused, { device: gpu.device, weights: net.weights });
        const { outputs, memory } = await run(half, inputs);
        expectSame(outputs, wanted, level, 5e-3);
        half.dispose();
        if (rows < 300) continue;
        const { plan, kernels } = buildProgram(lowerToPlan(fused));
        const full = await createNetwork(plan, Object.fromEntries(kernels.map((k) => [k.name, k.code])), { device: gpu.device, weights: net.weights }) as AnyNetwork;
        expect(memory.planned).toBeLessThan((await run(full, inputs)).memory.planned);
        full.dispose();
      }
    }, 240_000);
  });
});
