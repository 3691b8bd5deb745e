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
} as const satisfies Record<string, Entry>;
