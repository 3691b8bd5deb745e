import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { generatedExtent } from "../sites.ts";
import type { FeatType } from "../types.ts";
import { convWeights, PRODUCTS } from "./conv.ts";
import { checkTotalStride, choosePadding, dParameter, kParameter, mostPerAxis, pParameter, readKernel, readPadding, sParameter } from "./geometry.ts";
import { groupsParameter, readGroups } from "./groups.ts";
import { biasParameter, cParameter, optional, xParameter, type SurfaceOp } from "./op.ts";
import type { Operand, Use } from "./use.ts";

export const deconv: SurfaceOp = {
  name: "deconv",
  doc: "Transposed convolution that makes new sites on a finer grid: every site `s * in - p + tap * d` that an active input and a tap lead to, inside the grid where there are extents. `up` returns to sites that exist already.",
  weights: true,
  foreign: ["SparseConvTranspose1d", "SparseConvTranspose2d", "SparseConvTranspose3d", "SparseConvTranspose4d", "MinkowskiGenerativeConvolutionTranspose", "FullConvolution"],
  parameters: [
    xParameter, cParameter, kParameter, sParameter, pParameter, dParameter,
    optional("output_padding", "ints", "cells added to the grid behind the last one, less than the stride; for grids with extents", { fallback: "0" }),
    groupsParameter,
    biasParameter,
  ],
  build(use) {
    const x = use.feat("x", PRODUCTS);
    const c = use.channels("c");
    if (x === undefined || c === undefined) return undefined;
    const dim = use.net.sites.dim(x.type.sites);
    const kernel = readKernel(use, dim, true);
    const written = use.has("p") ? readPadding(use, dim) : null;
    const added = use.has("output_padding") ? use.perAxis("output_padding", dim, 0, mostPerAxis) : kernel?.kernel.map(() => 0);
    if (kernel === undefined || written === undefined || added === undefined) return undefined;
    const padding = written ?? choosePadding(use, "reach", kernel);
    if (padding === undefined) return undefined;
    const g = { ...kernel, padding };
    if (added.some((n, i) => n >= Math.max(g.stride[i]!, g.dilation[i]!))) {
      return use.report(diagnose("SP0461", {}, [{ span: use.spanOf("output_padding"), text: `the stride is ${g.stride.join(", ")}` }]));
    }
    if (!checkTotalStride(use, x.type.sites, g.stride, "finer") || !hasRoom(use, x, g, added)) return undefined;
    const groups = readGroups(use, x.type.channels, c);
    const weights = groups && convWeights(use, x.type.dtype, g.kernel, x.type.channels / groups, c);
    return groups && weights && use.add("up", [x.id, ...weights], { ...g, groups, onto: use.net.sites.deriveGenerate(x.type.sites, g, added) });
  },
};

/** Whether the padding leaves a cell of the output grid on every axis. */
function hasRoom(use: Use, x: Operand<FeatType>, g: { readonly [key in "kernel" | "stride" | "padding" | "dilation"]: readonly number[] }, added: readonly number[]): boolean {
  const { sites } = use.net;
  const extents = sites.extents(x.type.sites) ?? [];
  const axis = extents.findIndex((n, i) => generatedExtent(n, g.kernel[i]!, g.stride[i]!, g.padding[i]!, g.dilation[i]!, added[i]!) < 1);
  if (axis < 0) return true;
  const name = sites.axes(x.type.sites)[axis]!;
  use.report(diagnose("SP0413", { axis: name }, [{ span: use.has("p") ? use.spanOf("p") : use.call.span, text: `${name} has extent ${extents[axis]}, padding ${g.padding[axis]} takes away all that the kernel makes` }]));
  return false;
}
