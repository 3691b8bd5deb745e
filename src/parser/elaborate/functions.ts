import type { FormalParameter } from "../resolve/bind.ts";
import type { NetHost } from "./host.ts";
import { boolValue, errorValue, intValue, type Value } from "./values.ts";

/** A function of compile-time values. */
export interface FunctionSignature {
  readonly name: string;
  readonly doc: string;
  readonly parameters: readonly FormalParameter[];
  /** The result, or what the arguments should have been. */
  apply(args: ReadonlyMap<string, readonly Value[]>, net: NetHost | undefined): Value | { readonly expected: string; readonly parameter: string };
}

const formal = (name: string, required = true, variadic = false): FormalParameter => ({ name, required, variadic });
const longestRange = 100_000;

const one = (args: ReadonlyMap<string, readonly Value[]>, name: string): Value => args.get(name)?.[0] ?? errorValue;

const len: FunctionSignature = {
  name: "len",
  doc: "number of items of a list",
  parameters: [formal("list")],
  apply(args) {
    const list = one(args, "list");
    return list.kind === "list" ? intValue(list.items.length) : { expected: "a list", parameter: "list" };
  },
};

const range: FunctionSignature = {
  name: "range",
  doc: "the list of whole numbers from `from` up to but without `end`; `range(n)` starts at 0",
  parameters: [formal("from"), formal("end", false)],
  apply(args) {
    const a = one(args, "from");
    const b = args.get("end")?.[0];
    if (a.kind !== "int") return { expected: "a whole number", parameter: "from" };
    if (b !== undefined && b.kind !== "int") return { expected: "a whole number", parameter: "end" };
    const [from, end] = b === undefined ? [0, a.value] : [a.value, b.value];
    if (end - from > longestRange) return { expected: `a range of at most ${longestRange} numbers`, parameter: b === undefined ? "from" : "end" };
    return { kind: "list", items: Array.from({ length: Math.max(0, end - from) }, (_, i) => intValue(from + i)) };
  },
};

const channels: FunctionSignature = {
  name: "channels",
  doc: "number of channels of features",
  parameters: [formal("x")],
  apply(args, net) {
    const x = one(args, "x");
    if (x.kind !== "tensor" || net === undefined) return { expected: "features", parameter: "x" };
    const type = net.describe(x.tensor);
    return intValue(type.kind === "dense" ? (type.shape[0] ?? 0) : type.channels);
  },
};

function extreme(name: string, doc: string, pick: (a: number, b: number) => number): FunctionSignature {
  return {
    name,
    doc,
    parameters: [formal("values", true, true)],
    apply(args) {
      const values = args.get("values") ?? [];
      let best: number | undefined;
      let whole = true;
      for (const v of values) {
        if (v.kind !== "int" && v.kind !== "float") return { expected: "numbers", parameter: "values" };
        whole &&= v.kind === "int";
        best = best === undefined ? v.value : pick(best, v.value);
      }
      return { kind: whole ? "int" : "float", value: best ?? 0 };
    },
  };
}

const sameSites: FunctionSignature = {
  name: "same_sites",
  doc: "true when two values live on the same sites",
  parameters: [formal("a"), formal("b")],
  apply(args, net) {
    const a = one(args, "a");
    const b = one(args, "b");
    if (a.kind !== "tensor" || net === undefined) return { expected: "features", parameter: "a" };
    if (b.kind !== "tensor") return { expected: "features", parameter: "b" };
    const [s, t] = [net.describe(a.tensor), net.describe(b.tensor)];
    return boolValue(s.kind === "feat" && t.kind === "feat" && s.sites.id === t.sites.id);
  },
};

/** Functions of the language, by name. */
export const functions: ReadonlyMap<string, FunctionSignature> = new Map(
  [len, range, channels, extreme("min", "the smallest of numbers", Math.min), extreme("max", "the largest of numbers", Math.max), sameSites].map((f) => [f.name, f]),
);
