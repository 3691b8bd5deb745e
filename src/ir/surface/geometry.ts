import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { outputExtent, type Geometry, type SiteId } from "../sites.ts";
import { DTYPES, type FeatType } from "../types.ts";
import { optional, required, type SurfaceParameter } from "./op.ts";
import type { Operand, Use } from "./use.ts";

export type SiteRule = "same" | "reach" | "floor";

/** Kernel, stride, padding and dilation are bounded so that volumes, strides and coordinates stay exact numbers. */
export const mostPerAxis = 1_024;
const mostTaps = 4_096;
const mostStride = 2 ** 24;

export const kParameter = required("k", "ints", "kernel, one number or one per axis");
export const sParameter = optional("s", "ints", "stride", { fallback: "1" });
export const dParameter = optional("d", "ints", "dilation", { fallback: "1" });
export const pParameter = optional("p", "ints", "padding", { fallback: "the dialect's; without a dialect 0 when `k` equals `s`, else it must be written" });
export const sitesParameter: SurfaceParameter = optional("sites", "word", "site rule", {
  choices: ["reach", "floor", "same"],
  fallback: "the dialect's; without a dialect it must be written where libraries disagree",
});

/** The stride, dilation and kernel as written; undefined after reporting. */
export function readKernel(use: Use, dim: number, strided: boolean): Pick<Geometry, "kernel" | "stride" | "dilation"> | undefined {
  const ones = Array.from({ length: dim }, () => 1);
  const kernel = use.perAxis("k", dim, 1, mostPerAxis);
  const stride = strided && use.has("s") ? use.perAxis("s", dim, 1, mostPerAxis) : ones;
  const dilation = use.has("d") ? use.perAxis("d", dim, 1, mostPerAxis) : ones;
  if (kernel === undefined || stride === undefined || dilation === undefined) return undefined;
  if (kernel.reduce((a, b) => a * b, 1) > mostTaps) {
    return use.report(diagnose("SP0424", { what: "the kernel", limit: mostTaps }, [{ span: use.spanOf("k"), text: "taps in all" }]));
  }
  return { kernel, stride, dilation };
}

export const readPadding = (use: Use, dim: number): readonly number[] | undefined => use.perAxis("p", dim, 0, mostPerAxis);

/** `k=3 s=2`, for messages: one number where all axes agree. */
export function printGeometry(g: Partial<Geometry>): string {
  const part = (letter: string, list: readonly number[] | undefined, quiet: number): readonly string[] =>
    list === undefined || list.every((n) => n === quiet) ? [] : [`${letter}=${list.every((n) => n === list[0]) ? list[0] : `[${list.join(", ")}]`}`];
  return [...part("k", g.kernel, 0), ...part("s", g.stride, 1), ...part("p", g.padding, -1), ...part("d", g.dilation, 1)].join(" ");
}

export const ontoParameter = optional("onto", "onto", "a value whose sites are the output's, on the grid that the stride leads to", { fallback: "the sites follow from the rule" });

/** The rule and geometry of a convolution or pool, and the site set of the rule `given`. */
export interface Chosen {
  readonly rule: SiteRule | "given";
  readonly geometry: Geometry;
  readonly onto?: SiteId;
}

/** Site rule and geometry of a convolution or pool: as written, by dialect, or where all libraries agree. */
export function chooseGeometry(use: Use, x: Operand<FeatType>): Chosen | undefined {
  return use.has("onto") ? givenSites(use, x) : derivedSites(use, x);
}

/** The sites of the value named by `onto=`; no rule is needed then, only the padding. */
function givenSites(use: Use, x: Operand<FeatType>): Chosen | undefined {
  const onto = use.feat("onto", DTYPES);
  const dim = use.net.sites.dim(x.type.sites);
  const kernel = onto && readKernel(use, dim, true);
  const written = use.has("p") ? readPadding(use, dim) : null;
  if (onto === undefined || kernel === undefined || written === undefined) return undefined;
  if (use.has("sites")) return use.report(diagnose("SP0463", {}, [{ span: use.spanOf("sites"), text: "a rule" }, { span: use.spanOf("onto"), text: "and the sites themselves" }], { help: { text: "leave `sites` out" } }));
  if (!use.net.sites.strideLeads(x.type.sites, kernel.stride, onto.type.sites)) return otherGrid(use, x, onto, printGeometry({ stride: kernel.stride }) || "stride 1");
  const padding = written ?? choosePadding(use, kernel.stride.every((s) => s === 1) && kernel.kernel.every((k) => k % 2 === 1) ? "same" : "reach", kernel);
  return padding && { rule: "given", geometry: { ...kernel, padding }, onto: onto.type.sites };
}

/** Reports that `onto=` names sites of another grid than the one that `how` leads to. */
export function otherGrid(use: Use, x: Operand<FeatType>, onto: Operand<FeatType>, how: string): undefined {
  const labels = [{ span: onto.span, text: `this is on ${use.net.describeGrid(onto.type.sites)}` }, { span: x.span, text: `this is on ${use.net.describeGrid(x.type.sites)}` }];
  return use.report(diagnose("SP0462", { operation: use.name, how }, labels));
}

function derivedSites(use: Use, x: Operand<FeatType>): { readonly rule: SiteRule; readonly geometry: Geometry } | undefined {
  const { sites } = use.net;
  const dim = sites.dim(x.type.sites);
  const kernel = readKernel(use, dim, true);
  const written = use.has("p") ? readPadding(use, dim) : null;
  if (kernel === undefined || written === undefined) return undefined;
  const rule = chooseRule(use, x.type.sites, kernel, written);
  if (rule === undefined) return undefined;
  const padding = written ?? choosePadding(use, rule, kernel);
  if (padding === undefined) return undefined;
  const geometry = { ...kernel, padding };
  return fits(use, x.type.sites, rule, geometry, written === null) ? { rule, geometry } : undefined;
}

type Kernel = Pick<Geometry, "kernel" | "stride" | "dilation">;

function chooseRule(use: Use, of: SiteId, { kernel, stride, dilation }: Kernel, written: readonly number[] | null): SiteRule | undefined {
  const unit = stride.every((s) => s === 1);
  const word = use.text("sites") as SiteRule | undefined;
  if (word === "same" && !unit) return use.report(diagnose("SP0423", {}, [{ span: use.spanOf("sites"), text: `stride ${stride.join(", ")} here` }]));
  if (word !== undefined) return word === "floor" && unit ? "same" : word;
  const { dialect } = use.net;
  if (dialect !== undefined) {
    const rule = unit ? dialect.unitSites : dialect.stridedSites(kernel, stride);
    if (rule !== undefined) return rule;
    const notes = ["where stride and kernel differ, TorchSparse bounds the output grid by the largest coordinate of the batch", "write `sites=reach` or `sites=floor` for a rule that does not depend on the data"];
    return use.report(diagnose("SP0220", { what: "the site rule of TorchSparse for this stride" }, [{ span: use.call.span, text: printGeometry({ kernel, stride }) }], { notes }));
  }
  const unpadded = written === null || written.every((p) => p === 0);
  if (unit && unpadded && kernel.every((k) => k === 1)) return "same";
  const extents = use.net.sites.extents(of);
  const tiles = kernel.every((k, i) => k === stride[i] && (dilation[i] === 1 || k === 1) && (extents?.[i] ?? 0) % k === 0);
  if (!unit && unpadded && tiles) return "floor";
  return ambiguousSites(use, unit);
}

function ambiguousSites(use: Use, unit: boolean): undefined {
  const choices = unit ? ["reach", "same"] : ["reach", "floor"];
  const notes = unit
    ? ["spconv: every site that an active input reaches, so the sites grow (`sites=reach`)", "MinkowskiEngine and TorchSparse: the sites stay (`sites=same`, or `subm`)"]
    : ["spconv and SparseConvNet: every output that an active input reaches; there can be more than inputs (`sites=reach`)", "MinkowskiEngine: `floor(c / s)`; never more sites than inputs (`sites=floor`)"];
  const help = { text: `write ${choices.map((c) => `\`sites=${c}\``).join(" or ")}, or begin the net with \`dialect spconv\` or \`dialect minkowski\`` };
  return use.report(diagnose("SP0403", { operation: use.name }, [{ span: use.call.span, text: "which sites?" }], { notes, help }));
}

/** Padding where none is written: the dialect's, or where all libraries agree; undefined after reporting. */
export function choosePadding(use: Use, rule: SiteRule, { kernel, stride, dilation }: Kernel): readonly number[] | undefined {
  if (rule === "same") return samePadding(use, kernel, dilation);
  const { dialect } = use.net;
  if (dialect !== undefined) return kernel.map((k, i) => dialect.padding(k, dilation[i]!));
  if (kernel.every((k, i) => k === stride[i] || k === 1)) return kernel.map(() => 0);
  const centred = kernel.map((k, i) => (k % 2 === 1 ? ((k - 1) / 2) * dilation[i]! : 0));
  const list = (p: readonly number[]): string => (p.every((n) => n === p[0]) ? String(p[0]) : `[${p.join(", ")}]`);
  if (centred.every((p) => p === 0)) return centred;
  const notes = ["spconv pads nothing: `p=0`", `MinkowskiEngine centres odd kernels: \`p=${list(centred)}\``];
  return use.report(diagnose("SP0404", { operation: use.name }, [{ span: use.call.span, text: printGeometry({ kernel, stride, dilation }) }], { notes, help: { text: `write \`p=0\` or \`p=${list(centred)}\`` } }));
}

/** Padding of a kernel that keeps its sites. All libraries centre odd kernels; about even ones they disagree. */
export function samePadding(use: Use, kernel: readonly number[], dilation: readonly number[]): readonly number[] | undefined {
  const { dialect } = use.net;
  const padding: number[] = [];
  for (const [i, k] of kernel.entries()) {
    const d = dilation[i]!;
    const p = dialect === undefined ? (k % 2 === 1 ? ((k - 1) / 2) * d : undefined) : dialect.submPadding(k, d);
    if (p === undefined) return evenKernel(use, dialect?.name);
    padding.push(p);
  }
  return padding;
}

function evenKernel(use: Use, dialect: string | undefined): undefined {
  const notes = ["spconv refuses even kernels here", "MinkowskiEngine and TorchSparse take taps 0 to k-1: `p=0`", "SparseConvNet takes taps -k/2 to k/2-1: `p=k/2`"];
  const text = dialect === undefined ? "even" : `even, which ${dialect} refuses`;
  return use.report(diagnose("SP0411", {}, [{ span: use.spanOf("k"), text }], { notes }));
}

/** Whether strides from the input to a coarser or finer grid stay numbers one can count with. */
export function checkTotalStride(use: Use, of: SiteId, stride: readonly number[], way: "coarser" | "finer"): boolean {
  const total = use.net.sites.totalStride(of).map((t, i) => (way === "coarser" ? t * stride[i]! : t / stride[i]!));
  if (total.every((t) => t <= mostStride && t >= 1 / mostStride)) return true;
  const text = total.map((t) => (t < 1 ? `1/${1 / t}` : t)).join(", ");
  use.report(diagnose("SP0424", { what: "the total stride", limit: mostStride }, [{ span: use.call.span, text: `${text} from the input` }]));
  return false;
}

/** Whether the output grid has a cell on every axis, and the total stride stays a number one can count with. */
function fits(use: Use, of: SiteId, rule: SiteRule, g: Geometry, byDialect: boolean): boolean {
  const { sites, dialect } = use.net;
  if (!checkTotalStride(use, of, g.stride, "coarser")) return false;
  const extents = sites.extents(of);
  if (extents === undefined || rule !== "reach") return true;
  for (const [i, n] of extents.entries()) {
    const axis = sites.axes(of)[i]!;
    const [k, s, p, d] = [g.kernel[i]!, g.stride[i]!, g.padding[i]!, g.dilation[i]!];
    const out = outputExtent(n, k, s, p, d);
    const span = use.has("k") ? use.spanOf("k") : use.call.span;
    if (out < 1) {
      use.report(diagnose("SP0413", { axis }, [{ span, text: `${axis} has extent ${n}, the kernel covers ${d * (k - 1) + 1} with padding ${p}` }]));
      return false;
    }
    if (dialect?.exactFit === true && byDialect && (out - 1) * s + d * (k - 1) + 1 !== n) {
      use.report(diagnose("SP0422", { axis }, [{ span, text: `${axis} has extent ${n}, this covers ${(out - 1) * s + d * (k - 1) + 1} of it` }]));
      return false;
    }
  }
  return true;
}
