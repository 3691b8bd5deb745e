import { describe, it } from "vitest";
import type { Module } from "../../src/ir/module.ts";
import { expectSame, wantedOf } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget, type TestTarget } from "../support/target.ts";

export const EXTENTS = [20, 24];

const operations: Readonly<Record<string, (d: number) => string>> = {
  "submanifold 3×3": (d) => `a |> subm(${d}, k=3, bias=true, w="w")`,
  "submanifold 1×3, dilated": (d) => `a |> subm(${d}, k=[1, 3], d=2, w="w") |> relu`,
  "strided 3×3": (d) => `a |> conv(${d}, k=3, s=2, p=1, w="w")`,
  "strided even kernel": (d) => `a |> conv(${d}, k=4, s=2, p=1, w="w")`,
  "strided, asymmetric": (d) => `a |> conv(${d}, k=[3, 2], s=[2, 1], p=[1, 0], w="w")`,
  "strided and dilated": (d) => `a |> conv(${d}, k=3, s=2, p=2, d=2, w="w")`,
  "inverse": (d) => `a |> conv(4, k=3, s=2, p=1, w="v") |> up(${d}, w="w")`,
  "sum on a union": (d) => `union(a |> linear(${d}, w="l"), a |> conv(${d}, k=[3, 1], s=1, p=[1, 0], w="g"), a |> linear(${d}, w="m")) |> relu`,
  "product on a union": (d) => `union(a |> conv(${d}, k=[1, 3], s=1, p=[0, 1], w="l"), a |> linear(${d}, w="g"), by=product) |> subm(${d}, k=3, w="w")`,
  "generating": (d) => `a |> conv(4, k=2, s=2, w="v") |> deconv(${d}, k=3, s=2, p=1, output_padding=1, bias=true, w="w")`,
  "generating, then down onto given sites": (d) => `a |> deconv(4, k=[2, 3], s=2, p=[0, 1], w="v") |> conv(${d}, k=3, s=2, p=1, onto=a, w="w")`,
  "up onto the sites of another value": (d) => `a |> conv(4, k=3, s=2, p=1, w="v") |> up(${d}, onto=a |> conv(4, k=3, s=1, p=1, w="u"), w="w")`,
  "linear": (d) => `a |> linear(${d}, bias=true, w="w") |> sigmoid`,
  "pointwise": () => `a |> bn(w="w") |> leaky_relu(slope=0.2)`,
  "clipped": (d) => `(a * a * a) |> linear(${d}, bias=true, w="w") |> relu6`,
  "max pool": () => `a |> max_pool(k=3, s=2, p=1)`,
  "average pool": () => `a |> avg_pool(k=2, s=2)`,
  "average pool by volume": () => `a |> avg_pool(k=3, s=2, p=1, divisor=volume)`,
  "sum pool": () => `a |> sum_pool(k=3, s=1, p=1, sites=same)`,
  "global average of the input": () => `a |> global_avg_pool`,
  "global maximum of derived sites": () => `a |> max_pool(k=2, s=2) |> global_max_pool`,
  "global sum, then linear": (d) => `a |> global_sum_pool |> linear(${d}, w="w")`,
  "softmax": (d) => `a |> linear(${d}, w="w") |> softmax`,
  "logarithm of softmax": (d) => `a |> linear(${d}, w="w") |> log_softmax`,
  "sum with the batch item's vector": () => `broadcast(a, a |> global_max_pool, by=sum)`,
  "squeeze and excitation": (d) => `broadcast(a, a |> global_avg_pool |> linear(${d}, bias=true, w="w") |> relu |> linear(channels(a), bias=true, w="v") |> sigmoid, by=product)`,
  "joined with the batch item's vector": (d) => `broadcast(a |> max_pool(k=2, s=2), a |> global_avg_pool |> linear(${d}, w="w"), by=cat)`,
  "copies of the batch item's vector": (d) => `broadcast(a |> conv(4, k=3, s=2, p=1, w="c"), a |> global_sum_pool |> linear(${d}, w="w"), by=copy)`,
  "batch norm without weights": () => `a |> bn(affine=false, w="n")`,
  "batch norm by the rows": (d) => `a |> conv(${d}, k=3, s=2, p=1, w="w") |> bn(stats=batch, w="n")`,
  "batch norm of the input's rows": () => `a |> bn(stats=batch, affine=false)`,
  "batch norm of vectors": (d) => `a |> global_avg_pool |> linear(${d}, w="w") |> bn(stats=batch, eps=0.1, w="n")`,
  "instance norm": () => `a |> instance_norm(eps=1e-3, w="n") |> relu`,
  "instance norm of derived rows": (d) => `a |> conv(${d}, k=3, s=2, p=1, w="w") |> instance_norm(affine=false, eps=1e-3)`,
  "group norm, one group": (d) => `a |> linear(${d}, w="w") |> group_norm(1, w="n")`,
  "group norm": (d) => `a |> conv(${2 * d}, k=3, s=2, p=1, w="w") |> group_norm(${d}, w="n")`,
  "group norm of halves": (d) => `a |> linear(${2 * d}, w="w") |> group_norm(2, w="n")`,
  "layer norm": (d) => `a |> linear(${d}, w="w") |> layer_norm(w="n") |> relu`,
  "layer norm of the input's rows": () => `a |> layer_norm(affine=false, eps=1e-3)`,
  "layer norm of derived rows, and a sum": (d) => `(a |> conv(${d}, k=3, s=2, p=1, w="w") |> layer_norm(w="n")) + (a |> conv(${d}, k=3, s=2, p=1, w="v"))`,
  "layer norm of vectors": (d) => `a |> global_avg_pool |> linear(${d}, w="w") |> layer_norm(w="n")`,
  "prelu, one weight": (d) => `a |> subm(${d}, k=3, w="w") |> prelu(w="p")`,
  "prelu of the input's rows": () => `a |> prelu(per=channel, w="p")`,
  "prelu of channels, joined": (d) => `cat(a |> linear(${d}, w="w"), a) |> prelu(per=channel, w="p") |> subm(${d}, k=3, w="v")`,
  "prelu of vectors": (d) => `a |> global_max_pool |> linear(${d}, w="w") |> prelu(per=channel, w="p")`,
  "dense": () => `a |> to_dense`,
  "dense, channels last": (d) => `a |> linear(${d}, w="w") |> to_dense(layout=channels_last)`,
};

/** A net of one input of `c` channels and the output `y`. */
export const operationText = (c: number, body: string): string => `spnet 1\nexport net T {\n  dialect spconv\n  sites S : (y: ${EXTENTS[0]}, x: ${EXTENTS[1]})\n  input a : feat[S, ${c}]\n  output y = ${body}\n}\n`;

/** The net on so many rows in three batch items, against the interpreter. */
export async function checkOperation(target: TestTarget, text: string, rows: readonly number[], choose: (module: Module) => Module): Promise<void> {
  const net = netFromText(text);
  const channels = Number(net.module.ops.find((op) => op.name === "input")!.attrs["channels"]);
  const network = await target.open(choose(net.module), { weights: net.weights });
  await target.working(async () => {
    for (const n of rows) {
      const scene = cloud(100 + n, n, 3, EXTENTS, channels);
      expectSame(await network.run({ a: scene }, { batch: 3 }), wantedOf(net, { a: scene }, 3), `${n} rows`);
    }
  });
  network.dispose();
}

/** Every kind of kernel against the interpreter on the same input, one operation at a time, from C channels to D. */
export function operationsSuite(open: OpenTarget, channels: readonly (readonly [c: number, d: number])[], rows: readonly number[]): void {
  const target = useTarget(open);

  describe.each(Object.entries(operations))("%s", (_, body) => {
    it.each(channels)("%d channels to %d", async (c, d) => checkOperation(target(), operationText(c, body(d)), rows, (m) => fuse(m, pipelines[0]![1])));
  });
}
