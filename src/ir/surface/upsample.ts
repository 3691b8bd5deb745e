/** Finer grids for dense tensors: cells repeated, or interpolated between. */
import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { cellPlaces, countable } from "../interpolation.ts";
import type { ValueId } from "../module.ts";
import type { FeatType } from "../types.ts";
import { mostPerAxis } from "./geometry.ts";
import { outputGrid } from "./grid.ts";
import { optional, required, type SurfaceOp } from "./op.ts";
import type { Operand, Use } from "./use.ts";

/** Axes of the modes that PyTorch names by them. */
const AXES: Readonly<Record<string, number>> = { bilinear: 2, trilinear: 3 };

export const upsample: SurfaceOp = {
  name: "upsample",
  doc: "Makes a dense tensor `s` times as large along each axis: every cell repeated, PyTorch's nearest neighbour, or with `mode=linear` interpolated between the two cells around along every axis, PyTorch's linear, bilinear and trilinear.",
  weights: false,
  foreign: ["Upsample", "UpsamplingNearest2d", "interpolate"],
  parameters: [
    required("x", "tensor", "a dense tensor"),
    required("s", "ints", "how many times, one number or one per axis"),
    optional("mode", "word", "the nearest cell, or interpolation; `bilinear` and `trilinear` are `linear` on two and three axes", { choices: ["nearest", "linear", "bilinear", "trilinear"], fallback: "`nearest`" }),
    optional("align_corners", "bool", "of interpolation: whether the first and last cells of both tensors lie at the same places, instead of their edges", { fallback: "`false`" }),
  ],
  foreignArguments: { scale_factor: { kind: "spelled", spelling: "s" }, recompute_scale_factor: { kind: "needless", why: "factors are whole numbers" } },
  build(use) {
    const x = use.grid("x");
    if (x === undefined) return undefined;
    const extents = use.net.sites.extents(x.type.sites)!;
    const times = use.perAxis("s", extents.length, 1, mostPerAxis);
    const onto = times && outputGrid(use, x, extents.map((n, i) => n * times[i]!));
    if (times === undefined || onto === undefined) return undefined;
    const mode = use.text("mode") ?? "nearest";
    if (mode === "nearest" && use.has("align_corners")) return use.report(diagnose("SP0482", {}, [{ span: use.spanOf("align_corners"), text: "cells are repeated here" }], { help: { text: "write `mode=linear`, or leave `align_corners` out" } }));
    const wanted = AXES[mode] ?? extents.length;
    if (wanted !== extents.length) return use.report(diagnose("SP0483", { mode, wanted, found: extents.length }, [{ span: use.spanOf("mode"), text: `${wanted} axes` }, { span: x.span, text: `this has ${use.net.describeAxes(x.type.sites)}` }], { help: { text: "`linear` works on any number of axes" } }));
    if (mode !== "nearest") return interpolated(use, x, times);
    const geometry = { kernel: times, stride: times, padding: times.map(() => 0), dilation: times.map(() => 1) };
    return use.add("unpool", [x.id], { mode: "sum", ...geometry, onto });
  },
};

/** One axis after another, those that stay left out. */
function interpolated(use: Use, x: Operand<FeatType>, times: readonly number[]): ValueId | undefined {
  const { sites } = use.net;
  const corners = use.bool("align_corners", false);
  let [value, extents] = [x.id, sites.extents(x.type.sites)!];
  for (const [axis, s] of times.entries()) {
    if (s === 1) continue;
    const [from, to] = [extents[axis]!, extents[axis]! * s];
    if (!countable(cellPlaces(from, to, corners))) return use.report(diagnose("SP0424", { what: "an axis to interpolate along", limit: 32_768 }, [{ span: use.spanOf("s"), text: `${from} cells become ${to}` }]));
    extents = extents.with(axis, to);
    value = use.add("interpolate", [value], { axis, corners, onto: sites.fullGrid(sites.axes(x.type.sites), extents) });
  }
  return value;
}
