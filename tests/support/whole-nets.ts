import { cloud, netFromText, type SourceNet } from "./source-net.ts";

/** Where whole numbers go in a network: every kind of layer of them, additions, joins, pools, with c input channels and layers of d. */
const text = (c: number, d: number): string => `spnet 1
block step(x: feat) -> feat { return x |> rescale(w="m") |> saturate }

net Whole {
  sites S : (y: 17, x: 23)
  input e : feat[S, ${c}]
  let q = e |> quantise(scale=0.01)
  let a : feat[S, ${d}, int8] = q |> subm(${d}, k=3, bias=true, w="a") |> clip(w="a.limit") |> step(w="a")
  let b = a |> subm(${d}, k=3, w="b") |> rescale(shift=14, rounding=up, w="b.m") |> saturate |> relu
  let c = b |> subm(${d}, k=3, groups=${d}, bias=true, w="c") |> step(w="c")
  let s = (c |> subm(${d}, k=1, bias=true, w="d") |> rescale(w="d.m")) + (b |> rescale(per=tensor, w="same"))
  let r = s |> saturate
  let f = r |> conv(${2 * d}, k=3, s=2, p=1, sites=reach, bias=true, w="f") |> step(w="f")
  let g = f |> linear(${d}, bias=true, w="g") |> step(w="g") |> linear(${d + 1}, w="h") |> step(w="h")
  let u = g |> up(${d}, w="u") |> step(w="u")
  let j = cat(u, r)
  output terms = s
  output joined = j |> subm(${d}, k=[1, 3], bias=true, w="j") |> relu
  output siblings = cat(j |> linear(3, w="k") |> step(w="k"), j |> linear(2, w="l") |> step(w="l"))
  output largest = f |> max_pool(k=2, s=2, sites=floor)
  output dense = g |> to_dense
  output sum = r |> global_sum_pool
  output average = b |> global_avg_pool |> linear(5, bias=true, w="n") |> rescale(rounding=up, w="n.m")
  output most = r |> global_max_pool
}
`;

/** Aligned rows and odd ones, and rows wider than one tile of columns. */
export const WHOLE_NETS: readonly { readonly name: string; readonly net: SourceNet; readonly channels: number }[] = [
  { name: "16 channels", net: netFromText(text(4, 16), 3), channels: 4 },
  { name: "5 channels", net: netFromText(text(3, 5), 4), channels: 3 },
  { name: "70 channels", net: netFromText(text(2, 70), 5), channels: 2 },
];

/** Sites of a scene, with features that reach both ends of 8 bits at a scale of a hundredth. */
export function wholeScene(seed: number, rows: number, channels: number): { readonly coords: Int32Array; readonly features: Float32Array } {
  const { coords, features } = cloud(seed, rows, 2, [17, 23], channels);
  return { coords, features: features.map((v) => 1.6 * v) };
}
