/** The layers that the names and shapes of a checkpoint show, in its order. */
import type { TensorView } from "../checkpoint/values.ts";
import { elements } from "../files/tensor.ts";
import { isBookkeeping } from "../weights/compare.ts";
import type { System } from "./systems.ts";

export interface ConvLayer {
  readonly kind: "conv";
  readonly path: string;
  readonly kernel: readonly number[];
  /** The shape tells the number of taps only. */
  readonly guessed: boolean;
  readonly cin: number;
  readonly cout: number;
  readonly groups: number;
  readonly bias: boolean;
  /** What the same shape means else. */
  readonly or?: ConvLayer;
}

/** A layer with weights. */
export type Layer =
  | ConvLayer
  | { readonly kind: "linear"; readonly path: string; /** Both readings of a matrix whose shape does not say which side is which. */ readonly sides: readonly (readonly [cin: number, cout: number])[]; readonly bias: boolean }
  | { readonly kind: "bn"; readonly path: string; readonly channels: number }
  | { readonly kind: "unknown"; readonly path: string; readonly shape: readonly number[] };

export interface Layers {
  readonly dim: number;
  readonly layers: readonly Layer[];
}

interface Group {
  readonly path: string;
  readonly parts: ReadonlyMap<string, readonly number[]>;
}

/** Reads layers off a checkpoint of `system`; names without `prefix` are left aside. */
export function readLayers(tensors: ReadonlyMap<string, TensorView>, prefix: string, system: System): Layers {
  const groups = groupByLayer(tensors, prefix, system);
  const kernels = groups.flatMap(({ parts }) => {
    const shape = parts.get("kernel") ?? parts.get("weight");
    return shape !== undefined && shape.length > 2 ? [shape] : [];
  });
  const dim = dimension(kernels, system);
  return { dim, layers: groups.map((group) => readLayer(group, dim, system)) };
}

function groupByLayer(tensors: ReadonlyMap<string, TensorView>, prefix: string, system: System): readonly Group[] {
  const groups = new Map<string, Map<string, readonly number[]>>();
  for (const [name, { shape }] of tensors) {
    if (!name.startsWith(prefix) || isBookkeeping(name)) continue;
    const own = name.slice(prefix.length);
    const dot = own.lastIndexOf(".");
    const path = own.slice(0, Math.max(0, dot));
    const group = groups.get(path) ?? new Map<string, readonly number[]>();
    group.set(own.slice(dot + 1), shape);
    groups.set(path, group);
  }
  // MinkowskiEngine wraps modules of PyTorch, which then have the tensors.
  const outer = (path: string, parts: ReadonlyMap<string, readonly number[]>): string =>
    system.name !== "minkowski" ? path : parts.has("running_mean") ? path.replace(/(^|\.)bn$/, "") : path.replace(/(^|\.)linear$/, "");
  return [...groups].map(([path, parts]) => ({ path: outer(path, parts), parts }));
}

/** Axes of the grid: by the number of a kernel's axes where it has them, else by the powers that numbers of taps are. */
function dimension(kernels: readonly (readonly number[])[], { name }: System): number {
  if (["spconv2", "spconv1", "fvdb"].includes(name)) {
    const dims = new Set(kernels.map((shape) => shape.length - 2));
    // Kernels of two axes beside those of three are a dense head.
    return [3, 2, 1, 4].find((dim) => dims.has(dim)) ?? 3;
  }
  const isPower = (taps: number, dim: number): boolean => Math.round(taps ** (1 / dim)) ** dim === taps;
  return [3, 2, 4].find((dim) => kernels.every(([taps]) => isPower(taps!, dim))) ?? 3;
}

function readLayer({ path, parts }: Group, dim: number, system: System): Layer {
  const weight = parts.get("kernel") ?? parts.get("weight");
  const unknown = (): Layer => ({ kind: "unknown", path, shape: weight ?? [...parts.values()][0] ?? [] });
  const bias = parts.has("bias");
  if (weight === undefined) return unknown();
  if (weight.length === 1) return parts.has("running_mean") ? { kind: "bn", path, channels: weight[0]! } : unknown();
  const [first, second] = [weight[0]!, weight[1]!];
  // A convolution of one tap; what is called `weight` is a matrix of torch, or in SparseConvNet perhaps the other way round.
  if (weight.length === 2 && parts.has("kernel")) {
    const channelwise = { kind: "conv", path, ...kernelOfTaps(first, dim), cin: second, cout: second, groups: second, bias } as const;
    return { kind: "conv", path, kernel: Array<number>(dim).fill(1), guessed: false, cin: first, cout: second, groups: 1, bias, ...(system.name === "minkowski" ? { or: channelwise } : {}) };
  }
  if (weight.length === 2) return { kind: "linear", path, sides: system.name === "scn" ? [[first, second], [second, first]] : [[second, first]], bias };
  const read = readKernel(weight, dim, system);
  return read === undefined ? unknown() : { kind: "conv", path, bias, ...read };
}

function readKernel(shape: readonly number[], dim: number, { name }: System): Pick<ConvLayer, "kernel" | "guessed" | "cin" | "cout" | "groups"> | undefined {
  const [first, second] = [shape[0]!, shape[1]!];
  const [beforeLast, last] = [shape.at(-2)!, shape.at(-1)!];
  if (["spconv2", "spconv1", "fvdb"].includes(name) && shape.length !== dim + 2) return undefined;
  switch (name) {
    case "spconv2":
      return { kernel: shape.slice(1, -1), guessed: false, cin: last, cout: first, groups: 1 };
    case "spconv1":
      return { kernel: shape.slice(0, -2), guessed: false, cin: beforeLast, cout: last, groups: 1 };
    case "fvdb":
      return { kernel: shape.slice(2), guessed: false, cin: second, cout: first, groups: 1 };
    default:
      // SparseConvNet has an axis of groups.
      const groups = shape.length === 4 && name === "scn" ? second : 1;
      if (elements(shape) !== first * groups * beforeLast * last) return undefined;
      return { ...kernelOfTaps(first, dim), cin: groups * beforeLast, cout: groups * last, groups };
  }
}

/** A cube where the number of taps is one, else the fewest axes of equal length. */
function kernelOfTaps(taps: number, dim: number): { readonly kernel: readonly number[]; readonly guessed: boolean } {
  for (let long = dim; long > 1; long--) {
    const side = Math.round(taps ** (1 / long));
    if (side ** long === taps) return { kernel: Array.from({ length: dim }, (_, i) => (i < long ? side : 1)), guessed: long < dim };
  }
  return { kernel: Array.from({ length: dim }, (_, i) => (i === 0 ? taps : 1)), guessed: true };
}
