import type { Tensor } from "./host.ts";

/** What an expression can be worth when compiling. */
export type Value =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly Value[] }
  | { readonly kind: "tensor"; readonly tensor: Tensor }
  | { readonly kind: "sites"; readonly id: string }
  /** The result of a mistake that has been reported: stands for anything, silently. */
  | { readonly kind: "error" };

export type ValueKind = Value["kind"];

export const errorValue: Value = { kind: "error" };
export const intValue = (value: number): Value => ({ kind: "int", value });
export const floatValue = (value: number): Value => ({ kind: "float", value });
export const boolValue = (value: boolean): Value => ({ kind: "bool", value });
export const textValue = (value: string): Value => ({ kind: "text", value });

const nouns: Readonly<Record<ValueKind, string>> = {
  int: "a whole number", float: "a number", bool: "true or false", text: "a text", list: "a list", tensor: "features", sites: "a site set", error: "nothing",
};

/** How a message names a kind of value. */
export const kindNoun = (kind: ValueKind): string => nouns[kind];

/** How a message names a value: short, whatever the value holds. */
export function printValue(value: Value): string {
  switch (value.kind) {
    case "int":
    case "float":
    case "bool":
      return String(value.value);
    case "text":
      return JSON.stringify(value.value.length > 24 ? `${value.value.slice(0, 21)}…` : value.value);
    case "list":
      return value.items.every((i) => i.kind === "int") && value.items.length <= 6 ? `[${value.items.map((i) => (i.kind === "int" ? i.value : "")).join(", ")}]` : `a list of ${value.items.length}`;
    default:
      return kindNoun(value.kind);
  }
}

export function isError(value: Value): boolean {
  return value.kind === "error" || (value.kind === "list" && value.items.some((i) => i.kind === "error"));
}
