import type { Entry } from "./entry.ts";

/** Weights: the rest of SP05 is about weight files. */
export const weights = {
  SP0510: {
    severity: "error",
    message: "the weights `{path}` would need two shapes, [{first}] and [{second}]",
    explain: "Two operations name the same weights but need them in different shapes.",
    bad: 'output y = x |> subm(8, k=3, w="a") |> subm(8, k=3, w="a")',
    good: 'output y = x |> subm(8, k=3, w="a") |> subm(8, k=3, w="b")',
  },
  SP0511: {
    severity: "error",
    message: "the weights `{path}` would need to be {first} and {second} numbers",
    explain: "Two operations name the same weights, but one is a layer of a quantised network, whose weights are whole numbers, and the other is not.",
    bad: 'output a = x |> subm(4, k=3, w="a")\noutput b = x |> quantise |> subm(4, k=3, w="a")',
    good: 'output a = x |> subm(4, k=3, w="a")\noutput b = x |> quantise |> subm(4, k=3, w="b")',
  },
  SP0512: {
    severity: "error",
    message: "the weights `{path}` would be read in two ways, as {first} and as {second}",
    explain: "Two operations name the same weights, whose numbers lie in another order for each: a sparse convolution reads them in the layout of the network, a dense one as PyTorch stores them. One tensor of a file is one of the two.",
    bad: 'spnet 1\nnet A {\n  sites S : (y: 8, x: 8)\n  input x : feat[S, 4]\n  output a = x |> subm(4, k=3, w="a")\n  output b = x |> to_dense |> conv2d(4, k=3, p=1, w="a")\n}\n',
    good: 'spnet 1\nnet A {\n  sites S : (y: 8, x: 8)\n  input x : feat[S, 4]\n  output a = x |> subm(4, k=3, w="a")\n  output b = x |> to_dense |> conv2d(4, k=3, p=1, w="b")\n}\n',
  },
} as const satisfies Record<string, Entry>;
