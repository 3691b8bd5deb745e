import { expect, it } from "vitest";
import { STANDARD } from "../../support/differential.ts";
import { openGpu } from "../../support/gpu.ts";
import { gpuTarget } from "../../support/gpu-target.ts";
import { networkOf } from "../../support/network-runs.ts";
import { fuse, pipelines } from "../../support/plan-runs.ts";
import { netFromText } from "../../support/source-net.ts";
import { denseInputsSuite } from "../../suites/dense-inputs.ts";

denseInputsSuite(gpuTarget, [pipelines[0]!, pipelines[2]!], [[1, 1], [2, 3], [3, 4]]);

it("takes the cells of a dense input from a buffer of the device, their channels side by side", async () => {
  const gpu = await openGpu();
  const net = netFromText("spnet 1\nnet N {\n  input img : dense[2, 3, 5]\n  output y = img |> conv2d(4, k=3, p=1, bias=true) |> relu\n}\n");
  const network = await networkOf(fuse(net.module, STANDARD), { device: gpu.device, weights: net.weights });
  const data = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i));
  const wanted = await network.run({ img: { shape: [2, 3, 5, 2], data, layout: "channels_last" } });
  const buffer = gpu.upload(data);
  expect(await network.run({ img: { buffer, rows: 30 } })).toEqual(wanted);
  await expect(network.run({ img: { buffer, rows: 31 } })).rejects.toMatchObject({ code: "SP0872" });
  await expect(network.run({ img: { buffer, rows: 30 } }, { batch: 1 })).rejects.toMatchObject({ code: "SP0872" });
  buffer.destroy();
  network.dispose();
  gpu.close();
});
