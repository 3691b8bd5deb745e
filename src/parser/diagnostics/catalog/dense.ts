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
} as const satisfies Record<string, Entry>;
