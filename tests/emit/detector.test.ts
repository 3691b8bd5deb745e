import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import type { CreateOptions } from "../../src/runtime/index.ts";
import { expectSame, wantedOf } from "../support/differential.ts";
import { emit, useModules } from "../support/emitted.ts";
import type { AnyNetwork } from "../support/network-runs.ts";
import { netFromModule } from "../support/source-net.ts";
import { smallDetector, voxels } from "../suites/detector.ts";

const modules = useModules();
const { folder } = modules;

it("one module holds a whole detector, for the GPU and for the CPU; rows and dense maps follow the batch of each call", async () => {
  const net = netFromModule(smallDetector(), 4);
  const { js, dts } = await emit(net.module, "both");
  expect(dts).toContain('readonly "cls": DenseOutput;');
  const file = join(folder, "detector.mjs");
  writeFileSync(file, js);
  const { create } = (await import(pathToFileURL(file).href)) as { create(options: CreateOptions): Promise<AnyNetwork> };
  const cases = [[120, 90], [60], [0, 0, 40]].map((counts, i) => {
    const inputs = voxels(20 + i, counts);
    return { inputs, batch: counts.length, wanted: wantedOf(net, inputs, counts.length) };
  });
  for (const options of [{ device: modules.device }, { target: "wasm", threads: 1 }] as const) {
    const network = await create({ weights: net.weights, ...options });
    for (const { inputs, batch, wanted } of cases) expectSame(await network.run(inputs, { batch }), wanted, `${network.target}, ${batch} items`, 1e-4);
    // Without `batch` there are as many items as rows name.
    const [first] = cases;
    expectSame(await network.run(first!.inputs), first!.wanted, network.target, 1e-4);
    network.dispose();
  }
}, 240_000);
