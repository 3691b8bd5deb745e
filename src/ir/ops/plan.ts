import { isList } from "../module.ts";
import { DTYPES, type Type } from "../types.ts";
import type { OpDef } from "./op.ts";

const BUFFER: Type = { kind: "buffer" };

/** A region of the feature arena; where it lies is decided at run time from exact row counts and these lifetimes. */
export const bufferOp: OpDef = {
  name: "buffer",
  levels: ["plan"],
  doc: "A region of feature memory: rows of a site set or batch items, live from the first to the last step named.",
  operands: [],
  attrs: {
    label: { kind: "string", doc: "what it holds, for labels and reports" },
    rows: { kind: "string", doc: "a site set, or batch for one row per batch item" },
    shape: { kind: "ints", doc: "what one row holds: [channels], or a dense shape" },
    live: { kind: "ints", doc: "[first, last] step index, inclusive; −1 is before the first step" },
    zero: { kind: "bool", doc: "cleared before its first step", default: false },
    exact: { kind: "bool", doc: "stays float32, since it holds whole numbers beyond those of float16", default: false },
    half: { kind: "bool", doc: "stored as float16 instead of float32", default: false },
    input: { kind: "string", doc: "name of the network input it receives", default: "" },
    fractions: { kind: "string", doc: "cells of points, whose places between corners it receives", default: "" },
  },
  infer: () => [BUFFER],
};

/** One block of parameters as a kernel reads it. */
export const packOp: OpDef = {
  name: "pack",
  levels: ["plan"],
  doc: "Packs parameters into one block in the layout a kernel reads: [tap][Cin][columns padded to 4], tile after tile of columns, vectors padded to 4.",
  operands: [{ name: "values", kinds: ["param"], variadic: true, numbers: DTYPES }],
  attrs: {
    items: { kind: "any", doc: "per item: value (operand index), at (float offset), columns [from, to), in tiles of so many columns where it says tile" },
    floats: { kind: "int", doc: "length of the block" },
  },
  infer: () => [BUFFER],
};

/** A dense output that the target makes of rows when it hands it over. */
export const deferredOp: OpDef = {
  name: "deferred",
  levels: ["plan"],
  doc: "A dense output, made of the rows in a buffer when it is handed over; zero where no site is.",
  operands: [{ name: "rows", kinds: ["buffer"] }],
  attrs: {
    shape: { kind: "ints", doc: "of one batch item" },
    sites: { kind: "string", doc: "the rows' site set" },
    stride: { kind: "int", doc: "floats from row to row" },
    offset: { kind: "int", doc: "floats before a row's first channel" },
    spec: { kind: "any", doc: "channels of a row, extents of the sites, the axis that folds into channels if one does, and whether channels are last" },
  },
  infer: () => [BUFFER],
};

/** All coordinate work of the network: site sets, searches, halo tables. */
export const geometryOp: OpDef = {
  name: "step.geometry",
  levels: ["plan"],
  doc: "Builds every site set, rulebook block and halo table; its results are the regions that features read.",
  operands: [],
  attrs: {
    sites: { kind: "any", doc: "site sets in derivation order" },
    rulebooks: { kind: "any", doc: "searches with the blocks wanted of each" },
    regions: { kind: "any", doc: "one per result: {rulebook, form} or {coords}" },
  },
  infer(ctx) {
    const regions = ctx.attrs["regions"];
    if (isList(regions)) return regions.map(() => BUFFER);
    ctx.problem("regions must be a list");
    return [];
  },
};

const stepDoc: Readonly<Record<string, string>> = {
  conv: "Gathers, multiplies and accumulates along rulebook blocks, then applies the epilogue and stores.",
  grouped: "Convolves groups of channels along a rulebook block, channel by channel, then applies the epilogue and stores.",
  pair: "Two submanifold convolutions on one rulebook with the intermediate on chip.",
  pointwise: "Applies an epilogue to rows; also copies and scatters to dense.",
  pool: "Reduces the rows that a rulebook block names.",
  prune: "Makes a pruned site set of the rows whose mask is greater than a threshold, and all that derives from it.",
  voxelize: "Reduces the points of each site, in their order.",
  devoxelize: "Linear between the rows at the corners around each point.",
  fill: "Writes one number per channel to every cell of a dense tensor, before rows are scattered into it.",
  global_pool: "Reduces the rows of each batch item in sorted order.",
  softmax: "Softmax along the channels of each row, or its logarithm.",
  active: "Marks the rows of which any channel differs from a vector: a mask for a pruning.",
  interpolate: "Interpolates a dense tensor along one axis.",
  broadcast: "Joins each row with the row of its batch item, then applies the epilogue and stores.",
  moments: "Mean and squared deviations of parts of the rows, in sorted order.",
  statistics: "Joins the moments of parts and of groups of channels.",
  row_norm: "Normalises each row by the statistics of its own channels, then applies the epilogue and stores.",
  normalise: "Normalises each row by statistics, then applies the epilogue and stores.",
};

/** One dispatch. `spec` is the kernel's specification; `roles[i]` is the role of operand i in it. */
export const stepOps: readonly OpDef[] = Object.entries(stepDoc).map(([kind, doc]) => ({
  name: `step.${kind}`,
  levels: ["plan"],
  doc,
  operands: [{ name: "buffers", kinds: ["buffer"], variadic: true }],
  attrs: {
    roles: { kind: "any", doc: "role of each operand in the specification" },
    rows: { kind: "string", doc: "a site set, or batch: the rows computed" },
    spec: { kind: "any", doc: "the kernel's specification, every constant baked" },
  },
  infer: () => [],
}));
