import type { Entry } from "./entry.ts";

export const channels = {
  SP0301: {
    severity: "error",
    message: "expected {expected} channels, found {found}",
    explain: "The annotation asserts another number of channels than the value has.",
    bad: "let a : feat[S, 5] = x",
    good: "let a : feat[S, 4] = x",
  },
  SP0302: {
    severity: "error",
    message: "channels must be between 1 and {limit}, found {found}",
    explain: "A feature row has at least one channel.",
    bad: "output y = x |> subm(0, k=3)",
    good: "output y = x |> subm(1, k=3)",
  },
  SP0303: {
    severity: "error",
    message: "`{operation}` needs the same number of channels on both sides, found {left} and {right}",
    explain: "Features are combined channel by channel; nothing is broadcast. A `linear` changes the number of channels.",
    bad: "let a = x |> subm(8, k=3)\noutput y = a + x",
    good: "let a = x |> subm(4, k=3)\noutput y = a + x",
  },
  SP0304: {
    severity: "error",
    message: "`{operation}` works on {expected}, found {found}",
    explain: "Sparse features (`feat`), one vector per batch item (`vec`, after a global pool) and dense tensors (`dense`, an input or after `to_dense`) have different operations.",
    bad: "output y = x |> global_avg_pool |> subm(8, k=3)",
    good: "output y = x |> subm(8, k=3) |> global_avg_pool",
  },
  SP0430: {
    severity: "error",
    message: "`{parameter}` must be {expected} that float32 holds, found {found}",
    explain: "Kernels compute in float32, whose numbers go up to 3.4e38. What is divided by, or added to a variance of the rows before its root is taken, must not be 0 there; what is added to a stored variance may be 0, and not less.",
    bad: "output y = x |> softplus(beta=0)",
    good: "output y = x |> softplus(beta=0.5)",
  },
  SP0431: {
    severity: "error",
    message: "{groups} groups do not divide {channels} channels",
    explain: "A group norm cuts the channels into as many equal parts, each of which has one mean and one variance per batch item.",
    bad: "output y = x |> group_norm(3)",
    good: "output y = x |> group_norm(2)",
  },
  SP0445: {
    severity: "error",
    message: "{groups} groups do not divide {cin} input and {cout} output channels",
    explain: "`groups` cuts the input channels and the output channels into as many equal parts; part g of the output is computed from part g of the input. `groups=channels(x)` is a depthwise convolution, whose `c` is a multiple of its input's channels.",
    bad: "output y = x |> subm(6, k=3, groups=4)",
    good: "output y = x |> subm(8, k=3, groups=4)",
  },
} as const satisfies Record<string, Entry>;
