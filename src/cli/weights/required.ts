import { number, numbers, string, type Module, type Op, type ValueId } from "../../ir/module.ts";
import type { Loc } from "../../ir/loc.ts";
import { storedShape } from "../../runtime/load.ts";

/** What a parameter is to the operation that uses it. */
export type ParamUse = "kernel" | "linear" | "bias" | "gamma" | "beta" | "mean" | "var" | "limit" | "multiplier" | "factor" | "slope";

/** A tensor that a network needs of its weights file. */
export interface RequiredTensor {
  readonly name: string;
  readonly use: ParamUse;
  /** conv, linear, channel or scalar. */
  readonly role: string;
  readonly layout: string;
  readonly shape: readonly number[];
  /** Shape in the file, by the layout. */
  readonly stored: readonly number[];
  /** Kind of numbers: f32, i8 or i32. */
  readonly dtype: string;
  /** Of a multiplier: by what the product is divided. */
  readonly divisor: number;
  /** Of a kernel: groups of channels convolved apart. */
  readonly groups: number;
  readonly loc: Loc;
}

/** Whether it is a kernel of a dense convolution, which every system has from PyTorch. */
export const isTorchKernel = ({ role, layout }: Pick<RequiredTensor, "role" | "layout">): boolean => role === "conv" && (layout === "torch" || layout === "torch_transposed");

const NORM_USES: readonly ParamUse[] = ["gamma", "beta", "mean", "var"];

/** The tensors of a net-level module, each name once, in the order of its text. */
export function requiredTensors(module: Module): readonly RequiredTensor[] {
  const uses = paramUses(module);
  const tensors = new Map<string, RequiredTensor>();
  for (const op of module.ops) {
    if (op.name !== "param") continue;
    const name = string(op.attrs, "name");
    const [role, layout, shape, dtype] = [string(op.attrs, "role"), string(op.attrs, "layout"), numbers(op.attrs, "shape"), string(op.attrs, "dtype")];
    const user = uses.get(op.results[0]!);
    const use = user?.use ?? (role === "conv" ? "kernel" : role === "linear" ? "linear" : "bias");
    const divisor = user?.op.name === "rescale" ? 2 ** number(user.op.attrs, "shift") : 1;
    if (!tensors.has(name)) tensors.set(name, { name, use, role, layout, shape, stored: storedShape({ role, layout, shape, groups: number(op.attrs, "groups") }), dtype, divisor, groups: user?.groups ?? 1, loc: op.loc });
  }
  return [...tensors.values()];
}

const CONVOLUTIONS = new Set(["subm", "conv", "up"]);

/** What the one parameter of an operation is to it. */
const SOLE_USES: Readonly<Record<string, ParamUse>> = { linear: "linear", clip: "limit", rescale: "multiplier", scale: "factor", prelu: "slope" };

/** The first operation on features that takes a parameter, and how it uses it. */
function paramUses(module: Module): ReadonlyMap<ValueId, { readonly op: Op; readonly use: ParamUse; readonly groups: number }> {
  const uses = new Map<ValueId, { readonly op: Op; readonly use: ParamUse; readonly groups: number }>();
  for (const op of module.ops) {
    if (op.name.startsWith("fold.")) continue;
    const norm = op.name === "bn" || op.name === "normalise";
    const normUses = op.attrs["affine"] === false ? NORM_USES.slice(2) : NORM_USES;
    const groups = op.attrs["groups"] === undefined ? 1 : number(op.attrs, "groups");
    op.operands.forEach((value, i) => {
      const use = norm ? normUses[i - 1] : i !== 1 ? "bias" : (SOLE_USES[op.name] ?? (CONVOLUTIONS.has(op.name) ? "kernel" : "bias"));
      if (i > 0 && use !== undefined && !uses.has(value)) uses.set(value, { op, use, groups: use === "kernel" ? groups : 1 });
    });
  }
  return uses;
}
