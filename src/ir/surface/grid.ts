/** Dense tensors, which are features on full grids: kernels that slide over all cells, as PyTorch has them. */
import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { ValueId } from "../module.ts";
import { ceilExtent, outputExtent, type Geometry, type SiteId } from "../sites.ts";
import type { FeatType } from "../types.ts";
import { readKernel, readPadding, type Chosen } from "./geometry.ts";
import { mostCells } from "./net.ts";
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

/** The full grid of all places of a sliding kernel, or with `ceil` also of one that begins inside and sticks out behind; undefined after reporting. */
export function slidGrid(use: Use, x: Operand<FeatType>, g: Geometry, ceil = false): SiteId | undefined {
  const extents = use.net.sites.extents(x.type.sites)!;
  return outputGrid(use, x, extents.map((n, i) => (ceil ? ceilExtent : outputExtent)(n, g.kernel[i]!, g.stride[i]!, g.padding[i]!, g.dilation[i]!)));
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
  const onto = geometry && slidGrid(use, x, geometry, use.bool("ceil", false));
  return geometry === undefined || onto === undefined ? undefined : { rule: "given", geometry, onto };
}

/**
 * The average over windows of a dense tensor some of which stick out behind its padding: divided by as many cells as lie
 * in the tensor and its padding, as PyTorch has it. The padding becomes cells of a grid of their own.
 */
export function averageInPadding(use: Use, x: Operand<FeatType>, { geometry, onto }: Chosen, shape: string): ValueId | undefined {
  const extents = use.net.sites.extents(x.type.sites)!;
  const { padding } = geometry;
  const padded = outputGrid(use, x, extents.map((n, i) => n + 2 * padding[i]!));
  if (padded === undefined) return undefined;
  const ones = extents.map(() => 1);
  const wide = use.add("pool", [x.id], { mode: "sum", kernel: ones, stride: ones, padding, dilation: ones, sites: "given", onto: padded, shape: "box", divisor: "count" });
  return use.add("pool", [wide], { mode: "avg", ...geometry, padding: ones.map(() => 0), sites: "given", onto: onto!, shape, divisor: "count" });
}

/** Whether some window reaches beyond the padding behind a dense tensor. */
export function sticksOut(use: Use, x: Operand<FeatType>, { geometry: g, onto }: Chosen): boolean {
  const [from, to] = [use.net.sites.extents(x.type.sites)!, use.net.sites.extents(onto!)!];
  return from.some((n, i) => (to[i]! - 1) * g.stride[i]! + g.dilation[i]! * (g.kernel[i]! - 1) + 1 > n + 2 * g.padding[i]!);
}
