import { ACTIVATIONS, type Activation } from "../activations.ts";
import { DTYPES, REAL } from "../types.ts";
import { PRODUCTS, productWeights } from "./conv.ts";
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
    const x = use.rows("x", PRODUCTS);
    const c = use.channels("c");
    if (x === undefined || c === undefined) return undefined;
    const stored = use.text("stored");
    const layout = stored === undefined ? use.net.layout : weightLayouts.get(stored === "kernel" ? "minkowski" : "spconv2")!;
    const weights = productWeights(use, x.type.dtype, layout.linear(x.type.channels, c), c);
    return weights && use.add("linear", [x.id, ...weights], {});
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
      const x = use.rows("x", name === "relu" ? DTYPES : REAL);
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
    const alpha = use.float32("alpha", 1);
    return x === undefined || alpha === undefined ? undefined : use.add("elu", [x.id], { alpha });
  },
};

const softplus: SurfaceOp = {
  name: "softplus",
  doc: "ln(1 + exp(beta · x)) / beta, and x where beta · x is greater than the threshold.",
  weights: false,
  foreign: ["Softplus", "MinkowskiSoftplus"],
  parameters: [
    xParameter,
    optional("beta", "float", "how sharp the bend is, greater than 0", { fallback: "`1`" }),
    optional("threshold", "float", "beta · x from which on the result is x", { fallback: "`20`" }),
  ],
  build(use) {
    const x = use.rows("x");
    const beta = use.float32("beta", 1, "positive");
    const threshold = use.float32("threshold", 20);
    return x === undefined || beta === undefined || threshold === undefined ? undefined : use.add("softplus", [x.id], { beta, threshold });
  },
};

export const activations: readonly SurfaceOp[] = [
  activation("relu", ["ReLU", "MinkowskiReLU", "relu_"]),
  activation("relu6", ["ReLU6", "MinkowskiReLU6"]),
  activation("sigmoid", ["Sigmoid", "MinkowskiSigmoid"]),
  activation("silu", ["SiLU", "Swish", "MinkowskiSiLU", "MinkowskiSwish"]),
  activation("tanh", ["Tanh", "MinkowskiTanh"]),
  softplus,
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
    const slope = use.float32("slope", 0.01);
    return x === undefined || slope === undefined ? undefined : use.add("leaky_relu", [x.id], { slope });
  },
};

/** Its weight is one tensor of PyTorch's module; MinkowskiEngine wraps that module. */
export const prelu: SurfaceOp = {
  name: "prelu",
  doc: "x where positive, elsewhere x times a weight that was learned: one for all channels, or one for each.",
  weights: true,
  foreign: ["PReLU", "MinkowskiPReLU"],
  parameters: [xParameter, optional("per", "word", "whether there is one weight, or one for each channel", { choices: ["tensor", "channel"], fallback: "`tensor`" })],
  foreignArguments: { num_parameters: { kind: "spelled", spelling: "per" } },
  build(use) {
    const x = use.rows("x");
    if (x === undefined) return undefined;
    const isDense = x.type.kind === "feat" && use.net.isGrid(x.type);
    const layout = isDense ? weightLayouts.get("spconv2")! : use.net.layout;
    const part = layout.wrapInfix === "" ? "weight" : `${layout.wrapInfix}.weight`;
    const weights = use.params([{ part, role: use.text("per") === "channel" ? "channel" : "scalar", layout: layout.wrapInfix === "" ? "spconv2" : "minkowski", shape: [x.type.channels] }]);
    return weights && use.add("prelu", [x.id, ...weights], {});
  },
};

const softmaxes: readonly (readonly [name: string, log: boolean, doc: string, foreign: readonly string[]])[] = [
  ["softmax", false, "exp(x) over its sum along the channels of each row: probabilities of classes.", ["Softmax", "MinkowskiSoftmax"]],
  ["log_softmax", true, "The logarithm of `softmax`, also where that is too small for a float.", ["LogSoftmax", "MinkowskiLogSoftmax"]],
];

export const rowwise: readonly SurfaceOp[] = softmaxes.map(([name, log, doc, foreign]): SurfaceOp => ({
  name,
  doc,
  weights: false,
  foreign,
  parameters: [xParameter],
  foreignArguments: Object.fromEntries(["dim", "axis"].map((argument) => [argument, { kind: "needless", why: "it runs along the channels" }])),
  build(use) {
    const x = use.rows("x");
    return x && use.add("softmax", [x.id], { log });
  },
}));
