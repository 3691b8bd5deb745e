import type { Entry } from "./entry.ts";

/** Kinds of numbers: real ones, and the whole ones of quantised networks. */
export const numbers = {
  SP0305: {
    severity: "error",
    message: "`{operation}` works on {expected} numbers, found {found}",
    explain:
      "A quantised network computes in whole numbers, whose kind says how large they are: `quantise` makes int8 of real ones, layers make int32 sums of int8, `rescale` makes int16 of sums, which can be added, `saturate` makes int8 of them, and `scale` leads back to real numbers. Operations that would leave whole numbers, such as `bn`, take real ones only.",
    bad: 'output y = x |> quantise |> subm(8, k=3, w="a") |> subm(8, k=3, w="b")',
    good: 'output y = x |> quantise |> subm(8, k=3, w="a") |> rescale(w="m") |> saturate |> subm(8, k=3, w="b")',
  },
  SP0306: {
    severity: "error",
    message: "`{operation}` needs the same kind of numbers on both sides, found {left} and {right}",
    explain: "Whole numbers and real ones do not mix, nor do whole numbers of different kinds, since their steps stand for different sizes. `rescale` brings whole numbers to the same steps, `scale` makes real ones of them.",
    bad: "output y = cat(x, x |> quantise)",
    good: "output y = cat(x |> quantise, x |> quantise)",
  },
  SP0307: {
    severity: "error",
    message: "`{parameter}` must be {expected}, found {found}",
    explain: "`rescale` multiplies and then shifts by a whole number of bits, so that the result is exact on every target. `quantise` divides by the real number that 1 stands for.",
    bad: 'output y = x |> quantise |> subm(8, k=3, w="a") |> rescale(shift=40, w="m")',
    good: 'output y = x |> quantise |> subm(8, k=3, w="a") |> rescale(shift=16, w="m")',
  },
  SP0308: {
    severity: "error",
    message: "the annotation `{type}` asserts other numbers than {found}",
    explain: "The last entry of `feat[S, 32, int8]` and `vec[10, int32]` asserts the kind of numbers: real, int8, int16 or int32. Without it any kind will do.",
    bad: "let a : feat[S, 4, int8] = x\noutput y = a",
    good: "let a : feat[S, 4, int8] = x |> quantise\noutput y = a",
  },
} as const satisfies Record<string, Entry>;
