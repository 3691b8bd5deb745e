import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { SiteId } from "../sites.ts";
import { DTYPES, type FeatType } from "../types.ts";
import { convWeights, PRODUCTS } from "./conv.ts";
import { choosePadding, mostPerAxis, otherGrid, printGeometry } from "./geometry.ts";
import { groupsParameter, readGroups } from "./groups.ts";
import type { Step, StepGeometry } from "./net.ts";
import { biasParameter, cParameter, optional, xParameter, type SurfaceOp } from "./op.ts";
import { weightAxes } from "./shape.ts";
import type { Operand, Use } from "./use.ts";

/** The step that is reversed: where it began, and its geometry. */
export interface Way {
  readonly onto: SiteId;
  readonly geometry: StepGeometry;
}

export const up: SurfaceOp = {
  name: "up",
  doc: "Inverse convolution: returns to the sites from which the matching `conv` or pool came, by its pairs exchanged. `onto=` chooses the sites when several steps lead here, and may name other sites of that grid.",
  weights: true,
  foreign: [
    "SparseInverseConv1d", "SparseInverseConv2d", "SparseInverseConv3d", "SparseInverseConv4d", "MinkowskiConvolutionTranspose", "Deconvolution", "UpConvolution", "inverse_conv",
  ],
  parameters: [
    xParameter,
    cParameter,
    optional("k", "ints", "kernel, to say which step is reversed", { fallback: "the kernel of the step that is reversed" }),
    optional("onto", "onto", "a value on the sites to return to", { fallback: "where the last step that led to these sites began" }),
    groupsParameter,
    biasParameter,
  ],
  foreignArguments: Object.fromEntries(
    ["s", "p", "d", "stride", "padding", "dilation"].map((name) => [name, { kind: "needless", why: "`up` takes it from the step that it reverses" }]),
  ),
  build(use) {
    const x = use.feat("x", PRODUCTS);
    const c = use.channels("c");
    const way = x === undefined || c === undefined ? undefined : findWay(use, x);
    if (x === undefined || c === undefined || way === undefined) return undefined;
    const groups = readGroups(use, x.type.channels, c);
    if (groups === undefined) return undefined;
    if (groups > 1 && way.geometry.shape === "cross") return use.report(diagnose("SP0447", { why: "convolutions in groups have whole kernels" }, [{ span: use.spanOf("groups"), text: "the step that is reversed has a cross" }]));
    const weights = convWeights(use, x.type.dtype, weightAxes(way.geometry.shape, way.geometry.kernel), x.type.channels / groups, c);
    return weights && use.add("up", [x.id, ...weights], { ...way.geometry, onto: way.onto, groups });
  },
};

/** The step that led to the sites of `x`, by `onto=` and `k=` where several did; undefined after reporting. */
export function findWay(use: Use, x: Operand<FeatType>): Way | undefined {
  const onto = use.has("onto") ? use.feat("onto", DTYPES) : null;
  if (onto === undefined) return undefined;
  const leading = use.net.stepsTo(x.type.sites);
  const exact = onto === null ? leading : leading.filter((step) => step.from === onto.type.sites);
  const { sites } = use.net;
  // Other sites of a grid from which a step led here: its kernel serves them, too.
  const steps = exact.length > 0 || onto === null ? exact : leading.filter((step) => sites.strideLeads(onto.type.sites, step.geometry.stride, x.type.sites)).map((step) => ({ ...step, from: onto.type.sites }));
  if (steps.length === 0) return onto === null ? nowhere(use, x) : anew(use, x, onto);
  const dim = use.net.sites.dim(x.type.sites);
  const kernel = use.has("k") ? use.perAxis("k", dim, 1, 1_024) : null;
  if (kernel === undefined) return undefined;
  const matching = kernel === null ? steps : steps.filter((step) => step.geometry.kernel.join() === kernel.join());
  if (kernel !== null && matching.length === 0) return free(use, steps, kernel) ?? otherKernel(use, steps, kernel);
  const [way, another] = [matching[0]!, matching.find((step) => step.from !== matching[0]!.from || step.geometry.shape !== matching[0]!.geometry.shape || printGeometry(step.geometry) !== printGeometry(matching[0]!.geometry))];
  if (another === undefined) return { onto: way.from, geometry: way.geometry };
  const labels = [
    { span: use.call.span, text: "reverses which one?" },
    { span: way.span, text: `from ${way.from} by ${printGeometry(way.geometry)}` },
    { span: another.span, text: `from ${another.from} by ${printGeometry(another.geometry)}` },
  ];
  const text = way.from === another.from ? "write the kernel, `k=`" : "write `onto=` with a value on the sites to return to";
  return use.report(diagnose("SP0407", { operation: use.name }, labels, { help: { text } }));
}

/** MinkowskiEngine searches the pairs of any kernel between two grids anew. */
function free(use: Use, steps: readonly Step[], kernel: readonly number[]): Way | undefined {
  const { dialect, sites } = use.net;
  const [step] = steps;
  if (dialect?.freeUp !== true || step === undefined || steps.some((s) => s.from !== step.from)) return undefined;
  if (sites.peekFloor(step.from, step.geometry.stride) !== step.to) return undefined;
  const { dilation, stride, shape } = step.geometry;
  if (shape === "cross" && kernel.some((k) => k % 2 === 0)) return undefined;
  return { onto: step.from, geometry: { kernel, stride, dilation, shape, padding: kernel.map((k, i) => dialect.padding(k, dilation[i]!)) } };
}

/** No step led here from the grid of `onto`: the ratio of the strides and the kernel as written say what is reversed. */
function anew(use: Use, x: Operand<FeatType>, onto: Operand<FeatType>): Way | undefined {
  const { sites } = use.net;
  const [fine, coarse] = [sites.totalStride(onto.type.sites), sites.totalStride(x.type.sites)];
  const stride = coarse.map((t, i) => Math.round(t / (fine[i] ?? t)));
  if (stride.some((s) => s < 1) || !sites.strideLeads(onto.type.sites, stride, x.type.sites)) return otherGrid(use, x, onto, "no stride");
  if (!use.has("k")) return use.report(diagnose("SP0464", {}, [{ span: use.call.span, text: `reverses a stride of ${stride.join(", ")}` }, { span: onto.span, text: `this is on ${onto.type.sites}` }]));
  const kernel = use.perAxis("k", stride.length, 1, mostPerAxis);
  if (kernel === undefined) return undefined;
  const dilation = stride.map(() => 1);
  const padding = choosePadding(use, "reach", { kernel, stride, dilation });
  return padding && { onto: onto.type.sites, geometry: { kernel, stride, padding, dilation, shape: "box" } };
}

function otherKernel(use: Use, steps: readonly Step[], kernel: readonly number[]): undefined {
  const step = steps[0]!;
  const expected = printGeometry({ kernel: step.geometry.kernel });
  const labels = [{ span: use.spanOf("k"), text: "another kernel" }, { span: step.span, text: `this is the step that is reversed: ${printGeometry(step.geometry)}` }];
  return use.report(diagnose("SP0406", { operation: use.name, expected, found: printGeometry({ kernel }) }, labels, { help: { text: "leave `k` out" } }));
}

function nowhere(use: Use, x: Operand<FeatType>): undefined {
  const here = { span: x.span, text: `this is on ${x.type.sites}` };
  const notes = use.net.sites.def(x.type.sites).kind === "input" ? [`${x.type.sites} is an input's site set: no convolution led to it`] : [];
  const help = { text: `${use.name === "up" ? "`deconv` makes new sites; " : ""}\`onto=\` names a value whose sites are wanted` };
  return use.report(diagnose("SP0405", { operation: use.name }, [{ span: use.call.span, text: "to where?" }, here], { notes, help }));
}
