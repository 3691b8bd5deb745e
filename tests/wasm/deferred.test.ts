import { describe, expect, it } from "vitest";
import { parsePipeline } from "../../src/passes/pipeline.ts";
import { presets } from "../../src/passes/presets.ts";
import { cpuNetworkOf } from "../support/cpu-networks.ts";
import { expectSame, wantedOf, type Outputs } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import type { DenseOutput } from "../../src/runtime/index.ts";

const EXTENTS = [5, 9, 7];
const pipelineOf = (text: string) => parsePipeline(text).pipeline!;
const AT_ONCE = pipelineOf(presets.O2.replace("defer-dense,", ""));
const DEFERRED = pipelineOf(presets.O2);

/** Dense outputs of kernels, of parts of rows, of an input and of a full grid; folded and not, channels first and last. */
const net = netFromText(`spnet 1
export net T {
  sites S : (z: ${EXTENTS[0]}, y: ${EXTENTS[1]}, x: ${EXTENTS[2]})
  input a : feat[S, 19]
  let b = a |> subm(21, k=3, w="b") |> relu
  let low = b |> conv(6, k=3, s=2, p=1, sites=reach, w="l")
  let both = cat(b, a)
  output plain = b |> to_dense
  output rows = b
  output of_z = low |> to_dense(fold="z")
  output of_x = low |> relu |> to_dense(fold="x")
  output last = both |> to_dense(layout=channels_last)
  output joined = both |> to_dense(fold="y")
  output given = a |> to_dense
  output none = low |> prune(low |> linear(1, w="p"), above=1000) |> to_dense(fold="z")
  output head = low |> to_dense(fold="z") |> conv2d(17, k=3, p=1, w="h") |> relu
}
`);

const bytes = (outputs: Outputs): readonly (readonly number[])[] => Object.values(outputs).map((o) => [...new Uint32Array(("features" in o ? o.features : o.data).slice().buffer)]);

describe("dense outputs made of their rows", () => {
  it.each(pipelines)("under %s: what the interpreter says, of any number of rows", async (_, pipeline) => {
    const network = await cpuNetworkOf(fuse(net.module, pipeline), { weights: net.weights });
    for (const [rows, batch] of [[0, 2], [1, 1], [64, 3], [130, 2]] as const) {
      const a = cloud(rows + batch, rows, batch, EXTENTS, 19);
      expectSame(await network.run({ a }, { batch }), wantedOf(net, { a }, batch), `${rows} rows`);
    }
    network.dispose();
  });

  it("have the bits of those made at once, in new arrays and in given ones whatever is in them, and are in no memory of the network's", async () => {
    const [once, deferred] = await Promise.all([AT_ONCE, DEFERRED].map((p) => cpuNetworkOf(fuse(net.module, p), { weights: net.weights })));
    const a = cloud(3, 140, 2, EXTENTS, 19);
    const wanted = await once!.run({ a }, { batch: 2 });
    const first = await deferred!.run({ a }, { batch: 2 });
    expect(bytes(first)).toEqual(bytes(wanted));
    const into = Object.fromEntries(Object.entries(first).map(([name, o]) => [name, new Float32Array(("features" in o ? o.features : o.data).length + 5).fill(Number.NaN)]));
    const again = await deferred!.run({ a }, { batch: 2, into });
    expect(bytes(again)).toEqual(bytes(wanted));
    const { data } = again["last"] as DenseOutput;
    expect(data.buffer).toBe(into["last"]!.buffer);
    expect([...into["last"]!.subarray(data.length)].every(Number.isNaN)).toBe(true);
    const planned = await Promise.all([once!, deferred!].map(async (n) => {
      const scene = await n.prepare({ a: a.coords }, { batch: 2 });
      scene.dispose();
      return scene.report.memory.planned;
    }));
    expect(planned[1]).toBeLessThan(planned[0]! / 2);
    once!.dispose();
    deferred!.dispose();
  });

  it("SP0625: an array that is too short", async () => {
    const network = await cpuNetworkOf(fuse(net.module, DEFERRED), { weights: net.weights });
    const a = cloud(3, 10, 1, EXTENTS, 19);
    await expect(network.run({ a }, { into: { plain: new Float32Array(8) } })).rejects.toMatchObject({ code: "SP0625" });
    network.dispose();
  });
});
