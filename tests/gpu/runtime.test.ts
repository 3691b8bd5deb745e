import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DenseOutput, FeatOutput, Plan } from "../../src/runtime/index.ts";
import { relativeError } from "../support/compare.ts";
import { openGpu, USAGE, type TestGpu } from "../support/gpu.ts";
import { dataOf, networkOf, type AnyNetwork } from "../support/network-runs.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText, reference, type SourceNet } from "../support/source-net.ts";

const TEXT = `spnet 1
export net Small {
  dialect spconv
  sites S : (z: 9, y: 17, x: 21)
  input a : feat[S, 3]
  let x = a |> subm(8, k=3, w="c0") |> bn(w="b0") |> relu
  let y = x |> conv(12, k=3, s=2, p=1, w="c1") |> relu |> subm(12, k=3, w="c2")
  let z = y |> up(8, w="c3")
  output fine = z + x
  output coarse = y
  output bev = y |> to_dense(fold="z")
  output score = y |> global_avg_pool |> linear(5, bias=true, w="fc")
}
`;

let gpu: TestGpu;
let net: SourceNet;
const opened: AnyNetwork[] = [];
const make = async (options: Partial<Parameters<typeof networkOf>[1]> = {}): Promise<AnyNetwork> => {
  const network = await networkOf(fuse(net.module, pipelines[2]![1]), { device: gpu.device, weights: net.weights, ...options });
  opened.push(network);
  return network;
};
beforeAll(async () => {
  gpu = await openGpu();
  net = netFromText(TEXT);
});
afterAll(() => {
  for (const n of opened) n.dispose();
  gpu.close();
});

const scene = cloud(3, 300, 2, [9, 17, 21], 3);

function expectEqual(outputs: Readonly<Record<string, FeatOutput | DenseOutput>>, given = scene, batch = 2): void {
  for (const [name, wanted] of reference(net, { a: given }, batch)) expect(relativeError(dataOf(outputs[name]!), wanted), name).toBeLessThanOrEqual(1e-5);
}

describe("prepare and run", () => {
  it("take one submit and one readback each, and dispatch on the device", async () => {
    const network = await make();
    const at = { ...gpu.counts };
    const kept = await network.prepare({ a: scene.coords });
    expect([gpu.counts.submits - at.submits, gpu.counts.readbacks - at.readbacks]).toEqual([1, 1]);
    expect(gpu.counts.dispatches).toBeGreaterThan(at.dispatches);
    await kept.run({ a: scene.features });
    const before = { ...gpu.counts };
    const outputs = await kept.run({ a: scene.features });
    expect([gpu.counts.submits - before.submits, gpu.counts.readbacks - before.readbacks]).toEqual([1, 1]);
    expect(gpu.counts.dispatches - before.dispatches).toBe(network.plan.steps.length);
    expectEqual(outputs);
  });

  it("run with coordinates and features is one submit and one readback once its room is known", async () => {
    const network = await make();
    const inputs = { a: scene };
    expectEqual(await network.run(inputs));
    const before = { ...gpu.counts };
    expectEqual(await network.run(inputs));
    expect([gpu.counts.submits - before.submits, gpu.counts.readbacks - before.readbacks]).toEqual([1, 1]);
  });

  it("grow and repeat when a scene outgrows its room", async () => {
    const network = await make();
    const small = cloud(4, 5, 1, [9, 17, 21], 3);
    expectEqual(await network.run({ a: small }), small, 1);
    expectEqual(await network.run({ a: scene }));
    const kept = await network.prepare({ a: scene.coords });
    expectEqual(await kept.run({ a: scene.features }));
  });

  it("work on no sites at all, on one, and on a full block", async () => {
    const network = await make();
    for (const rows of [0, 1, 31, 32, 33]) {
      const given = cloud(5 + rows, rows, 1, [9, 17, 21], 3);
      expectEqual(await network.run({ a: given }, { batch: 1 }), given, 1);
    }
    const all = cloud(9, 9 * 17 * 21, 1, [9, 17, 21], 3);
    expectEqual(await network.run({ a: all }), all, 1);
  });

  it("report the sites and pairs that the device counted", async () => {
    const network = await make();
    const kept = await network.prepare({ a: scene.coords });
    const outputs = await kept.run({ a: scene.features });
    expect(kept.report.sites[0]).toEqual({ id: "S", rows: 300 });
    expect(kept.report.sites.find((s) => s.id === "S/2")!.rows).toBe((outputs["coarse"] as FeatOutput).rows);
    expect(kept.report.rulebooks.every((r) => r.pairs > 0)).toBe(true);
  });
});

describe("determinism", () => {
  const bits = (f: Float32Array): string => Buffer.from(f.buffer, f.byteOffset, f.byteLength).toString("base64");

  it("gives the same bits run after run and in one submit or two", async () => {
    const network = await make();
    const kept = await network.prepare({ a: scene.coords });
    const first = await kept.run({ a: scene.features });
    for (const other of [await kept.run({ a: scene.features }), await network.run({ a: scene })]) {
      for (const name of Object.keys(first)) expect(bits(dataOf(other[name]!)), name).toBe(bits(dataOf(first[name]!)));
    }
  });

  it("gives each site the same bits whatever the order of the rows", async () => {
    const network = await make();
    const first = await network.run({ a: scene });
    const order = Array.from({ length: 300 }, (_, i) => (i * 77 + 13) % 300);
    const coords = Int32Array.from(order.flatMap((r) => [...scene.coords.subarray(r * 4, r * 4 + 4)]));
    const features = Float32Array.from(order.flatMap((r) => [...scene.features.subarray(r * 3, r * 3 + 3)]));
    const other = await network.run({ a: { coords, features } });
    for (const name of ["coarse", "bev", "score"]) expect(bits(dataOf(other[name]!)), name).toBe(bits(dataOf(first[name]!)));
    const fine = dataOf(first["fine"]!);
    expect(bits(dataOf(other["fine"]!))).toBe(bits(Float32Array.from(order.flatMap((r) => [...fine.subarray(r * 8, r * 8 + 8)]))));
  });
});

describe("buffers of the caller", () => {
  it("go in and come out without a readback of features", async () => {
    const network = await make();
    const upload = (data: Int32Array | Float32Array): GPUBuffer => {
      const buffer = gpu.device.createBuffer({ size: data.byteLength, usage: USAGE.COPY_SRC | USAGE.COPY_DST });
      gpu.device.queue.writeBuffer(buffer, 0, data.slice());
      return buffer;
    };
    const kept = await network.prepare({ a: { buffer: upload(scene.coords), rows: 300 } }, { batch: 2 });
    const before = { ...gpu.counts };
    const outputs = await kept.run({ a: { buffer: upload(scene.features), rows: 300 } }, { output: "gpu" });
    expect(gpu.counts.readbacks - before.readbacks).toBe(0);
    const wanted = reference(net, { a: scene }, 2);
    const coarse = outputs["coarse"] as FeatOutput;
    const got = await gpu.read(coarse.buffer!, new Float32Array(coarse.rows * coarse.channels));
    expect(relativeError(got, wanted.get("coarse")!)).toBeLessThanOrEqual(1e-5);
    const bev = outputs["bev"] as DenseOutput;
    expect(relativeError(await gpu.read(bev.buffer!, new Float32Array(wanted.get("bev")!.length)), wanted.get("bev")!)).toBeLessThanOrEqual(1e-5);
  });

  it("come out under names that every object has already", async () => {
    const odd = netFromText("spnet 1\nnet Odd {\n  sites S : (x)\n  input __proto__ : feat[S, 1]\n  output toString = __proto__ |> relu\n  output __proto__ = __proto__ |> global_sum_pool\n}\n");
    const network = await networkOf(fuse(odd.module, pipelines[2]![1]), { device: gpu.device, weights: odd.weights });
    opened.push(network);
    const outputs = await network.run(Object.fromEntries([["__proto__", cloud(8, 20, 2, [40], 1)]]), { output: "gpu" });
    expect(Object.keys(outputs).sort()).toEqual(["__proto__", "toString"]);
  });

  it("a device of the caller's survives dispose()", async () => {
    const network = await make();
    network.dispose();
    const again = await make();
    expectEqual(await again.run({ a: scene }));
    await expect(network.run({ a: scene })).rejects.toMatchObject({ code: "SP0621" });
  });
});

describe("trouble", () => {
  it("coordinates that only the device sees are checked there", async () => {
    const network = await make();
    const bad = (row: readonly number[]): { buffer: GPUBuffer; rows: number } => {
      const buffer = gpu.device.createBuffer({ size: 16, usage: USAGE.COPY_SRC | USAGE.COPY_DST });
      gpu.device.queue.writeBuffer(buffer, 0, Int32Array.from(row));
      return { buffer, rows: 1 };
    };
    await expect(network.prepare({ a: bad([0, 9, 0, 0]) }, { batch: 1 })).rejects.toMatchObject({ code: "SP0813" });
    await expect(network.prepare({ a: bad([1, 0, 0, 0]) }, { batch: 1 })).rejects.toMatchObject({ code: "SP0812" });
  });

  it("progress is told for every pipeline", async () => {
    const seen: number[] = [];
    const network = await make({ onProgress: (p) => p.phase === "compile" && seen.push(p.done) });
    expect(seen).toEqual((network.plan as Plan).kernels.map((_, i) => i + 1));
  });
});
