import type { Entry } from "./entry.ts";

const net = (body: string): string => `spnet 1\nnet A {\n  sites S : (y: 8, x: 8)\n  input x : feat[S, 4]\n  let grid = x |> to_dense\n  ${body}\n}\n`;

/** Between dense tensors and sparse features. */
export const dense = {
  SP0480: {
    severity: "error",
    message: "`ground` decides which sites there are, which `onto` says already",
    explain: "`from_dense` makes a site in each cell that differs from the ground. With `onto=` the sites are those of another value, whatever the tensor holds there.",
    bad: net("output y = grid |> from_dense(onto=x, ground=1)"),
    good: net("output y = grid |> from_dense(onto=x)"),
  },
  SP0481: {
    severity: "error",
    message: "`from_dense` reads a dense tensor at sites of another grid",
    explain: "The sites that `onto=` names must have the axes and extents of the tensor, so that each has a cell. An axis that `to_dense` folded into the channels is no axis any more.",
    bad: net("output y = grid |> max_pool(k=2, s=2) |> from_dense(onto=x)"),
    good: net("output y = grid |> max_pool(k=2, s=2) |> from_dense(onto=x |> conv(4, k=2, s=2))"),
  },
  SP0482: {
    severity: "error",
    message: "`align_corners` goes with interpolation",
    explain: "It says where the cells lie between which `upsample` interpolates. Without a `mode` cells are repeated, and lie nowhere else.",
    bad: net("output y = grid |> upsample(2, align_corners=true)"),
    good: net("output y = grid |> upsample(2, mode=linear, align_corners=true)"),
  },
  SP0483: {
    severity: "error",
    message: "`{mode}` interpolates on {wanted} axes, this dense tensor has {found}",
    explain: "`bilinear` and `trilinear` are PyTorch's names for interpolation on two and on three axes. `linear` is the same on any number of them.",
    bad: net("output y = grid |> upsample(2, mode=trilinear)"),
    good: net("output y = grid |> upsample(2, mode=bilinear)"),
  },
  SP0484: {
    severity: "error",
    message: "`ceil` goes with dense tensors",
    explain: "It says whether a last window counts that sticks out of a tensor. Sites of sparse features follow from their rule: `reach` has each output that some site reaches and that the extents leave room for, `floor` rounds the extents up.",
    bad: net("output y = x |> max_pool(k=2, s=2, ceil=true)"),
    good: net("output y = grid |> max_pool(k=2, s=2, ceil=true)"),
  },
} as const satisfies Record<string, Entry>;
