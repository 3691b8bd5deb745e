import type { Inputs } from "./differential.ts";
import { cloud, netFromText, type SourceNet } from "./source-net.ts";

const AXES = ["w", "z", "y", "x"];
const EXTENTS = [[37], [9, 7], [5, 6, 4], [3, 4, 3, 5]] as const;

/** Sparse features onto their grid, and back from it in every way: new sites, sites on a field, known sites, sites made late. */
export function gridNet(dim: number, channels: number): SourceNet {
  const axes = AXES.slice(0, dim).map((axis, a) => `${axis}: ${EXTENTS[dim - 1]![a]}`);
  const ground = Array.from({ length: channels }, (_, c) => (c % 2 === 0 ? 0 : 0.1));
  return netFromText(`spnet 1
net N {
  dialect spconv
  sites S : (${axes.join(", ")})
  input x : feat[S, ${channels}]
  let grid = x |> to_dense |> relu
  let new = grid |> from_dense
  let pooled = x |> to_dense |> max_pool(k=2, s=2, p=1)
  let low = new |> conv(4, k=3, s=2, p=1, bias=true)
  let again = pooled |> from_dense
  output new = new
  output layer = new |> subm(5, k=3, bias=true) |> relu
  output low = low
  output back = low |> up(3, k=3)
  output again = again |> subm(3, k=3)
  output field = grid |> from_dense(ground=0) |> subm(3, k=1, bias=true) |> to_dense
  output level = grid |> from_dense(ground=[${ground.join(", ")}]) |> max_pool(k=1, s=1, sites=same) |> to_dense
  output known = pooled |> from_dense(onto=x |> conv(2, k=2, s=2, p=1))
  output late = grid |> from_dense(onto=new)
  output sum = union(grid |> from_dense, x)
  output item = again |> global_max_pool
}
`);
}

/** Rows of which some are zeros or the ground throughout, in every item but the one in the middle. */
export function gridInputs(dim: number, channels: number, rows: number, shift: number): Inputs {
  const made = cloud(10 + rows, rows, 1, EXTENTS[dim - 1]!, channels);
  const coords = made.coords.map((v, at) => (at % (dim + 1) === 0 ? 2 * ((at / (dim + 1)) % 2) : v));
  const features = made.features.map((v, i) => (Math.floor(i / channels) % 4 === 3 ? (i % channels) % 2 * 0.1 : Math.fround(v + shift)));
  return { x: { coords, features } };
}
