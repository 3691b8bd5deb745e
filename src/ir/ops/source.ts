import type { EvalContext, FeatValue } from "../interp/value.ts";
import { number, numbers, siteAttr, string } from "../module.ts";
import { feat, param, type DType } from "../types.ts";
import type { OpDef } from "./op.ts";

/** The features a caller gives, one row per site of an input set, in the caller's order, or a dense tensor, as rows of its full grid. */
export const inputOp: OpDef = {
  name: "input",
  levels: ["net", "fused"],
  doc: "Features that the caller gives, one row per site, rows in the caller's order; on a full grid a dense tensor, one row per cell.",
  operands: [],
  attrs: {
    name: { kind: "string", doc: "name under which the caller passes coordinates and features, or a tensor" },
    sites: { kind: "site", doc: "an input site set, points, or a full grid" },
    channels: { kind: "int", doc: "channels per row" },
  },
  infer(ctx) {
    const id = siteAttr(ctx.attrs, "sites");
    const { kind } = ctx.sites.def(id);
    if (kind !== "input" && kind !== "points" && kind !== "full") ctx.problem(`@${id} is derived, an input needs an input site set, points or a full grid`);
    if (number(ctx.attrs, "channels") < 1) ctx.problem("channels must be at least 1");
    return [feat(id, number(ctx.attrs, "channels"))];
  },
  evaluate: (ctx) => [ctx.table.isFull(siteAttr(ctx.attrs, "sites")) ? evaluateTensor(ctx) : evaluateInput(ctx)],
};

/** The tensor [batch, channels, extents…] cell by cell, from coordinates. */
function evaluateTensor(ctx: EvalContext): FeatValue {
  const id = siteAttr(ctx.attrs, "sites");
  const [sites, extents, channels] = [ctx.sites(id), ctx.table.extents(id)!, number(ctx.attrs, "channels")];
  const { features } = ctx.input(string(ctx.attrs, "name"));
  if (features.length !== sites.count * channels) throw new Error("internal: a tensor has another number of cells than its grid");
  const data = new Float64Array(features.length);
  for (let row = 0; row < sites.count; row++) {
    const [item, ...cell] = sites.coords.subarray(row * (sites.dim + 1), (row + 1) * (sites.dim + 1)) as unknown as readonly [number, ...number[]];
    for (let c = 0; c < channels; c++) data[row * channels + c] = features[cell.reduce((at, p, a) => at * extents[a]! + p, item * channels + c)]!;
  }
  return { kind: "feat", sites, channels, data };
}

/** Rows go by coordinate: where another input on the same set fixed the row order, these rows follow it. */
function evaluateInput(ctx: EvalContext): FeatValue {
  const sites = ctx.sites(siteAttr(ctx.attrs, "sites"));
  const channels = number(ctx.attrs, "channels");
  const { coords, features } = ctx.input(string(ctx.attrs, "name"));
  if (ctx.table.def(siteAttr(ctx.attrs, "sites")).kind === "points") {
    if (features.length !== sites.count * channels) throw new Error("internal: an input has another number of rows than its points");
    return { kind: "feat", sites, channels, data: Float64Array.from(features) };
  }
  if (coords.length !== sites.coords.length || features.length !== sites.count * channels) throw new Error("internal: an input has another number of rows than its sites");
  const data = new Float64Array(features.length);
  for (let row = 0; row < sites.count; row++) {
    const target = sites.find(coords, row * (sites.dim + 1));
    if (target < 0) throw new Error("internal: an input has another site set than it should share");
    for (let c = 0; c < channels; c++) data[target * channels + c] = features[row * channels + c]!;
  }
  return { kind: "feat", sites, channels, data };
}

/** A named tensor of the weights file, in canonical shape; reading its stored layout is the loader's work. */
export const paramOp: OpDef = {
  name: "param",
  levels: ["net", "fused", "plan"],
  doc: "A named weight in canonical shape: convolutions [k0, …, Cin, Cout], linear [Cin, Cout], per channel [C].",
  operands: [],
  attrs: {
    name: { kind: "string", doc: "name in the weights file" },
    role: { kind: "string", values: ["conv", "linear", "channel", "scalar"], doc: "decides how a stored layout is read; a scalar is one number, here repeated for every channel" },
    layout: { kind: "string", values: ["spconv2", "spconv1", "minkowski", "esda", "torch", "torch_transposed"], doc: "stored layout of the file; spconv1 is canonical, torch is that of Conv2d, torch_transposed of ConvTranspose2d", default: "spconv2" },
    shape: { kind: "ints", doc: "canonical shape" },
    dtype: { kind: "string", values: ["f32", "i8", "i32"], doc: "i8: weights of a quantised layer, i32: other whole numbers; a file that has others is refused", default: "f32" },
    limit: { kind: "int", doc: "largest magnitude of i32", default: 0 },
    groups: { kind: "int", doc: "of torch_transposed, stored as [Cin, Cout / groups, k…]: into how many the channels are cut", default: 1 },
  },
  infer(ctx) {
    const shape = numbers(ctx.attrs, "shape");
    if (shape.length === 0 || shape.some((n) => n < 1)) ctx.problem("shape must be one or more sizes of at least 1");
    const dtype = string(ctx.attrs, "dtype") as DType;
    const groups = number(ctx.attrs, "groups");
    if (groups !== 1 && (string(ctx.attrs, "layout") !== "torch_transposed" || groups < 1 || shape.at(-1)! % groups !== 0)) ctx.problem("groups divide the output channels of a torch_transposed kernel");
    if ((dtype === "i32") !== number(ctx.attrs, "limit") > 0) ctx.problem("limit goes with i32");
    return [param(shape, dtype)];
  },
  evaluate(ctx) {
    const name = string(ctx.attrs, "name");
    const { shape, data } = ctx.param(name);
    const wanted = numbers(ctx.attrs, "shape");
    if (shape.join() !== wanted.join()) throw new Error(`internal: weight ${name} is [${shape.join(", ")}], expected [${wanted.join(", ")}]`);
    return [{ kind: "param", shape: wanted, data: Float64Array.from(data) }];
  },
};
