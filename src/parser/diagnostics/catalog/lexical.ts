import type { Entry } from "./entry.ts";

export const lexical = {
  SP0001: {
    severity: "error",
    message: "unexpected character {character}",
    explain: "The character belongs to no word, number, text or operator of the language. Names consist of ASCII letters, digits and `_`; a comment starts with `//`.",
    bad: "let a = x # relu",
    good: "let a = x // relu\noutput y = a",
  },
  SP0002: {
    severity: "error",
    message: "this text is not closed",
    explain: "A text starts and ends with `\"` on one line. Write `\\\"` for a quote inside it.",
    bad: 'let a = x |> subm(8, k=3, w="conv1)',
    good: 'output a = x |> subm(8, k=3, w="conv1")',
  },
  SP0003: {
    severity: "error",
    message: "this number is too large",
    explain: "Whole numbers go up to 2^53 - 1.",
    bad: "let a = 99999999999999999999",
  },
  SP0004: {
    severity: "error",
    message: "this interpolation is not closed",
    explain: "`{` in a text begins an expression that ends at `}`. Write `\\{` for a brace itself. An interpolated expression contains no text of its own.",
    bad: 'let a = "conv{1"',
    good: 'let a = "conv{1}"',
  },
  SP0005: {
    severity: "error",
    message: "no interpolation is possible here",
    explain: "The path of an import and the message of an assertion are read before anything is evaluated.",
    bad: 'assert 1 < 2, "{1}"',
    good: 'assert 1 < 2, "one is less"',
  },
  SP0006: {
    severity: "error",
    message: "unknown escape `\\{letter}`",
    explain: "The escapes are `\\n`, `\\t`, `\\\"`, `\\\\`, `\\{` and `\\}`.",
    bad: 'let a = "\\q"',
    good: 'let a = "\\n"',
  },
} as const satisfies Record<string, Entry>;
