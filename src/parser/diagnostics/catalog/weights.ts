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
} as const satisfies Record<string, Entry>;
