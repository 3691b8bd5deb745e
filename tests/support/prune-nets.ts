import type { Inputs } from "./differential.ts";
import { cloud, netFromText, type SourceNet } from "./source-net.ts";

const AXES = ["w", "z", "y", "x"];
export const EXTENTS = [[40], [13, 11], [7, 9, 8], [5, 6, 5, 7]] as const;

/** What can come after a pruning: layers on its sites, steps down and up, joins with what was there, poolings. */
const BODY = `
  let a = x |> subm(3, k=3) |> relu
  let kept = a |> prune(m, above=0.1)
  let b = kept |> subm(3, k=3, bias=true)
  let low = b |> conv(4, k=3, s=2, p=1)
  let again = low |> prune(low |> linear(1), above=0.05)
  let fine = again |> deconv(3, k=2, s=2)
  let back = again |> up(3, k=3, onto=b)
  output b = b
  output all = union(kept, a)
  output gate = union(b, a, by=product) |> relu
  output again = again |> subm(2, k=3)
  output fine = fine
  output back = back + b
  output brought = x |> conv(2, k=3, p=1, onto=kept)
  output pooled = again |> global_sum_pool
`;

/** Every operation that can meet sites that depend on data, on a grid of `dim` axes. */
export function pruneNet(dim: number, bounded: boolean): SourceNet {
  const axes = AXES.slice(0, dim).map((axis, a) => (bounded ? `${axis}: ${EXTENTS[dim - 1]![a]}` : axis));
  return netFromText(`spnet 1\nnet N {\n  dialect spconv\n  sites S : (${axes.join(", ")})\n  input x : feat[S, 2]\n  input m : feat[S, 1]\n${BODY}${bounded ? "  output image = again |> to_dense\n" : ""}}\n`);
}

/** Two features of one cloud; `shift` moves the mask, so that none, some or all rows stay. */
export function pruneInputs(dim: number, rows: number, shift: number, seed: number, origin: number): Inputs {
  const x = cloud(seed, rows, 3, EXTENTS[dim - 1]!, 2, origin);
  return { x, m: { coords: x.coords, features: x.features.filter((_, i) => i % 2 === 0).map((v) => v + shift) } };
}

/** A decoder in the manner of generative completion: each level makes a block of sites per site and keeps those whose score is high. */
export const COMPLETION = netFromText(`spnet 1
net Completion {
  dialect minkowski
  sites S : (y, x)
  input x : feat[S, 2]
  let e1 = x |> conv(4, k=3, w="e1") |> relu
  let e2 = e1 |> conv(5, k=2, s=2, w="e2") |> relu
  let e3 = e2 |> conv(6, k=2, s=2, w="e3") |> relu
  let g2 = e3 |> deconv(5, k=2, s=2, w="g2") |> conv(5, k=3, w="c2") |> relu
  let p2 = g2 |> prune(g2 |> linear(1, w="s2"), above=0.02)
  let u2 = union(p2, e2)
  let g1 = u2 |> deconv(4, k=2, s=2, w="g1") |> conv(4, k=3, w="c1") |> relu
  let p1 = g1 |> prune(g1 |> linear(1, w="s1"), above=0.01)
  output scores2 = g2 |> linear(1, w="s2")
  output y = p1 |> conv(3, k=3, w="head")
  output both = cat(p1, p1 |> conv(2, k=3, w="side") |> sigmoid)
  output means = p1 |> global_avg_pool |> linear(2, w="means")
  output most = p2 |> global_max_pool
}
`, 4);
