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
    const { bnInfix, name } = use.net.layout;
    const parts = ["weight", "bias", "running_mean", "running_var"];
    const stored = name === "minkowski" ? "minkowski" : "spconv2";
    const values = use.params(parts.map((part) => ({ part: bnInfix === "" ? part : `${bnInfix}.${part}`, role: "channel", layout: stored, shape: [x.type.channels] })));
    return values && use.add("bn", [x.id, ...values], { eps: use.float("eps", use.net.dialect?.bnEps ?? defaultEps) });
  },
};

function activation(name: string, doc: string, foreign: readonly string[]): SurfaceOp {
  return {
    name,
    doc,
    weights: false,
    foreign,
    parameters: [xParameter],
    build(use) {
      const x = use.rows("x");
      return x && use.add(name, [x.id], {});
    },
  };
}

export const relu = activation("relu", "max(x, 0).", ["ReLU", "MinkowskiReLU", "relu_"]);
export const relu6 = activation("relu6", "min(max(x, 0), 6).", ["ReLU6", "MinkowskiReLU6"]);
export const sigmoid = activation("sigmoid", "1 / (1 + exp(-x)).", ["Sigmoid", "MinkowskiSigmoid"]);

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
