import { createHash } from "node:crypto";
import type { DenseOutput, FeatOutput } from "../../src/runtime/index.ts";
import { cloud } from "./source-net.ts";

/** A network with every kind of multiplication, pool, norm and epilogue, to compare the bits of. */
export const PROBE = `spnet 1
export net Probe {
  dialect spconv
  sites S : (z: 20, y: 40, x: 70)
  input v : feat[S, 5]
  let a = v |> subm(17, k=3, w="a") |> bn(w="a.norm") |> relu
  let b = a |> subm(17, k=3, w="b") |> bn(w="b.norm")
  let c = (a + b) |> leaky_relu(0.1)
  let d = c |> conv(32, k=3, s=2, p=1, w="d") |> relu |> subm(130, k=3, w="e") |> sigmoid
  let e = d |> max_pool(k=2, s=2)
  let f = d |> up(24, k=3, w="f")
  let g = cat(f, c) |> subm(16, k=[1, 3, 3], w="g") |> linear(20, w="h", bias=true)
  output fine = g
  output coarse = e
  output pooled = d |> global_avg_pool
  output dense = e |> to_dense
  let h = broadcast(v |> instance_norm(affine=false), v |> global_max_pool |> sigmoid, by=product)
  output shares = h |> bn(stats=batch, w="hn") |> linear(8, w="i") |> group_norm(2, w="in") |> layer_norm(w="ln") |> prelu(per=channel, w="p") |> softmax
}
`;

const ROWS = 3000;

/** Rows of the probe's input; a shuffle other than 0 gives the same rows in another order. */
export function probeInputs(shuffle: number): { readonly coords: Int32Array; readonly features: Float32Array } {
  const { coords, features } = cloud(11, ROWS, 2, [20, 40, 70], 5);
  const order = orderOf(shuffle);
  return {
    coords: coords.map((_, i) => coords[order[Math.floor(i / 4)]! * 4 + (i % 4)]!),
    features: features.map((_, i) => features[order[Math.floor(i / 5)]! * 5 + (i % 5)]!),
  };
}

/** order[i]: the row of the unshuffled input that comes i-th. */
function orderOf(shuffle: number): readonly number[] {
  const order = Array.from({ length: ROWS }, (_, i) => i);
  let state = shuffle;
  for (let i = ROWS - 1; i > 0 && shuffle !== 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** A digest of all outputs' bits; outputs in the caller's order are brought back into the unshuffled one. */
export function bitsOf(outputs: Readonly<Record<string, FeatOutput | DenseOutput>>, shuffle: number): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(outputs).sort()) {
    const output = outputs[name]!;
    let data = "features" in output ? output.features : output.data;
    if ("features" in output && output.rows === ROWS) {
      const sorted = new Float32Array(data.length);
      orderOf(shuffle).forEach((row, i) => sorted.set(data.subarray(i * output.channels, (i + 1) * output.channels), row * output.channels));
      data = sorted;
    }
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex").slice(0, 16);
}
