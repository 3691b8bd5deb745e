import type { Entry } from "./entry.ts";

const net = (sites: string, body: string): string => `spnet 1\nnet A {\n  sites S : ${sites}\n  input x : feat[S, 2]\n  ${body}\n}\n`;

/** Sites whose inactive cells hold something. */
export const ground = {
  SP0470: {
    severity: "error",
    message: "a ground of {found} numbers is given for {channels} channels",
    explain: "`ground=` is one number for all channels, or a list of one number per channel: of every input on the sites, or of the tensor that `from_dense` takes.",
    bad: net("(y, x) ground=[0, 1, 0]", "output y = x |> relu"),
    good: net("(y, x) ground=[0, 1]", "output y = x |> relu"),
  },
  SP0471: {
    severity: "error",
    message: "`{operation}` reaches over the border of axis `{axis}`, where there is no ground",
    explain: "On sites with a `ground`, results are those of a dense network at every active site, and all inactive cells hold one vector. Where a kernel sticks out of the grid a dense network has zeros instead (or, in a pool, nothing), and the cells along the border would hold something else than the others. Graham's networks pad nothing and begin with a field that is large enough. Without extents the field has no border. A value whose ground is zero may be padded by `conv`.",
    bad: net("(y: 9, x: 9) ground=1", "output y = x |> conv(4, k=3, p=1, sites=reach)"),
    good: net("(y: 9, x: 9) ground=1", "output y = x |> conv(4, k=3, p=0, sites=reach)"),
  },
  SP0472: {
    severity: "error",
    message: "after `{operation}` inactive sites would have no one ground",
    explain: "Between two cells of a coarse grid lie several of the fine one, and each meets other taps of a transposed convolution. So inactive cells of its result hold different vectors, one for each place, while a `ground` is one vector for all. `unpool` has one where the kernel of its pool is the stride.",
    bad: net("(y, x) ground=1", "output y = x |> conv(4, k=2, s=2) |> up(2)"),
    good: net("(y, x) ground=1", "output y = x |> max_pool(k=2, s=2) |> unpool"),
  },
  SP0473: {
    severity: "error",
    message: "`{operation}` of sites with a ground is ambiguous",
    explain: "A dense network pools over every cell, the inactive ones included; a sparse one over the active ones. Let strided levels lead to a grid of one cell, as Graham's networks do.",
    bad: net("(y: 4, x: 4) ground=1", "output y = x |> global_max_pool"),
    good: net("(y: 4, x: 4) ground=1", "output y = x |> max_pool(k=4, s=4) |> to_dense"),
  },
  SP0474: {
    severity: "error",
    message: "an average on sites with a ground divides by the kernel's volume",
    explain: "Inactive cells hold the ground and count as all others.",
    bad: net("(y, x) ground=1", "output y = x |> avg_pool(k=2, s=2, divisor=count)"),
    good: net("(y, x) ground=1", "output y = x |> avg_pool(k=2, s=2)"),
  },
  SP0475: {
    severity: "error",
    message: "`{operation}` joins a value with a ground and one without",
    explain: "Where a site set has a `ground`, an inactive site holds a vector; where it has none, the site is missing and counts as nothing. What both make together would be neither.",
    bad: net("(y, x) ground=1", "sites T : (y, x)\n  input z : feat[T, 2]\n  output y = union(x, z)"),
    good: net("(y, x) ground=1", "sites T : (y, x) ground=0\n  input z : feat[T, 2]\n  output y = union(x, z)"),
  },
  SP0476: {
    severity: "error",
    message: "`{operation}` takes no values with a ground",
    explain: "Convolutions, linear layers, norms with stored statistics, activations, sums, products and local pools lead from one ground to the next, and `to_dense` fills the cells with it. Norms by the statistics of rows, `broadcast`, `softmax` and whole numbers do not. On a dense tensor all of these work.",
    bad: net("(y, x) ground=1", "output y = x |> softmax"),
    good: net("(y, x) ground=1", "output y = x |> sigmoid"),
  },
} as const satisfies Record<string, Entry>;
