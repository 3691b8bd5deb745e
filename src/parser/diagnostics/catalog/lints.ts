import type { Entry } from "./entry.ts";

export const lints = {
  SP0701: {
    severity: "warning",
    message: "`{name}` is never used",
    explain: "Remove it, or start its name with `_`.",
    bad: "let a = x |> relu\noutput y = x",
    good: "let _a = x |> relu\noutput y = x",
  },
  SP0702: {
    severity: "warning",
    message: "the weights `{path}` are used twice",
    explain: "Two operations read the same weights. That is possible, but it is most often a slip of the pen.",
    bad: 'output y = x |> subm(4, k=3, w="a") |> subm(4, k=3, w="a")',
    good: 'output y = x |> subm(4, k=3, w="a") |> subm(4, k=3, w="b")',
  },
} as const satisfies Record<string, Entry>;
