import { netFromText } from "./source-net.ts";

const blocks = (axes: string, widths: readonly [number, number, number]): string => `spnet 1
net Halves {
  sites S : (${axes})
  input v : feat[S, 3]
  let a = v |> subm(${widths[0]}, k=3, w="a") |> bn(w="an") |> relu
  let b = a |> conv(${widths[1]}, k=2, s=2, sites=floor, w="b") |> bn(w="bn") |> relu
  let c = b |> subm(${widths[1]}, k=3, w="c", bias=true)
  let d = c + b
  let e = d |> up(${widths[2]}, k=2, w="e") |> leaky_relu(slope=0.1)
  let n = e |> group_norm(1, w="n") |> layer_norm(w="ln") |> prelu(per=channel, w="p")
  let h = broadcast(n, n |> global_avg_pool |> sigmoid, by=product) |> bn(stats=batch, eps=0.1, w="hn")
  let f = cat(h, a) |> linear(${widths[2]}, w="f")
  let g = f |> max_pool(k=3, s=2, p=1, sites=reach) |> sigmoid
  output pooled = g |> global_avg_pool |> linear(4, w="h")
  output rows = f |> softmax
  output coarse = d |> subm(5, k=3, w="i")
}
`;

/** Points and their voxels, with rows of float16 on both. */
const points = (widths: readonly [number, number]): string => `spnet 1
net Points {
  sites P : (y, x) = points
  sites V : (y: 9, x: 9) = voxels(P, size=0.8, origin=-1, outside=drop)
  input p : feat[P, 3]
  let own = p |> linear(${widths[0]}, bias=true, w="own") |> tanh
  let v = own |> voxelize(onto=V) |> subm(${widths[0]}, k=3, w="a") |> relu
  let low = cat(v |> conv(${widths[1]}, k=2, s=2, p=0, sites=floor, w="b"), own |> voxelize(onto=V/2, reduce=max))
  let back = (low |> linear(${widths[0]}, w="c") |> devoxelize(mode=trilinear)) + (v |> devoxelize)
  output rows = back |> linear(4, w="head")
  output again = back |> voxelize(onto=V, reduce=sum, max_points=3) |> linear(3, w="again")
}
`;

/**
 * Networks with every kind of step between layers: rows aligned to vectors of four, and not. Wide enough at 300 rows that
 * they, not what finding the geometry takes for a moment, decide the planned memory.
 */
export const HALF_NETS = [
  { name: "aligned, 3 axes", net: netFromText(blocks("z: 9, y: 12, x: 11", [16, 32, 16])) },
  { name: "odd, 2 axes", net: netFromText(blocks("y: 20, x: 17", [5, 7, 3])) },
  { name: "points, aligned", net: netFromText(points([16, 32])) },
  { name: "points, odd", net: netFromText(points([37, 19])) },
];
