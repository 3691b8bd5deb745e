import { describe, expect, it } from "vitest";
import { relativeError } from "../../support/compare.ts";
import { gpuTarget } from "../../support/gpu-target.ts";
import { dataOf } from "../../support/network-runs.ts";
import { fuse, pipelines } from "../../support/plan-runs.ts";
import { cloud, netFromText, reference } from "../../support/source-net.ts";
import { openNet, useTarget } from "../../support/target.ts";
import { checkOperation, EXTENTS, operationsSuite, operationText } from "../../suites/operations.ts";

const CHANNELS = [[1, 3], [3, 1], [5, 16], [16, 17], [17, 5], [130, 16]] as const;
/** No sites, one, a full block and more. */
const ROWS = [0, 1, 32, 95];

operationsSuite(gpuTarget, CHANNELS, ROWS);

describe("pairs on chip", () => {
  const target = useTarget(gpuTarget);
  const shapes: readonly (readonly [c: number, m: number, d: number])[] = [[1, 3, 5], [3, 1, 16], [4, 16, 16], [5, 17, 3], [17, 5, 17], [130, 16, 17]];
  it.each(shapes)("%d → %d → %d channels", async (c, m, d) => {
    const body = `a |> subm(${m}, k=3, w="v") |> bn(w="n") |> relu |> subm(${d}, k=3, w="w") |> relu`;
    await checkOperation(target(), operationText(c, body), ROWS, (module) => {
      const fused = fuse(module, pipelines[3]![1]);
      expect(fused.ops.filter((op) => op.name === "fused.pair")).toHaveLength(1);
      return fused;
    });
  });

  it("with another user of the rows between, a residual and a dense set that needs many parts", async () => {
    const text = `spnet 1
export net T {
  dialect spconv
  sites S : (y: 20, x: 24)
  input a : feat[S, 8]
  let m = a |> subm(8, k=5, w="v") |> relu
  let n = m |> subm(8, k=5, w="w")
  output sum = relu(n + a)
  output between = m
}
`;
    const net = netFromText(text);
    const fused = fuse(net.module, pipelines[3]![1]);
    expect(fused.ops.filter((op) => op.name === "fused.pair")).toHaveLength(1);
    const network = await target().open(fused, { weights: net.weights });
    for (const rows of [1, 40, 20 * 24]) {
      const scene = cloud(7 + rows, rows, 1, EXTENTS, 8);
      const outputs = await network.run({ a: scene });
      for (const [name, wanted] of reference(net, { a: scene }, 1)) expect(relativeError(dataOf(outputs[name]!), wanted), `${name}, ${rows} rows`).toBeLessThanOrEqual(1e-5);
    }
    network.dispose();
  });

  it("gives the same bits, where no channels are taken in parts, as the two kernels it replaces", async () => {
    const net = netFromText(operationText(4, `a |> subm(12, k=3, w="v") |> relu |> subm(12, k=3, w="w")`));
    const scene = cloud(5, 200, 1, EXTENTS, 4);
    const bits: string[] = [];
    for (const index of [1, 3]) {
      const network = await openNet(target(), net, pipelines[index]![1]);
      const data = dataOf((await network.run({ a: scene }))["y"]!);
      bits.push(Buffer.from(data.buffer).toString("base64"));
      network.dispose();
    }
    expect(bits[1]).toBe(bits[0]);
  });
});
