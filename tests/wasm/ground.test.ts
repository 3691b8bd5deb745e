import { describe, it } from "vitest";
import { cpuTarget } from "../support/cpu-target.ts";
import { expectSame, STANDARD, wantedOf } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import { groundSuite } from "../suites/ground.ts";

groundSuite(cpuTarget, 24, [0, 1, 65, 200]);

describe("pruned sites", () => {
  it("hold the ground from then on", async () => {
    const net = netFromText(`spnet 1
export net T {
  sites S : (y, x) ground=[0.5, -1]
  input a : feat[S, 2]
  let kept = a |> prune(a |> linear(1, bias=true, w="m"))
  output y = kept |> subm(3, k=3, bias=true, w="p") |> relu |> conv(2, k=3, s=2, p=1, sites=reach, w="q")
}
`);
    const target = await cpuTarget();
    const network = await target.open(fuse(net.module, STANDARD), { weights: net.weights });
    const inputs = { a: cloud(3, 90, 2, [12, 12], 2) };
    expectSame(await network.run(inputs, { batch: 2 }), wantedOf(net, inputs, 2));
    network.dispose();
    target.close();
  });
});
