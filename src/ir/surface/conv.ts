import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { ValueId } from "../module.ts";
import type { Geometry } from "../sites.ts";
import type { DType, FeatType } from "../types.ts";
import { BIAS_LIMIT } from "../whole.ts";
import { chooseGeometry, dParameter, kParameter, ontoParameter, pParameter, readKernel, readPadding, samePadding, sitesParameter, sParameter } from "./geometry.ts";
import { groupsParameter, readGroups } from "./groups.ts";
import { biasParameter, cParameter, optional, xParameter, type SurfaceOp } from "./op.ts";
import type { ParamSpec } from "./params.ts";
import { readShape, shapeParameter, weightAxes } from "./shape.ts";
import type { Operand, Use } from "./use.ts";

/** Numbers that products are made of. */
export const PRODUCTS: readonly DType[] = ["f32", "i8"];

/** Kernel and, when wanted, bias as operands, of `cin` input channels per group; undefined after reporting. */
export function convWeights(use: Use, x: DType, kernel: readonly number[], cin: number, cout: number): readonly ValueId[] | undefined {
  return productWeights(use, x, use.net.layout.conv(kernel, cin, cout), cout);
}

/** A weight and, when wanted, a bias for rows of these numbers. */
export function productWeights(use: Use, x: DType, weight: ParamSpec, cout: number): readonly ValueId[] | undefined {
  const bias: ParamSpec = { part: "bias", role: "channel", layout: weight.layout, shape: [cout] };
  const [w, b]: readonly [ParamSpec, ParamSpec] = x === "i8" ? [{ ...weight, dtype: "i8" }, { ...bias, dtype: "i32", limit: BIAS_LIMIT }] : [weight, bias];
  return use.params(use.bool("bias", false) ? [w, b] : [w]);
}

function addSubm(use: Use, x: Operand<FeatType>, c: number, g: Pick<Geometry, "kernel" | "padding" | "dilation">): ValueId | undefined {
  const groups = readGroups(use, x.type.channels, c);
  const shape = readShape(use, g.kernel, "same");
  if (groups === undefined || shape === undefined) return undefined;
  const weights = convWeights(use, x.type.dtype, weightAxes(shape, g.kernel), x.type.channels / groups, c);
  return weights && use.add("subm", [x.id, ...weights], { kernel: g.kernel, padding: g.padding, dilation: g.dilation, shape, groups });
}

export const subm: SurfaceOp = {
  name: "subm",
  doc: "Submanifold convolution: the sites stay as they are.",
  weights: true,
  foreign: ["SubMConv1d", "SubMConv2d", "SubMConv3d", "SubMConv4d", "SubmanifoldConvolution", "subm_conv"],
  parameters: [xParameter, cParameter, kParameter, dParameter, optional("p", "ints", "padding", { fallback: "`(k // 2) * d`, centred; even kernels by dialect" }), shapeParameter, groupsParameter, biasParameter],
  build(use) {
    const x = use.feat("x", PRODUCTS);
    const c = use.channels("c");
    if (x === undefined || c === undefined) return undefined;
    const dim = use.net.sites.dim(x.type.sites);
    const g = readKernel(use, dim, false);
    if (g === undefined) return undefined;
    const written = use.has("p") ? readPadding(use, dim) : null;
    if (written === undefined) return undefined;
    const padding = written !== null && use.net.dialect === undefined ? written : samePadding(use, g.kernel, g.dilation);
    if (padding === undefined) return undefined;
    if (written !== null && written.join() !== padding.join()) {
      const used = padding.every((p) => p === padding[0]) ? String(padding[0]) : `[${padding.join(", ")}]`;
      return use.report(diagnose("SP0421", { dialect: use.net.dialect?.name ?? "", used }, [{ span: use.spanOf("p"), text: "would be ignored there" }], { help: { text: "leave `p` out" } }));
    }
    return addSubm(use, x, c, { ...g, padding });
  },
};

export const conv: SurfaceOp = {
  name: "conv",
  doc: "Convolution onto derived sites: with a stride onto a coarser grid, at stride 1 onto grown sites (`sites=reach`) or the same ones (`sites=same`), or onto those of another value (`onto=`).",
  weights: true,
  foreign: ["SparseConv1d", "SparseConv2d", "SparseConv3d", "SparseConv4d", "MinkowskiConvolution", "Convolution", "spconv"],
  parameters: [xParameter, cParameter, kParameter, sParameter, pParameter, dParameter, sitesParameter, ontoParameter, shapeParameter, groupsParameter, biasParameter],
  build(use) {
    const x = use.feat("x", PRODUCTS);
    const c = use.channels("c");
    const chosen = x === undefined || c === undefined ? undefined : chooseGeometry(use, x);
    if (x === undefined || c === undefined || chosen === undefined) return undefined;
    const { rule, geometry, onto = "" } = chosen;
    if (rule === "same") return addSubm(use, x, c, geometry);
    const groups = readGroups(use, x.type.channels, c);
    const shape = readShape(use, geometry.kernel, rule);
    if (groups === undefined || shape === undefined) return undefined;
    const weights = convWeights(use, x.type.dtype, weightAxes(shape, geometry.kernel), x.type.channels / groups, c);
    if (weights === undefined) return undefined;
    const y = use.add("conv", [x.id, ...weights], { ...geometry, sites: rule, onto, shape, groups });
    use.net.recordStep(x.type.sites, y, { ...geometry, shape }, use.call.span);
    return y;
  },
};
