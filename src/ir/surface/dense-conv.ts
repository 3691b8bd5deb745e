/** Convolutions of dense tensors, and transposed ones, by the number of axes as PyTorch names them. */
import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { ValueId } from "../module.ts";
import { generatedExtent } from "../sites.ts";
import type { FeatType } from "../types.ts";
import { dParameter, mostPerAxis, sParameter } from "./geometry.ts";
import { outputGrid, readGridGeometry, slidGrid } from "./grid.ts";
import { groupsParameter, readGroups } from "./groups.ts";
import { biasParameter, cParameter, optional, required, type SurfaceOp, type SurfaceParameter } from "./op.ts";
import type { Operand, Use } from "./use.ts";

/** Numbers of axes, with the extents and kernels of a tensor in words. */
const DIMENSIONS = [
  { dim: 1, words: "one axis", extents: "W", kernel: "kw" },
  { dim: 2, words: "two axes", extents: "H, W", kernel: "kh, kw" },
  { dim: 3, words: "three axes", extents: "D, H, W", kernel: "kd, kh, kw" },
] as const;

type Dimension = (typeof DIMENSIONS)[number];

const gridParameter = ({ extents }: Dimension): SurfaceParameter => required("x", "tensor", `a dense tensor [C, ${extents}], an input or as \`to_dense\` makes of sparse features`);
const kernelParameter = required("k", "ints", "kernel, one number or one per axis");
const paddingParameter = optional("p", "ints", "zeros around the tensor", { fallback: "0" });

/** A dense tensor of so many axes; undefined after reporting. */
function tensorOf(use: Use, { dim, words }: Dimension): Operand<FeatType> | undefined {
  const x = use.grid("x");
  if (x === undefined) return undefined;
  const axes = use.net.sites.axes(x.type.sites);
  if (axes.length === dim) return outputGrid(use, x, use.net.sites.extents(x.type.sites)!) === undefined ? undefined : x;
  const other = DIMENSIONS.some((d) => d.dim === axes.length) ? { help: { text: `\`${use.name.replace(/\d/, String(axes.length))}\` works on it` } } : {};
  return use.report(diagnose("SP0467", { operation: use.name, wanted: words, found: axes.length }, [{ span: use.call.span, text: words }, { span: x.span, text: `this has ${axes.join(", ")}` }], other));
}

/** PyTorch's kernel, its spatial axes last, and a bias when wanted; undefined after reporting. */
function torchWeights(use: Use, layout: "torch" | "torch_transposed", kernel: readonly number[], cin: number, cout: number, groups: number): readonly ValueId[] | undefined {
  const stored = layout === "torch_transposed" ? { layout, groups } : { layout };
  const weight = { part: "weight", role: "conv" as const, ...stored, shape: [...kernel, cin / groups, cout] };
  const bias = { part: "bias", role: "channel" as const, layout, shape: [cout] };
  return use.params(use.bool("bias", false) ? [weight, bias] : [weight]);
}

const conv = (dimension: Dimension): SurfaceOp => ({
  name: `conv${dimension.dim}d`,
  doc: `Dense convolution: every cell of [C, ${dimension.extents}] is computed, floor((n + 2p − d(k − 1) − 1) / s) + 1 along an axis, with zeros around. The weight is PyTorch's, [Cout, Cin / groups, ${dimension.kernel}], in every layout.`,
  weights: true,
  // TorchSparse has a sparse `Conv3d`: foreign.ts answers with both.
  foreign: [...(dimension.dim === 2 ? ["Conv2d"] : []), `Conv${dimension.dim}D`, `conv${dimension.dim}D`],
  parameters: [gridParameter(dimension), cParameter, kernelParameter, sParameter, paddingParameter, dParameter, groupsParameter, biasParameter],
  build(use) {
    const x = tensorOf(use, dimension);
    const c = use.channels("c");
    const g = x && readGridGeometry(use, dimension.dim);
    if (x === undefined || c === undefined || g === undefined) return undefined;
    const onto = slidGrid(use, x, g);
    const groups = onto === undefined ? undefined : readGroups(use, x.type.channels, c);
    const weights = groups === undefined ? undefined : torchWeights(use, "torch", g.kernel, x.type.channels, c, groups);
    return onto === undefined || groups === undefined || weights === undefined ? undefined : use.add("conv", [x.id, ...weights], { ...g, sites: "given", onto, shape: "box", groups });
  },
});

const deconv = (dimension: Dimension): SurfaceOp => ({
  name: `deconv${dimension.dim}d`,
  doc: `Dense transposed convolution: (n − 1) · s − 2p + d(k − 1) + 1 + output_padding cells along an axis, all of them computed. The weight is PyTorch's, [Cin, Cout / groups, ${dimension.kernel}], in every layout.`,
  weights: true,
  foreign: [`ConvTranspose${dimension.dim}d`, `Conv${dimension.dim}DTranspose`],
  parameters: [
    gridParameter(dimension), cParameter, kernelParameter, sParameter, optional("p", "ints", "cells taken away on every side", { fallback: "0" }), dParameter,
    optional("output_padding", "ints", "cells added behind the last one, less than the stride", { fallback: "0" }),
    groupsParameter,
    biasParameter,
  ],
  build(use) {
    const { dim } = dimension;
    const x = tensorOf(use, dimension);
    const c = use.channels("c");
    const g = x && readGridGeometry(use, dim);
    const added = use.has("output_padding") ? use.perAxis("output_padding", dim, 0, mostPerAxis) : Array.from({ length: dim }, () => 0);
    if (x === undefined || c === undefined || g === undefined || added === undefined) return undefined;
    if (added.some((n, i) => n >= Math.max(g.stride[i]!, g.dilation[i]!))) {
      return use.report(diagnose("SP0461", {}, [{ span: use.spanOf("output_padding"), text: `the stride is ${g.stride.join(", ")}` }]));
    }
    const extents = use.net.sites.extents(x.type.sites)!;
    const onto = outputGrid(use, x, extents.map((n, i) => generatedExtent(n, g.kernel[i]!, g.stride[i]!, g.padding[i]!, g.dilation[i]!, added[i]!)));
    const groups = onto === undefined ? undefined : readGroups(use, x.type.channels, c);
    const weights = groups === undefined ? undefined : torchWeights(use, "torch_transposed", g.kernel, x.type.channels, c, groups);
    return onto === undefined || groups === undefined || weights === undefined ? undefined : use.add("up", [x.id, ...weights], { ...g, onto, groups });
  },
});

export const denseConvs: readonly SurfaceOp[] = [...DIMENSIONS.map(conv), ...DIMENSIONS.map(deconv)];
