/** Dense tensors, which are features on full grids: kernels that slide over all cells, as PyTorch has them. */
import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { outputExtent, type Geometry, type SiteId } from "../sites.ts";
import type { FeatType } from "../types.ts";
import { mostPerAxis, readKernel, readPadding, type Chosen } from "./geometry.ts";
import { mostCells } from "./net.ts";
import { required, type SurfaceOp } from "./op.ts";
import type { Operand, Use } from "./use.ts";

/** Kernel, stride, padding and dilation as written, padding 0 where none is, as PyTorch's; undefined after reporting. */
export function readGridGeometry(use: Use, dim: number): Geometry | undefined {
  const kernel = readKernel(use, dim, true);
  const padding = use.has("p") ? readPadding(use, dim) : Array.from({ length: dim }, () => 0);
  return kernel && padding && { ...kernel, padding };
}

/** The full grid of these extents and the axes of `x`; undefined after reporting that nothing is left of an axis, or that there are too many cells. */
export function outputGrid(use: Use, x: Operand<FeatType>, extents: readonly number[]): SiteId | undefined {
  const { sites } = use.net;
  const axes = sites.axes(x.type.sites);
  const empty = extents.findIndex((n) => n < 1);
  if (empty >= 0) {
    const text = `${axes[empty]} has extent ${sites.extents(x.type.sites)![empty]}, the output would have ${extents[empty]} cells`;
    return use.report(diagnose("SP0413", { axis: axes[empty]! }, [{ span: use.call.span, text }]));
  }
  if (extents.reduce((product, n) => product * n, 1) > mostCells) return use.report(diagnose("SP0424", { what: "the grid of a dense tensor", limit: mostCells }, [{ span: use.call.span, text: `${extents.join(" × ")} cells` }]));
  return sites.fullGrid(axes, extents);
}

/** The full grid of all places of a sliding kernel; undefined after reporting. */
export function slidGrid(use: Use, x: Operand<FeatType>, g: Geometry): SiteId | undefined {
  const extents = use.net.sites.extents(x.type.sites)!;
  return outputGrid(use, x, extents.map((n, i) => outputExtent(n, g.kernel[i]!, g.stride[i]!, g.padding[i]!, g.dilation[i]!)));
}

/** Geometry and result of a local pool over a dense tensor; undefined after reporting. Its cells are all there, so there is no rule. */
export function chooseGridGeometry(use: Use, x: Operand<FeatType>): Chosen | undefined {
  const needless = ["sites", "onto"].find((name) => use.has(name));
  if (needless !== undefined) {
    const labels = [{ span: use.spanOf(needless), text: "for sparse features" }, { span: x.span, text: "this has every cell" }];
    return use.report(diagnose("SP0468", { parameter: needless }, labels, { help: { text: `leave \`${needless}\` out` } }));
  }
  const given = outputGrid(use, x, use.net.sites.extents(x.type.sites)!);
  const geometry = given === undefined ? undefined : readGridGeometry(use, use.net.sites.dim(x.type.sites));
  const onto = geometry && slidGrid(use, x, geometry);
  return geometry === undefined || onto === undefined ? undefined : { rule: "given", geometry, onto };
}

export const upsample: SurfaceOp = {
  name: "upsample",
  doc: "Repeats every cell of a dense tensor `s` times along each axis: PyTorch's nearest neighbour.",
  weights: false,
  foreign: ["Upsample", "UpsamplingNearest2d", "interpolate"],
  parameters: [required("x", "tensor", "a dense tensor"), required("s", "ints", "how many times, one number or one per axis")],
  foreignArguments: { scale_factor: { kind: "spelled", spelling: "s" } },
  build(use) {
    const x = use.grid("x");
    if (x === undefined) return undefined;
    const extents = use.net.sites.extents(x.type.sites)!;
    const times = use.perAxis("s", extents.length, 1, mostPerAxis);
    const onto = times && outputGrid(use, x, extents.map((n, i) => n * times[i]!));
    if (times === undefined || onto === undefined) return undefined;
    const geometry = { kernel: times, stride: times, padding: times.map(() => 0), dilation: times.map(() => 1) };
    return use.add("unpool", [x.id], { mode: "sum", ...geometry, onto });
  },
};
