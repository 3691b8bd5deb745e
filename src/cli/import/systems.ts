/** Names and forms of weights in the checkpoints of each system. */
import { isTorchKernel, type RequiredTensor } from "../weights/required.ts";
import type { FormName } from "./forms.ts";

/** A name under which a tensor may stand, and the forms it may then have, the usual one first. */
export interface Candidate {
  readonly name: string;
  /** Empty for tensors of one axis. */
  readonly forms: readonly FormName[];
}

export interface System {
  readonly name: string;
  readonly title: string;
  /** The name of its dialect in the language, if there is one. */
  readonly dialect: string | undefined;
  /** The name of its weight layout in the language, if there is one. */
  readonly layout: string | undefined;
  /** Where a kernel may stand, by the path of its layer. */
  kernel(path: string, is: KernelKind): readonly Candidate[];
  /** What stands between a batch norm's path and its tensors, most usual first. */
  readonly bnInfix: readonly string[];
}

export interface KernelKind {
  readonly taps: number;
  /** A matrix of a pointwise layer. */
  readonly linear: boolean;
  readonly groups: number;
}

const join = (path: string, part: string): string => (path === "" ? part : `${path}.${part}`);

/** A plain torch.nn.Linear, which any of them may use. */
const linearWeight = (path: string): Candidate => ({ name: join(path, "weight"), forms: ["out-in"] });

const spconv2: System = {
  name: "spconv2",
  title: "spconv 2",
  dialect: "spconv",
  layout: "spconv2",
  kernel: (path, { taps }) => [{ name: join(path, "weight"), forms: taps === 1 ? ["memory-in-out", "out-in"] : ["out-k-in"] }],
  bnInfix: [""],
};

const spconv1: System = {
  name: "spconv1",
  title: "spconv 1",
  dialect: "spconv",
  layout: "spconv1",
  kernel: (path, { taps }) => [{ name: join(path, "weight"), forms: taps === 1 ? ["k-in-out", "out-in"] : ["k-in-out"] }],
  bnInfix: [""],
};

const minkowski: System = {
  name: "minkowski",
  title: "MinkowskiEngine",
  dialect: "minkowski",
  layout: "minkowski",
  kernel: (path, { taps }) => [
    { name: join(path, "kernel"), forms: ["taps-first"] },
    ...(taps === 1 ? [{ name: join(path, "linear.weight"), forms: ["out-in"] as const }, linearWeight(path)] : []),
  ],
  bnInfix: ["bn", ""],
};

const torchsparse: System = {
  name: "torchsparse",
  title: "TorchSparse",
  dialect: "torchsparse",
  layout: "torchsparse",
  kernel: (path, { taps }) => [{ name: join(path, "kernel"), forms: [taps % 2 === 1 ? "taps-first" : "taps-last"] }, ...(taps === 1 ? [linearWeight(path)] : [])],
  bnInfix: [""],
};

const scn: System = {
  name: "scn",
  title: "SparseConvNet",
  dialect: "scn",
  layout: "scn",
  // NetworkInNetwork is [Cin, Cout], a torch.nn.Linear beside it [Cout, Cin], both `.weight`.
  kernel: (path, { taps, linear, groups }) => [{ name: join(path, "weight"), forms: groups > 1 ? ["taps-groups"] : taps > 1 ? ["taps-last"] : linear ? ["in-out", "out-in", "taps-last"] : ["taps-last", "out-in"] }],
  bnInfix: [""],
};

const fvdb: System = {
  name: "fvdb",
  title: "fVDB",
  dialect: undefined,
  layout: undefined,
  kernel: (path, { taps }) => [{ name: join(path, "weight"), forms: taps === 1 ? ["out-in-k", "out-in"] : ["out-in-k"] }],
  bnInfix: [""],
};

export const SYSTEMS: ReadonlyMap<string, System> = new Map([spconv2, spconv1, minkowski, torchsparse, scn, fvdb].map((system) => [system.name, system]));

/** Where a tensor that the network needs may stand in a checkpoint of a system. */
export function candidates(tensor: RequiredTensor, system: System): readonly Candidate[] {
  const { name, use, shape, groups } = tensor;
  const path = layerPath(tensor);
  switch (use) {
    case "kernel":
    case "linear":
      // A dense convolution is a module of PyTorch beside those of the system.
      if (isTorchKernel(tensor)) return [{ name: join(path, "weight"), forms: [tensor.layout === "torch" ? "out-in-k" : "in-out-k"] }];
      return system.kernel(path, { taps: shape.slice(0, -2).reduce((a, b) => a * b, 1), linear: use === "linear", groups });
    case "bias": {
      const names = system === minkowski ? ["bias", "linear.bias"] : ["bias"];
      return names.map((part) => ({ name: join(path, part), forms: [] }));
    }
    case "slope":
      return (system === minkowski ? ["module.weight", "weight"] : ["weight"]).map((part) => ({ name: join(path, part), forms: [] }));
    default:
      return system.bnInfix.map((infix) => ({ name: join(path, infix === "" ? lastPart(name) : `${infix}.${lastPart(name)}`), forms: [] }));
  }
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

/** The path of the layer that a tensor belongs to, without what the network's own layout puts between them. */
function layerPath({ name, use, layout }: RequiredTensor): string {
  const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
  const isBn = use === "gamma" || use === "beta" || use === "mean" || use === "var";
  if (layout !== "minkowski") return path;
  return isBn ? path.replace(/(^|\.)bn$/, "") : use === "slope" ? path.replace(/(^|\.)module$/, "") : path;
}
