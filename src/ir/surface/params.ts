import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { Span } from "../../parser/span.ts";
import type { ValueId } from "../module.ts";
import type { DType } from "../types.ts";
import { numbersOf } from "./numbers.ts";
import type { Use } from "./use.ts";

/** A scalar is one number in the file, which counts for every channel. */
export type ParamRole = "conv" | "linear" | "channel" | "scalar";

/** One weight of an operation: `part` is its name below the operation's path, `shape` its canonical shape. */
export interface ParamSpec {
  readonly part: string;
  readonly role: ParamRole;
  readonly layout: string;
  readonly shape: readonly number[];
  /** Default: real numbers. */
  readonly dtype?: "i8" | "i32";
  /** Largest magnitude of i32. */
  readonly limit?: number;
  /** Of a transposed kernel, which PyTorch stores by groups; default 1. */
  readonly groups?: number;
}

/** A weight that exists, with the use that made it. */
export interface KnownParam {
  readonly value: ValueId;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** How it lies in a file, in words. */
  readonly form: string;
  readonly groups: number;
  readonly span: Span;
}

/** How a tensor lies in a file, in words; vectors lie alike in all layouts. */
function formOf(role: ParamRole, layout: string): string {
  if (role === "channel") return "a number per channel";
  if (role === "scalar") return "one number";
  if (layout === "torch") return "PyTorch's kernel of a dense layer";
  return layout === "torch_transposed" ? "PyTorch's kernel of a transposed dense layer" : `a kernel in the layout ${layout}`;
}

const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Names and storage of weights in one system's files. */
export interface WeightLayout {
  readonly name: string;
  readonly doc: string;
  /** `cin` are the input channels of one group. */
  conv(kernel: readonly number[], cin: number, cout: number): ParamSpec;
  linear(cin: number, cout: number): ParamSpec;
  /** Path between a batch norm and its tensors: MinkowskiEngine wraps the module of PyTorch. */
  readonly bnInfix: string;
  /** Path between an activation and its weight: MinkowskiEngine wraps those, too. */
  readonly wrapInfix: string;
}

function layout(name: string, doc: string, part: string, stored: (taps: number) => string, linear: readonly [part: string, stored: string], bnInfix = "", wrapInfix = ""): WeightLayout {
  return {
    name,
    doc,
    conv: (kernel, cin, cout) => ({ part, role: "conv", layout: stored(volume(kernel)), shape: [...kernel, cin, cout] }),
    linear: (cin, cout) => ({ part: linear[0], role: "linear", layout: linear[1], shape: [cin, cout] }),
    bnInfix,
    wrapInfix,
  };
}

/** Layouts by name. TorchSparse numbers the taps of an odd kernel as MinkowskiEngine does, those of an even one canonically. */
export const weightLayouts: ReadonlyMap<string, WeightLayout> = new Map(
  [
    layout("spconv2", "`.weight` as [Cout, k…, Cin]", "weight", () => "spconv2", ["weight", "spconv2"]),
    layout("spconv1", "`.weight` as [k…, Cin, Cout], the canonical shape", "weight", () => "spconv1", ["weight", "spconv1"]),
    layout("minkowski", "`.kernel` as [K, Cin, Cout], first axis fastest, depthwise [K, C]; batch norms below `.bn`", "kernel", () => "minkowski", ["kernel", "minkowski"], "bn", "module"),
    layout("torchsparse", "`.kernel` as [K, Cin, Cout], first axis fastest when K is odd, else last", "kernel", (taps) => (taps % 2 === 1 ? "minkowski" : "spconv1"), ["weight", "spconv2"]),
    layout("hawq", "`.weight`, elsewise as `minkowski`, linear layers as [Cout, Cin]: ESDA's quantised checkpoints", "weight", () => "minkowski", ["weight", "spconv2"]),
    layout("esda", "`.weight` as [K, Cin, Cout], last axis fastest, of one tap [Cout, Cin], depthwise [K, C]: ESDA's accelerator", "weight", () => "esda", ["weight", "spconv2"]),
    layout("scn", "`.weight` as [K, groups, Cin / groups, Cout / groups], last axis fastest", "weight", () => "spconv1", ["weight", "spconv2"]),
  ].map((l) => [l.name, l]),
);

/** The weights of one use, each made once per path. Undefined after reporting a path that would need two shapes. */
export function addParams(use: Use, specs: readonly ParamSpec[]): readonly ValueId[] | undefined {
  const { net, call } = use;
  const values: ValueId[] = [];
  let shared: { readonly path: string; readonly span: Span } | undefined;
  for (const { part, role, layout: stored, shape, dtype = "f32", limit = 0, groups = 1 } of specs) {
    const name = [call.path, part].filter((p) => p !== "").join(".");
    const known = net.params.get(name);
    if (known !== undefined && (known.shape.join() !== shape.join() || known.groups !== groups)) {
      const needs = (of: Pick<KnownParam, "shape" | "groups">): string => `needs [${of.shape.join(", ")}]${known.groups === groups ? "" : `, groups=${of.groups}`}`;
      const labels = [{ span: call.span, text: needs({ shape, groups }) }, { span: known.span, text: needs(known) }];
      return use.report(diagnose("SP0510", { path: printPath(name), first: known.shape.join(", "), second: shape.join(", ") }, labels));
    }
    const form = formOf(role, stored);
    if (known !== undefined && known.form !== form) {
      const labels = [{ span: call.span, text: `reads ${form}` }, { span: known.span, text: `reads ${known.form}` }];
      return use.report(diagnose("SP0512", { path: printPath(name), first: known.form, second: form }, labels, { help: { text: "give each layer weights of its own" } }));
    }
    if (known !== undefined && known.dtype !== dtype) {
      const [first, second] = [numbersOf(known.dtype), numbersOf(dtype)];
      const labels = [{ span: call.span, text: `needs ${second}` }, { span: known.span, text: `needs ${first}` }];
      return use.report(diagnose("SP0511", { path: printPath(name), first, second }, labels));
    }
    if (known !== undefined) shared ??= { path: name, span: known.span };
    const value = known?.value ?? net.builder.one("param", [], { name, role, layout: stored, shape, dtype, limit, groups }, net.loc(call));
    if (known === undefined) net.params.set(name, { value, shape, dtype, form, groups, span: call.span });
    values.push(value);
  }
  if (shared !== undefined) {
    const labels = [{ span: call.span, text: "used here" }, { span: shared.span, text: "and here" }];
    use.report(diagnose("SP0702", { path: printPath(shared.path) }, labels));
  }
  return values;
}

const printPath = (path: string): string => (path.length > 80 ? `${path.slice(0, 77)}…` : path);
