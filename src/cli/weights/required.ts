import { number, numbers, string, type Module, type ValueId } from "../../ir/module.ts";
import type { Loc } from "../../ir/loc.ts";
import { storedShape } from "../../runtime/load.ts";

/** What a parameter is to the operation that uses it. */
export type ParamUse = "kernel" | "linear" | "bias" | "gamma" | "beta" | "mean" | "var";

/** A tensor that a network needs of its weights file. */
export interface RequiredTensor {
  readonly name: string;
  readonly use: ParamUse;
  /** conv, linear or channel. */
  readonly role: string;
  readonly layout: string;
  readonly shape: readonly number[];
  /** Shape in the file, by the layout. */
  readonly stored: readonly number[];
  /** Of a kernel: groups of channels convolved apart. */
  readonly groups: number;
  readonly loc: Loc;
}

const BN_USES: readonly ParamUse[] = ["gamma", "beta", "mean", "var"];

/** The tensors of a net-level module, each name once, in the order of its text. */
export function requiredTensors(module: Module): readonly RequiredTensor[] {
  const uses = paramUses(module);
  const tensors = new Map<string, RequiredTensor>();
  for (const op of module.ops) {
    if (op.name !== "param") continue;
    const name = string(op.attrs, "name");
    const [role, layout, shape] = [string(op.attrs, "role"), string(op.attrs, "layout"), numbers(op.attrs, "shape")];
    const { use, groups } = uses.get(op.results[0]!) ?? { use: role === "conv" ? "kernel" : role === "linear" ? "linear" : "bias", groups: 1 };
    if (!tensors.has(name)) tensors.set(name, { name, use, role, layout, shape, stored: storedShape(role, layout, shape), groups, loc: op.loc });
  }
  return [...tensors.values()];
}

/** How the first operation that takes a parameter uses it. */
function paramUses(module: Module): ReadonlyMap<ValueId, Pick<RequiredTensor, "use" | "groups">> {
  const uses = new Map<ValueId, Pick<RequiredTensor, "use" | "groups">>();
  for (const op of module.ops) {
    const groups = op.attrs["groups"] === undefined ? 1 : number(op.attrs, "groups");
    op.operands.forEach((value, i) => {
      const use = op.name === "bn" ? BN_USES[i - 1] : i === 1 ? (op.name === "linear" ? "linear" : "kernel") : "bias";
      if (i > 0 && use !== undefined && !uses.has(value)) uses.set(value, { use, groups: use === "kernel" ? groups : 1 });
    });
  }
  return uses;
}
