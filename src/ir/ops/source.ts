import { number, numbers, siteAttr } from "../module.ts";
import { feat, param } from "../types.ts";
import type { OpDef } from "./op.ts";

/** The features a caller gives, one row per site of an input set, in the caller's order. */
export const inputOp: OpDef = {
  name: "input",
  levels: ["net", "fused"],
  doc: "Features that the caller gives, one row per site, rows in the caller's order.",
  operands: [],
  attrs: {
    name: { kind: "string", doc: "name under which the caller passes coordinates and features" },
    sites: { kind: "site", doc: "an input site set" },
    channels: { kind: "int", doc: "channels per row" },
  },
  infer(ctx) {
    const id = siteAttr(ctx.attrs, "sites");
    if (ctx.sites.def(id).kind !== "input") ctx.problem(`@${id} is derived, an input needs an input site set`);
    if (number(ctx.attrs, "channels") < 1) ctx.problem("channels must be at least 1");
    return [feat(id, number(ctx.attrs, "channels"))];
  },
};

/** A named tensor of the weights file, in canonical shape; reading its stored layout is the loader's work. */
export const paramOp: OpDef = {
  name: "param",
  levels: ["net", "fused", "plan"],
  doc: "A named weight in canonical shape: convolutions [k0, …, Cin, Cout], linear [Cin, Cout], per channel [C].",
  operands: [],
  attrs: {
    name: { kind: "string", doc: "name in the weights file" },
    role: { kind: "string", values: ["conv", "linear", "channel"], doc: "decides how a stored layout is read" },
    layout: { kind: "string", values: ["spconv2", "spconv1", "minkowski"], doc: "stored layout of the file; spconv1 is canonical", default: "spconv2" },
    shape: { kind: "ints", doc: "canonical shape" },
  },
  infer(ctx) {
    const shape = numbers(ctx.attrs, "shape");
    if (shape.length === 0 || shape.some((n) => n < 1)) ctx.problem("shape must be one or more sizes of at least 1");
    return [param(shape)];
  },
};
