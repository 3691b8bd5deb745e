import type { ParamTensor } from "../../src/ir/interp/value.ts";
import type { Module, ValueId } from "../../src/ir/module.ts";
import { fromDense } from "../../src/runtime/index.ts";
import { NetBuilder } from "./fixture-modules.ts";
import { tensorOf, type FixtureTensor } from "./safetensors.ts";

export interface GoldenCase {
  readonly file: string;
  readonly parameters: { readonly spatialShape?: readonly number[]; readonly shape?: readonly number[]; readonly batchSize?: number };
  readonly tolerance: { readonly abs: number };
}

export type Tensors = ReadonlyMap<string, FixtureTensor>;

const cube = (n: number): number[] => [n, n, n];
const subm = (net: NetBuilder, x: ValueId, name: string, kernel: readonly number[], cin: number, cout: number, bias = false): ValueId =>
  net.op("subm", [x, ...net.weights(name === "" ? "" : `${name}.`, kernel, cin, cout, bias)], { kernel, padding: kernel.map((k) => (k - 1) / 2), dilation: kernel.map(() => 1) });

/** The origin's maximum starts at 0: the max over active inputs, and 0. */
const maxPool = (net: NetBuilder, kernel: number, stride: number, sites: string): ValueId =>
  net.op("relu", [net.op("pool", [net.x], { mode: "max", kernel: cube(kernel), stride: cube(stride), padding: cube((kernel - 1) / 2), dilation: cube(1), sites })]);

/** By the statistics of the batch, as the origin's training mode does. */
const batchNorm = (net: NetBuilder, x: ValueId, prefix: string, channels: number): ValueId =>
  net.op("normalise", [x, ...["weight", "bias"].map((n) => net.param(`${prefix}.${n}`, [channels]))], { over: "batch", groups: channels, eps: 1e-5 });

function unet(net: NetBuilder): ValueId {
  const down = { kernel: cube(3), stride: cube(2), padding: cube(1), dilation: cube(1) };
  const stem = net.op("relu", [batchNorm(net, subm(net, net.x, "stem.0", cube(3), 6, 16), "stem.1", 16)]);
  const a = subm(net, stem, "stem.3", cube(3), 16, 16);
  const coarse = net.op("conv", [a, ...net.weights("down.", cube(3), 16, 32, false)], { ...down, sites: "reach" });
  const mid = net.op("relu", [batchNorm(net, subm(net, coarse, "mid.0", cube(3), 32, 32), "mid.1", 32)]);
  const up = net.op("up", [mid, ...net.weights("up.", cube(3), 32, 16, false)], { ...down, onto: net.sites });
  return subm(net, net.op("cat", [up, a]), "head", cube(1), 32, 8, true);
}

const channelsLast = (net: NetBuilder): ValueId => net.op("to_dense", [net.x], { layout: "channels_last" });

/** Forward cases whose operations are in the language. */
export const forward: Readonly<Record<string, (net: NetBuilder) => ValueId>> = {
  "unet3d-float32.safetensors": unet,
  "unet3d-float16.safetensors": unet,
  "join-table.safetensors": (net) => net.op("cat", ["branch0", "branch1"].map((name) => subm(net, net.x, name, [3, 3], 8, 8))),
  "subm3d-bias.safetensors": (net) => subm(net, net.x, "", cube(3), 8, 16, true),
  "avgpool3d-subm.safetensors": (net) => net.op("pool", [net.x], { mode: "avg", kernel: cube(3), stride: cube(1), padding: cube(1), dilation: cube(1), sites: "same" }),
  "maxpool3d-subm.safetensors": (net) => maxPool(net, 3, 1, "same"),
  "maxpool3d-k5s2.safetensors": (net) => maxPool(net, 5, 2, "reach"),
  "sparse-add.safetensors": (net) => {
    const sites = net.b.sites.addInput({ kind: "input", name: "T", axes: ["z", "y", "x"], extents: net.b.sites.extents(net.sites) });
    return net.op("union", [net.x, net.op("input", [], { name: "b", sites, channels: 8 })]);
  },
  "to-dense-3d.safetensors": (net) => net.op("to_dense", [net.x]),
  // What comes from a dense tensor gives it back.
  "from-dense-3d.safetensors": channelsLast,
  // Rows at index pairs are sites on two axes of one batch item.
  "scatter-nd.safetensors": channelsLast,
};

/** Cases of operations that the language does not have yet. */
export const laterGolden: Readonly<Record<string, string>> = {
};

/** The weight as [k…, Cin, Cout]: stored as [Cout, k…, Cin], but a kernel of one tap is stored flat as [Cin, Cout]. */
function canonical({ shape, data }: FixtureTensor): ParamTensor {
  if (shape.length === 1) return { shape, data };
  const [cout, kernel, cin] = [shape[0]!, shape.slice(1, -1), shape.at(-1)!];
  const wanted = [...kernel, cin, cout];
  if (kernel.every((k) => k === 1)) return { shape: wanted, data };
  const inner = data.length / cout;
  return { shape: wanted, data: Float64Array.from(data, (_, i) => data[(i % cout) * inner + Math.floor(i / cout)]!) };
}

/** A weight of a case in canonical shape. */
export const weightOf = (tensors: Tensors, name: string): ParamTensor => canonical(tensorOf(tensors, `weights.${name}`));

/** Coordinates and features of each input of a forward case, by its name in the net. */
export function inputsOf(tensors: Tensors): Readonly<Record<string, { readonly coords: ArrayLike<number>; readonly features: ArrayLike<number> }>> {
  const dense = tensors.get("input.dense");
  if (dense !== undefined) return { x: fromDense({ ...dense, layout: "channels_last" }) };
  if (tensors.has("input.indices")) {
    const pairs = tensorOf(tensors, "input.indices").data;
    return { x: { coords: Array.from({ length: pairs.length / 2 }, (_, r) => [0, pairs[2 * r]!, pairs[2 * r + 1]!]).flat(), features: tensorOf(tensors, "input.updates").data } };
  }
  const named = tensors.has("input.coords") ? { x: "input" } : { x: "input.a", b: "input.b" };
  return Object.fromEntries(Object.entries(named).map(([name, prefix]) => [name, { coords: tensorOf(tensors, `${prefix}.coords`).data, features: tensorOf(tensors, `${prefix}.features`).data }]));
}

/** The net of a forward case; its output is `y`. */
export function goldenModule(c: GoldenCase, tensors: Tensors): Module {
  const extents = c.parameters.spatialShape ?? c.parameters.shape!.slice(0, -1);
  const features = ["input.features", "input.a.features", "input.dense", "input.updates"].find((name) => tensors.has(name))!;
  const net = new NetBuilder(extents.length, tensorOf(tensors, features).shape.at(-1)!, extents);
  const y = forward[c.file]!(net);
  return net.finish(tensors.has("expect.dense_channels_last") ? { y, z: channelsLast(net) } : { y });
}

/** The dense tensors that a case expects, by output. */
export function denseOutputs(tensors: Tensors): Readonly<Record<string, FixtureTensor>> {
  const named: Readonly<Record<string, string>> = tensors.has("expect.out") ? { y: "expect.out" } : tensors.has("input.dense") ? { y: "input.dense" } : { y: "expect.dense_channels_first", z: "expect.dense_channels_last" };
  return Object.fromEntries(Object.entries(named).map(([output, name]) => [output, tensorOf(tensors, name)]));
}

export const batchOf = (c: GoldenCase): number => c.parameters.batchSize ?? 1;

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
