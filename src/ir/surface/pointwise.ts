import { ACTIVATIONS, type Activation } from "../activations.ts";
import { defaultEps } from "./dialects.ts";
import { biasParameter, cParameter, optional, xParameter, type SurfaceOp } from "./op.ts";
import { weightLayouts } from "./params.ts";

export const linear: SurfaceOp = {
  name: "linear",
  doc: "Multiplies every row by a matrix; on sparse features and on vectors after a global pool.",
  weights: true,
  foreign: ["Linear", "MinkowskiLinear", "NetworkInNetwork", "Dense", "fc"],
  parameters: [
    xParameter, cParameter, biasParameter,
    optional("stored", "word", "how the weights file has the matrix: `weight`, PyTorch's `.weight` as [Cout, Cin], or `kernel`, MinkowskiEngine's `.kernel` as [Cin, Cout]", {
      choices: ["weight", "kernel"],
      fallback: "the layout's",
    }),
  ],
  build(use) {
    const x = use.rows("x");
    const c = use.channels("c");
    if (x === undefined || c === undefined) return undefined;
    const stored = use.text("stored");
    const layout = stored === undefined ? use.net.layout : weightLayouts.get(stored === "kernel" ? "minkowski" : "spconv2")!;
    const weight = layout.linear(x.type.channels, c);
    const bias = { part: "bias", role: "channel" as const, layout: weight.layout, shape: [c] };
    const weights = use.params(use.bool("bias", false) ? [weight, bias] : [weight]);
    return weights && use.add("linear", [x.id, ...weights], {});
  },
};

export const bn: SurfaceOp = {
  name: "bn",
  doc: "Batch normalisation with the statistics of training.",
  weights: true,
  foreign: ["BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "MinkowskiBatchNorm", "BatchNormalization", "batch_norm", "SyncBatchNorm", "MinkowskiSyncBatchNorm"],
  parameters: [xParameter, optional("eps", "float", "added to the variance", { fallback: "`1e-5`; `1e-4` in `dialect scn`" })],
  build(use) {
    const x = use.rows("x");
    if (x === undefined) return undefined;
    // A norm of a dense tensor is PyTorch's, whatever library has the sparse ones.
    const isDense = x.type.kind === "feat" && use.net.isGrid(x.type);
    const { bnInfix, name } = isDense ? weightLayouts.get("spconv2")! : use.net.layout;
    const parts = ["weight", "bias", "running_mean", "running_var"];
    const stored = name === "minkowski" ? "minkowski" : "spconv2";
    const values = use.params(parts.map((part) => ({ part: bnInfix === "" ? part : `${bnInfix}.${part}`, role: "channel", layout: stored, shape: [x.type.channels] })));
    return values && use.add("bn", [x.id, ...values], { eps: use.float("eps", (isDense ? undefined : use.net.dialect?.bnEps) ?? defaultEps) });
  },
};

function activation(name: Activation, foreign: readonly string[]): SurfaceOp {
  return {
    name,
    doc: ACTIVATIONS[name].doc,
    weights: false,
    foreign,
    parameters: [xParameter],
    build(use) {
      const x = use.rows("x");
      return x && use.add(name, [x.id], {});
    },
  };
}

const gelu: SurfaceOp = {
  ...activation("gelu", ["GELU", "MinkowskiGELU"]),
  parameters: [xParameter, optional("approximate", "word", "the error function, or its approximation by tanh", { choices: ["none", "tanh"], fallback: "`none`" })],
  build(use) {
    const x = use.rows("x");
    const approximate = use.text("approximate") ?? "none";
    return x && use.add(approximate === "tanh" ? "gelu_tanh" : "gelu", [x.id], {});
  },
};

const elu: SurfaceOp = {
  name: "elu",
  doc: "x where positive, alpha (exp(x) - 1) elsewhere.",
  weights: false,
  foreign: ["ELU", "MinkowskiELU"],
  parameters: [xParameter, optional("alpha", "float", "what it tends to for large negative values, less its sign", { fallback: "`1`" })],
  build(use) {
    const x = use.rows("x");
    return x && use.add("elu", [x.id], { alpha: use.float("alpha", 1) });
  },
};

export const activations: readonly SurfaceOp[] = [
  activation("relu", ["ReLU", "MinkowskiReLU", "relu_"]),
  activation("relu6", ["ReLU6", "MinkowskiReLU6"]),
  activation("sigmoid", ["Sigmoid", "MinkowskiSigmoid"]),
  activation("silu", ["SiLU", "Swish", "MinkowskiSiLU", "MinkowskiSwish"]),
  activation("tanh", ["Tanh", "MinkowskiTanh"]),
  activation("softplus", ["Softplus", "MinkowskiSoftplus"]),
  gelu,
  elu,
];

export const leakyRelu: SurfaceOp = {
  name: "leaky_relu",
  doc: "x where positive, slope times x elsewhere.",
  weights: false,
  foreign: ["LeakyReLU", "MinkowskiLeakyReLU", "leakyrelu"],
  parameters: [xParameter, optional("slope", "float", "factor for negative values", { fallback: "`0.01`" })],
  foreignArguments: { leakiness: { kind: "spelled", spelling: "slope" } },
  build(use) {
    const x = use.rows("x");
    return x && use.add("leaky_relu", [x.id], { slope: use.float("slope", 0.01) });
  },
};
