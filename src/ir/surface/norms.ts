import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { ValueId } from "../module.ts";
import type { Over } from "../ops/normalise.ts";
import type { FeatType, VecType } from "../types.ts";
import { defaultEps } from "./dialects.ts";
import { optional, required, xParameter, type SurfaceOp } from "./op.ts";
import { weightLayouts, type ParamSpec } from "./params.ts";
import type { Operand, Use } from "./use.ts";

const affineParameter = optional("affine", "bool", "whether weights scale and shift the channels of the result", { fallback: "`true`" });
const epsParameter = (fallback: string): SurfaceOp["parameters"][number] => optional("eps", "float", "added to the variance", { fallback });

/** Per-channel weights of a norm; MinkowskiEngine wraps PyTorch's batch norm and no other. */
function weights(use: Use, parts: readonly string[], channels: number, infix: string, layout = use.net.layout.name): readonly ValueId[] | undefined {
  const stored = layout === "minkowski" ? "minkowski" : "spconv2";
  return use.params(parts.map((part): ParamSpec => ({ part: infix === "" ? part : `${infix}.${part}`, role: "channel", layout: stored, shape: [channels] })));
}

/** A norm by the statistics of the rows themselves. */
function normalise(use: Use, x: Operand<FeatType | VecType>, over: Over, groups: number, fallback: number, infix: string): ValueId | undefined {
  const eps = use.float32("eps", fallback, "positive");
  const values = eps === undefined ? undefined : weights(use, use.bool("affine", true) ? ["weight", "bias"] : [], x.type.channels, infix);
  return eps === undefined || values === undefined ? undefined : use.add("normalise", [x.id, ...values], { over, groups, eps });
}

const bn: SurfaceOp = {
  name: "bn",
  doc: "Batch normalisation: per channel, with the statistics of training, or with those of all rows of the run as PyTorch in training mode (biased variance; nothing is remembered).",
  weights: true,
  foreign: ["BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "MinkowskiBatchNorm", "BatchNormalization", "batch_norm", "SyncBatchNorm", "MinkowskiSyncBatchNorm"],
  parameters: [
    xParameter,
    optional("stats", "word", "whose mean and variance: those in the weights, or those of all rows of all batch items", { choices: ["stored", "batch"], fallback: "`stored`" }),
    affineParameter,
    epsParameter("`1e-5`; `1e-4` in `dialect scn`"),
  ],
  foreignArguments: { track_running_stats: { kind: "spelled", spelling: "stats" } },
  build(use) {
    const x = use.rows("x");
    if (x === undefined) return undefined;
    // A norm of a dense tensor is PyTorch's, whatever library has the sparse ones.
    const isDense = x.type.kind === "feat" && use.net.isGrid(x.type);
    const { bnInfix: infix, name } = isDense ? weightLayouts.get("spconv2")! : use.net.layout;
    const fallback = (isDense ? undefined : use.net.dialect?.bnEps) ?? defaultEps;
    if (use.text("stats") === "batch") return normalise(use, x, "batch", x.type.channels, fallback, infix);
    const affine = use.bool("affine", true);
    const values = weights(use, [...(affine ? ["weight", "bias"] : []), "running_mean", "running_var"], x.type.channels, infix, name);
    const eps = use.float32("eps", fallback, "unsigned");
    return values === undefined || eps === undefined ? undefined : use.add("bn", [x.id, ...values], { affine, eps });
  },
};

const instanceNorm: SurfaceOp = {
  name: "instance_norm",
  doc: "Instance normalisation: per batch item and channel, with the mean and the biased variance of the item's own rows, as MinkowskiEngine's; of a dense tensor of all its cells, as PyTorch's.",
  weights: true,
  foreign: ["InstanceNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "MinkowskiInstanceNorm"],
  parameters: [xParameter, affineParameter, epsParameter("`1e-5`; `1e-8` in `dialect minkowski`, but for dense tensors")],
  build(use) {
    const x = use.cells("x");
    const eps = x && use.net.isGrid(x.type) ? undefined : use.net.dialect?.instanceEps;
    return x && normalise(use, x, "item", x.type.channels, eps ?? defaultEps, "");
  },
};

const groupNorm: SurfaceOp = {
  name: "group_norm",
  doc: "Group normalisation: per batch item and group of channels, with the mean and the biased variance over the item's rows and the group's channels, as TorchSparse's and fVDB's; of a dense tensor over all its cells, as PyTorch's. PyTorch's own `GroupNorm` on a matrix of rows takes each row by itself, which is another thing.",
  weights: true,
  foreign: ["GroupNorm"],
  parameters: [xParameter, required("groups", "int", "groups of channels, which divide them"), affineParameter, epsParameter("`1e-5`")],
  foreignArguments: { num_groups: { kind: "spelled", spelling: "groups" }, num_channels: { kind: "needless", why: "the channels follow from the value" } },
  build(use) {
    const x = use.cells("x");
    const groups = use.whole("groups");
    if (x === undefined) return undefined;
    const { channels } = x.type;
    if (groups >= 1 && channels % groups === 0) return normalise(use, x, "item", groups, defaultEps, "");
    return use.report(diagnose("SP0431", { groups, channels }, [{ span: use.spanOf("groups"), text: "groups" }, { span: x.span, text: `${channels} channels` }]));
  },
};

const layerNorm: SurfaceOp = {
  name: "layer_norm",
  doc: "Layer normalisation: every row by the mean and the biased variance of its own channels, as PyTorch's `LayerNorm` of as many numbers; of a dense tensor every cell.",
  weights: true,
  foreign: ["LayerNorm"],
  parameters: [xParameter, affineParameter, epsParameter("`1e-5`")],
  foreignArguments: { elementwise_affine: { kind: "spelled", spelling: "affine" }, normalized_shape: { kind: "needless", why: "it runs along the channels" } },
  build(use) {
    const x = use.rows("x");
    return x && normalise(use, x, "row", 1, defaultEps, "");
  },
};

export const norms: readonly SurfaceOp[] = [bn, instanceNorm, groupNorm, layerNorm];
