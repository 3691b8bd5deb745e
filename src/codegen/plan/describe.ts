import { printLoc } from "../../ir/loc.ts";
import { string, type Module, type Op } from "../../ir/module.ts";
import type { StepPlan } from "../../runtime/plan.ts";
import type { ConvTerm, DenseTarget, EpilogueStep, MapAccess, RowAccess } from "../wgsl/spec.ts";
import type { SpecBody } from "./step-draft.ts";

/** Name and heading comment of a step's kernel. */
export interface StepDescription {
  readonly name: string;
  readonly header: readonly string[];
}

/** `k07_conv_conv2_0`: step index, kind, and the first weight's path, so that names survive edits elsewhere. */
export function describeStep(module: Module, op: Op, spec: SpecBody, index: number): StepDescription {
  const weight = weightPath(module, op);
  const tail = weight === "" ? "" : `_${weight.replace(/[^A-Za-z0-9]+/g, "_")}`;
  const rows = string(op.attrs, "rows");
  return {
    name: `k${String(index).padStart(2, "0")}_${spec.kind}${tail}`.slice(0, 60),
    header: [
      `${whatOf(spec)}${weight === "" ? "" : `, ${weight}`}`,
      `rows of ${rows === "batch" ? "the batch" : `@${rows}`}; ${shapeOf(spec)}`,
      ...(epilogueOf(spec) === "" ? [] : [`then ${epilogueOf(spec)}`]),
      `from ${printLoc(op.loc)}`,
    ],
  };
}

/** Path of the first parameter packed for the step, without the tensor's own name. */
function weightPath(module: Module, op: Op): string {
  const defs = definitions(module);
  let value = op.operands.find((v) => defs.get(v)?.name === "pack");
  while (value !== undefined) {
    const def: Op | undefined = defs.get(value);
    if (def === undefined) return "";
    if (def.name === "param") return string(def.attrs, "name").replace(/\.(weight|kernel|bias)$/, "");
    value = def.operands[0];
  }
  return "";
}

const cache = new WeakMap<Module, ReadonlyMap<number, Op>>();

function definitions(module: Module): ReadonlyMap<number, Op> {
  let defs = cache.get(module);
  if (defs === undefined) {
    defs = new Map(module.ops.flatMap((op) => op.results.map((r) => [r, op] as const)));
    cache.set(module, defs);
  }
  return defs;
}

function whatOf(spec: SpecBody): string {
  switch (spec.kind) {
    case "conv":
      return `convolution of ${spec.terms.length === 1 ? "one source" : `${spec.terms.length} sources`}`;
    case "grouped":
      return spec.reads === 1 ? "depthwise convolution" : `convolution in ${spec.source.channels / spec.reads} groups`;
    case "pair":
      return "two submanifold convolutions, the value between them on chip";
    case "pointwise":
      return "coords" in spec.target ? "scatter to dense" : "pointwise";
    case "pool":
      return `${spec.mode} pool${spec.mode === "max" && spec.divisor !== "count" ? ", missing inputs as zeros" : ""}`;
    case "global_pool":
      return `global ${spec.mode} pool`;
    case "softmax":
      return spec.log ? "logarithm of softmax" : "softmax";
    case "active":
      return `rows that differ from ${spec.ground === undefined ? "0" : "a vector"}`;
    case "interpolate":
      return `linear interpolation of ${spec.from} cells to ${spec.to}`;
    case "broadcast":
      return `${spec.by === "copy" ? "copy" : spec.by} of each batch item's row`;
    case "moments":
      return "means and squared deviations of parts";
    case "statistics":
      return `statistics ${spec.whole ? "of all rows" : "of each batch item"}`;
    case "normalise":
      return `normalised by the statistics ${spec.whole ? "of all rows" : "of its batch item"}`;
    case "row_norm":
      return "normalised by the statistics of its channels";
    case "voxelize":
      return `${spec.mode} of the points of each row${spec.most === 0 ? "" : `, the first ${spec.most}`}`;
    case "devoxelize":
      return `linear between the corners around each point${spec.scaled ? ", weights of those that are there scaled to 1" : ""}`;
    case "fill":
      return "ground of a dense tensor";
    case "prune":
      return `makes @${spec.sites} of the rows greater than ${spec.above}`;
  }
}

function shapeOf(spec: SpecBody): string {
  switch (spec.kind) {
    case "conv":
      return `${spec.terms.map(printTerm).join(" + ")} -> columns ${spec.columns[0]} to ${spec.columns[1]}${printTarget(spec.target)}`;
    case "grouped":
      return `${spec.map.taps.length} taps × ${spec.source.channels / spec.reads} groups of ${spec.reads} -> columns ${spec.columns[0]} to ${spec.columns[1]}${printTarget(spec.target)}`;
    case "pair":
      return `${spec.map.taps.length} taps × ${spec.source.channels} -> ${spec.middle}, ${spec.map.taps.length} taps × ${spec.middle} -> ${spec.cout}${printTarget(spec.target)}`;
    case "prune":
      return "a mask";
    case "broadcast":
      return `${spec.vector.channels} channels${printTarget(spec.target)}`;
    case "statistics":
      return `${spec.channels} channels in ${spec.groups} groups`;
    case "moments":
      return `${spec.source.channels} channels`;
    case "fill":
      return `${spec.channels} channels of ${spec.target.channels / spec.channels} cells`;
    default:
      return `${spec.source.channels} channels${printTarget(spec.target)}`;
  }
}

const printTerm = (t: ConvTerm): string => `${t.map === undefined ? "own row" : `${t.map.taps.length} taps`} × ${t.source.channels}`;

function printTarget(target: RowAccess | DenseTarget): string {
  if ("coords" in target) return `, dense [${target.channels}, ${target.extents.join(", ")}]${target.fold === undefined ? "" : ` with axis ${target.fold} folded`}${target.last === true ? ", channels last" : ""}`;
  return target.stride === target.channels ? "" : `, written into channels ${target.offset} to ${target.offset + target.channels} of ${target.stride}`;
}

function epilogueOf(spec: SpecBody): string {
  const print = (steps: readonly EpilogueStep[]): string => steps.map((s) => s.do).join(", ");
  if (spec.kind === "pair") return [print(spec.first) || "nothing", print(spec.second) || "nothing"].join(" | ");
  return "epilogue" in spec ? print(spec.epilogue) : "";
}

/** Multiply-accumulates of a step, by row and by pair of each rulebook. */
export function stepMacs(spec: SpecBody, rulebookOf: (role: string) => number): StepPlan["macs"] {
  const epilogue = (steps: readonly EpilogueStep[], channels: number): number =>
    steps.reduce((n, s) => n + (s.do === "linear" ? channels * s.cout : 0), 0);
  const used = ({ role, stored, taps }: MapAccess): { readonly rulebook: number; readonly taps?: readonly number[] } =>
    ({ rulebook: rulebookOf(role), ...(taps.length < stored ? { taps } : {}) });
  switch (spec.kind) {
    case "conv": {
      const columns = spec.columns[1] - spec.columns[0];
      const own = spec.terms.filter((t) => t.map === undefined).reduce((n, t) => n + t.source.channels * columns, 0);
      const perPair = spec.terms.flatMap((t) => (t.map === undefined ? [] : [{ ...used(t.map), macs: t.source.channels * columns }]));
      return { perRow: own + epilogue(spec.epilogue, columns), perPair };
    }
    case "grouped":
      return { perRow: 0, perPair: [{ ...used(spec.map), macs: spec.reads * (spec.columns[1] - spec.columns[0]) }] };
    case "pair":
      return {
        perRow: epilogue(spec.first, spec.middle) + epilogue(spec.second, spec.cout),
        perPair: [{ ...used(spec.map), macs: spec.source.channels * spec.middle }, { ...used(spec.map), macs: spec.middle * spec.cout }],
      };
    case "devoxelize":
      return { perRow: 0, perPair: [{ ...used(spec.map), macs: spec.source.channels }] };
    case "pool":
      return { perRow: 0, perPair: [{ ...used(spec.map), macs: 0 }] };
    default:
      return { perRow: 0, perPair: [] };
  }
}
