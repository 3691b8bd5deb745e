import { afterAll, beforeAll, expect, it } from "vitest";
import { openGpu, type TestGpu } from "../../support/gpu.ts";
import { cloud, netFromText } from "../../support/source-net.ts";
import { deviceNetwork, expectRun, wantedOf } from "./support.ts";

let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

it("2048 channels into 2048: 432 MiB of weights, in slices that each fit a binding of 128 MiB", async () => {
  const net = netFromText(`spnet 1
net Wide {
  sites S : (z: 4, y: 4, x: 4)
  input x : feat[S, 2048]
  let y = x |> subm(2048, k=3, bias=true, w="a") |> bn(w="n")
  output z = relu(y + x)
}
`);
  const inputs = { x: cloud(5, 9, 1, [4, 4, 4], 2048) };
  const wanted = wantedOf(net, inputs, 1);
  const network = await deviceNetwork(gpu, net);
  expect(network.plan.blocks.length).toBe(4);
  expect(network.plan.steps.length).toBe(4);
  await expectRun(network, inputs, 1, wanted);
  network.dispose();
}, 240_000);
