import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Module } from "../../../src/ir/module.ts";
import { relativeError } from "../../support/compare.ts";
import { openGpu, type TestGpu } from "../../support/gpu.ts";
import { dataOf, networkOf } from "../../support/network-runs.ts";
import { fuse, pipelines } from "../../support/plan-runs.ts";
import { cloud, netFromText, reference } from "../../support/source-net.ts";

/** Every kind of kernel against the interpreter on the same input, one operation at a time, from C channels to D. */
let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const EXTENTS = [20, 24];
const CHANNELS: readonly (readonly [c: number, d: number])[] = [[1, 3], [3, 1], [5, 16], [16, 17], [17, 5], [130, 16]];

const operations: Readonly<Record<string, (d: number) => string>> = {
  "submanifold 3×3": (d) => `a |> subm(${d}, k=3, bias=true, w="w")`,
  "submanifold 1×3, dilated": (d) => `a |> subm(${d}, k=[1, 3], d=2, w="w") |> relu`,
  "strided 3×3": (d) => `a |> conv(${d}, k=3, s=2, p=1, w="w")`,
  "strided even kernel": (d) => `a |> conv(${d}, k=4, s=2, p=1, w="w")`,
  "strided, asymmetric": (d) => `a |> conv(${d}, k=[3, 2], s=[2, 1], p=[1, 0], w="w")`,
  "strided and dilated": (d) => `a |> conv(${d}, k=3, s=2, p=2, d=2, w="w")`,
  "inverse": (d) => `a |> conv(4, k=3, s=2, p=1, w="v") |> up(${d}, w="w")`,
  "linear": (d) => `a |> linear(${d}, bias=true, w="w") |> sigmoid`,
  "pointwise": () => `a |> bn(w="w") |> leaky_relu(slope=0.2)`,
  "max pool": () => `a |> max_pool(k=3, s=2, p=1)`,
  "average pool": () => `a |> avg_pool(k=2, s=2)`,
  "average pool by volume": () => `a |> avg_pool(k=3, s=2, p=1, divisor=volume)`,
  "sum pool": () => `a |> sum_pool(k=3, s=1, p=1, sites=same)`,
  "global average of the input": () => `a |> global_avg_pool`,
  "global maximum of derived sites": () => `a |> max_pool(k=2, s=2) |> global_max_pool`,
  "global sum, then linear": (d) => `a |> global_sum_pool |> linear(${d}, w="w")`,
  "dense": () => `a |> to_dense`,
};

const textOf = (c: number, body: string): string => `spnet 1\nexport net T {\n  dialect spconv\n  sites S : (y: ${EXTENTS[0]}, x: ${EXTENTS[1]})\n  input a : feat[S, ${c}]\n  output y = ${body}\n}\n`;

/** The net on no sites, one, a full block and more, in three batch items. */
async function check(text: string, choose: (module: Module) => Module): Promise<void> {
  const net = netFromText(text);
  const channels = Number(net.module.ops.find((op) => op.name === "input")!.attrs["channels"]);
  const network = await networkOf(choose(net.module), { device: gpu.device, weights: net.weights });
  const before = gpu.counts.dispatches;
  for (const rows of [0, 1, 32, 95]) {
    const scene = cloud(100 + rows, rows, 3, EXTENTS, channels);
    const outputs = await network.run({ a: scene }, { batch: 3 });
    const wanted = reference(net, { a: scene }, 3).get("y")!;
    expect(relativeError(dataOf(outputs["y"]!), wanted), `${rows} rows`).toBeLessThanOrEqual(1e-5);
  }
  expect(gpu.counts.dispatches).toBeGreaterThan(before);
  network.dispose();
}

describe.each(Object.entries(operations))("%s", (_, body) => {
  it.each(CHANNELS)("%d channels to %d", async (c, d) => check(textOf(c, body(d)), (m) => fuse(m, pipelines[0]![1])));
});

describe("pairs on chip", () => {
  const shapes: readonly (readonly [c: number, m: number, d: number])[] = [[1, 3, 5], [3, 1, 16], [4, 16, 16], [5, 17, 3], [17, 5, 17], [130, 16, 17]];
  it.each(shapes)("%d → %d → %d channels", async (c, m, d) => {
    const body = `a |> subm(${m}, k=3, w="v") |> bn(w="n") |> relu |> subm(${d}, k=3, w="w") |> relu`;
    await check(textOf(c, body), (module) => {
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
    const network = await networkOf(fused, { device: gpu.device, weights: net.weights });
    for (const rows of [1, 40, 20 * 24]) {
      const scene = cloud(7 + rows, rows, 1, EXTENTS, 8);
      const outputs = await network.run({ a: scene });
      for (const [name, wanted] of reference(net, { a: scene }, 1)) expect(relativeError(dataOf(outputs[name]!), wanted), `${name}, ${rows} rows`).toBeLessThanOrEqual(1e-5);
    }
    network.dispose();
  });

  it("gives the same bits as the two kernels it replaces", async () => {
    const net = netFromText(textOf(4, `a |> subm(16, k=3, w="v") |> relu |> subm(16, k=3, w="w")`));
    const scene = cloud(5, 200, 1, EXTENTS, 4);
    const bits: string[] = [];
    for (const index of [1, 3]) {
      const network = await networkOf(fuse(net.module, pipelines[index]![1]), { device: gpu.device, weights: net.weights });
      const data = dataOf((await network.run({ a: scene }))["y"]!);
      bits.push(Buffer.from(data.buffer).toString("base64"));
      network.dispose();
    }
    expect(bits[1]).toBe(bits[0]);
  });
});
