import { expect, it } from "vitest";
import { cloud, netFromText } from "../support/source-net.ts";
import { expectRun, wantedOf } from "../support/differential.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

/** The widest layer that is sensible, with a kernel along three axes, in as many slices as its parameters need blocks. */
export function wideSuite(open: OpenTarget, kernel: readonly number[], blocks: number): void {
  const target = useTarget(open);

  it(`2048 channels into 2048, kernel ${kernel.join(" ")}`, async () => {
    const net = netFromText(`spnet 1
net Wide {
  sites S : (z: 4, y: 4, x: 4)
  input x : feat[S, 2048]
  let y = x |> subm(2048, k=[${kernel.join(", ")}], bias=true, w="a") |> bn(w="n")
  output z = relu(y + x)
}
`);
    const inputs = { x: cloud(5, 9, 1, [4, 4, 4], 2048) };
    const wanted = wantedOf(net, inputs, 1);
    const network = await openNet(target(), net);
    expect(network.plan.blocks.length).toBe(blocks);
    expect(network.plan.steps.length).toBe(blocks);
    await expectRun(network, inputs, 1, wanted);
    network.dispose();
  }, 240_000);
}
