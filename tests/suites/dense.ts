import { describe, it } from "vitest";
import type { Module, ValueId } from "../../src/ir/module.ts";
import { expectRun, expectSame, randomInputs, wantedOf } from "../support/differential.ts";
import { NetBuilder } from "../support/fixture-modules.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromModule, netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";

const EXTENTS = [5, 11, 9];

/** A volume folded into an image, and what follows. */
const operations: Readonly<Record<string, (d: number) => string>> = {
  "3×3": (d) => `i |> conv2d(${d}, k=3, p=1, bias=true, w="w")`,
  "3×3 without padding": (d) => `i |> conv2d(${d}, k=3, w="w") |> relu`,
  "3×3, stride 2": (d) => `i |> conv2d(${d}, k=3, s=2, p=1, w="w")`,
  "2×2, padded all round": (d) => `i |> conv2d(${d}, k=2, p=1, bias=true, w="w")`,
  "1×1": (d) => `i |> conv2d(${d}, k=1, bias=true, w="w") |> sigmoid`,
  "1×1 in a frame of nothing": (d) => `i |> conv2d(${d}, k=1, p=1, bias=true, w="w")`,
  "asymmetric and dilated": (d) => `i |> conv2d(${d}, k=[3, 2], s=[1, 2], p=[2, 0], d=[2, 1], w="w")`,
  "depthwise": (d) => `i |> conv2d(${d}, k=1, w="v") |> conv2d(${d}, k=3, p=1, groups=${d}, w="w")`,
  "transposed, as large as its stride": (d) => `i |> deconv2d(${d}, k=2, s=2, w="w")`,
  "transposed, overlapping": (d) => `i |> deconv2d(${d}, k=3, s=2, p=1, output_padding=1, bias=true, w="w")`,
  "transposed, depthwise": (d) => `i |> conv2d(${d}, k=1, w="v") |> deconv2d(${2 * d}, k=4, s=2, p=1, groups=${d}, bias=true, w="w")`,
  "transposed with gaps": (d) => `i |> deconv2d(${d}, k=1, s=3, bias=true, w="w")`,
  "norm, addition, gate": (d) => `(i |> conv2d(${d}, k=3, p=1, w="w") |> bn(w="n") |> relu) * (i |> conv2d(${d}, k=1, w="g")) + (i |> conv2d(${d}, k=1, w="r"))`,
  "joined with what a scatter fills": (d) => `cat(i, i |> conv2d(${d}, k=3, p=1, w="w"), i) |> conv2d(3, k=1, w="v")`,
  "channels last": (d) => `i |> conv2d(${d}, k=3, p=1, w="w") |> to_dense(layout=channels_last)`,
  "global maximum": (d) => `i |> conv2d(${d}, k=3, p=1, w="w") |> global_max_pool |> linear(3, w="v")`,
  "largest, overlapping": (d) => `i |> conv2d(${d}, k=1, bias=true, w="v") |> max_pool(k=3, s=2, p=1)`,
  "largest, asymmetric and dilated": () => `i |> max_pool(k=[3, 2], s=[1, 2], p=[1, 0], d=[2, 1]) |> relu`,
  "averages by volume and by cells": (d) => `cat(i |> avg_pool(k=3, p=1), i |> avg_pool(k=3, p=1, divisor=count)) |> conv2d(${d}, k=1, w="v")`,
  "sums under a cross": () => `i |> sum_pool(k=3, s=2, p=1, shape=cross)`,
  "cells repeated": (d) => `(i |> conv2d(${d}, k=2, s=[1, 2], w="w") |> upsample([1, 2])) |> conv2d(3, k=1, bias=true, w="v")`,
  "interpolated by edges": (d) => `i |> conv2d(${d}, k=3, s=2, w="w") |> upsample([2, 3], mode=bilinear) |> relu`,
  "interpolated by corners": (d) => `cat(i |> upsample([1, 2], mode=linear, align_corners=true), i |> upsample([1, 2])) |> conv2d(${d}, k=1, w="w")`,
  "windows that stick out": (d) => `cat(i |> max_pool(k=2, s=2, ceil=true), i |> avg_pool(k=4, s=2, p=1, ceil=true), i |> avg_pool(k=2, s=2, divisor=count, ceil=true)) |> conv2d(${d}, k=1, w="w")`,
  "squeezed and excited": (d) => `i |> conv2d(${d}, k=3, p=1, w="w") |> gated`,
  "norms by the cells": (d) => `i |> conv2d(${2 * d}, k=3, w="w") |> group_norm(2, w="n") |> instance_norm(affine=false)`,
  "norms of each cell": (d) => `i |> conv2d(${d}, k=3, w="w") |> layer_norm(w="n") |> prelu(per=channel, w="p")`,
  "rows as they are": () => `i |> relu`,
};

/** Volumes and lines, as inputs. */
const others: Readonly<Record<string, (d: number) => string>> = {
  "3×3×3": (d) => `v |> conv3d(${d}, k=3, p=1, bias=true, w="w") |> relu |> conv3d(2, k=3, s=2, w="u")`,
  "3×3×3, transposed and joined": (d) => `cat(v, v |> conv3d(${d}, k=2, s=2, w="w") |> bn(w="n") |> deconv3d(${d}, k=2, s=2, w="u")) |> conv3d(3, k=1, w="h")`,
  "asymmetric": (d) => `v |> conv3d(${d}, k=[1, 3, 2], s=[2, 1, 1], p=[0, 1, 0], d=[1, 1, 2], w="w")`,
  "depthwise volume": (d) => `v |> conv3d(${d}, k=1, w="u") |> conv3d(${d}, k=3, p=1, groups=${d}, w="w")`,
  "interpolated volume": (d) => `v |> conv3d(${d}, k=2, s=2, w="w") |> upsample(2, mode=trilinear)`,
  "line": (d) => `l |> conv1d(${d}, k=5, s=2, p=2, bias=true, w="w") |> relu |> deconv1d(3, k=4, s=2, p=1, w="u")`,
};

const volumeText = (c: number, body: string): string => `spnet 1\nexport net T {\n  input v : dense[${c}, 4, 6, 8]\n  input l : dense[${c}, 37]\n  output y = ${body}\n}\n`;

const textOf = (c: number, body: string): string => `spnet 1
block gated(x: dense) { return x |> broadcast(x |> global_avg_pool |> sigmoid, by=product) }
export net T {
  dialect spconv
  sites S : (z: ${EXTENTS[0]}, y: ${EXTENTS[1]}, x: ${EXTENTS[2]})
  input a : feat[S, ${c}]
  let i = a |> conv(${c}, k=3, s=[2, 1, 1], p=1, w="first") |> to_dense(fold="z")
  output y = ${body}
}
`;

/** What the IR allows on a full grid beyond the language: sets that derive from it, a union of some cells and all. */
function derived(): Module {
  const net = new NetBuilder(2, 3, [11, 9]);
  const weight = (name: string, k: number, cout: number): ValueId => net.param(name, [k, k, 3, cout]);
  const [unit, two] = [[1, 1], [2, 2]];
  const grid = net.op("to_grid", [net.x]);
  const near = net.op("subm", [grid, weight("a", 3, 3)], { kernel: [3, 3], padding: unit, dilation: unit });
  const reached = net.op("conv", [near, weight("b", 3, 4)], { kernel: [3, 3], stride: two, padding: unit, dilation: unit, sites: "reach" });
  const further = net.op("pool", [reached], { mode: "max", kernel: two, stride: two, padding: [0, 0], dilation: unit, sites: "floor", divisor: "count" });
  const back = net.op("up", [reached, net.param("c", [3, 3, 4, 3])], { kernel: [3, 3], stride: two, padding: unit, dilation: unit, onto: "grid.11x9" });
  const joined = net.op("union", [net.x, back], { by: "sum" });
  return net.finish({ further, joined, whole: net.op("global_pool", [joined], { mode: "avg" }) });
}

/** Dense layers against the interpreter, from C channels at each of three heights to D: no site, one, few, many; one item, or three with one empty. */
export function denseSuite(open: OpenTarget, channels: readonly (readonly [c: number, d: number])[], rows: readonly number[], chosen = [pipelines[0]!, pipelines[2]!]): void {
  const target = useTarget(open);

  it.each(chosen)("sets that derive from a full grid: %s", async (_name, pipeline) => {
    const net = netFromModule(derived(), 2);
    const network = await target().open(fuse(net.module, pipeline), { weights: net.weights });
    for (const n of rows) {
      const x = cloud(7 + n, n, 2, [11, 9], 3);
      await target().working(async () => expectSame(await network.run({ x }, { batch: 2 }), wantedOf(net, { x }, 2), `${n} rows`));
    }
    network.dispose();
  });

  describe.each(Object.entries(others))("%s", (_, body) => {
    it.each(chosen)("%s", async (_name, pipeline) => {
      for (const [c, d] of channels) {
        const net = netFromText(volumeText(c, body(d)));
        const network = await target().open(fuse(net.module, pipeline), { weights: net.weights });
        for (const batch of [1, 3]) {
          const inputs = randomInputs(net.module, batch, 0, batch);
          await target().working(async () => expectRun(network, inputs, batch, wantedOf(net, inputs, batch), `${c} channels to ${d}, ${batch} items`));
        }
        network.dispose();
      }
    });
  });

  describe.each(Object.entries(operations))("%s", (_, body) => {
    describe.each(channels)("%d channels to %d", (c, d) => {
      it.each(chosen)("%s", async (_name, pipeline) => {
        const net = netFromText(textOf(c, body(d)));
        const network = await target().open(fuse(net.module, pipeline), { weights: net.weights });
        await target().working(async () => {
          for (const n of rows) {
            for (const batch of [1, 3]) {
              const made = cloud(100 + n, n, 1, EXTENTS, c);
              // Of three items the one in the middle is empty.
              const a = { ...made, coords: made.coords.map((v, at) => (at % 4 === 0 && batch === 3 ? 2 * ((at / 4) % 2) : v)) };
              expectSame(await network.run({ a }, { batch }), wantedOf(net, { a }, batch), `${n} rows, ${batch} items`);
            }
          }
        });
        network.dispose();
      });
    });
  });
}
