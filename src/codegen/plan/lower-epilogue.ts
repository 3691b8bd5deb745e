import { isActivation } from "../../ir/activations.ts";
import { typeOf, type AttrValue, type Module, type Op, type ValueId } from "../../ir/module.ts";
import type { ParamType } from "../../ir/types.ts";
import type { Rounding, SaturatedBits } from "../../ir/whole.ts";
import type { DenseTarget, EpilogueStep, RowAccess } from "../wgsl/spec.ts";
import type { MemoryDraft } from "./memory-draft.ts";
import type { ParamsDraft } from "./params-draft.ts";
import type { Roles } from "./step-draft.ts";

/** An item of an epilogue, or a term, as attributes hold it. */
export type Item = { readonly [key: string]: AttrValue };

/** What the lowering of an op's epilogue adds to. */
interface EpiloguePlace {
  readonly op: Op;
  readonly module: Module;
  readonly memory: MemoryDraft;
  readonly roles: Roles;
  readonly params: ParamsDraft;
  /** Where rows of a dense result go: scattered, or kept until it is handed over. */
  dense(result: ValueId, item: Item): DenseTarget | RowAccess;
}

/** An epilogue's steps, where its last value goes, unless that is another part's, and the result that is next. */
export interface LoweredEpilogue {
  readonly epilogue: EpilogueStep[];
  readonly target: RowAccess | DenseTarget | undefined;
  readonly results: number;
}

/** Vectors of one float per column that an epilogue item reads. */
export const vectorsOf = (item: Item): number => (["bias", "clip", "rescale", "scale", "prelu"].includes(item["do"] as string) ? 1 : item["do"] === "affine" ? 2 : 0);

/** Rows of a parameter as a matrix with Cout columns. */
export function rowsOfParam(module: Module, value: ValueId): number {
  const { shape } = typeOf(module, value) as ParamType;
  return shape.slice(0, -1).reduce((a, b) => a * b, 1);
}

/** Lowers items for `columns` [from, to); what they give goes to the op's results from index `result` on. */
export function lowerEpilogue(place: EpiloguePlace, items: readonly Item[], columns: readonly [number, number], result: number, part: "inner" | "whole"): LoweredEpilogue {
  const { op, module, memory, roles, params } = place;
  const epilogue: EpilogueStep[] = [];
  let [from, to] = columns;
  const vector = (key: AttrValue | undefined): number => params.place(op.operands[Number(key)]!, 1, from, to);
  let next = result;
  let dense: Item | undefined;
  for (const item of items) {
    switch (item["do"]) {
      case "bias":
      case "clip":
      case "scale":
      case "prelu":
        epilogue.push({ do: item["do"], at: vector(item["arg"]) });
        break;
      case "rescale":
        epilogue.push({ do: "rescale", multiplier: vector(item["arg"]), shift: Number(item["shift"]), rounding: item["rounding"] as Rounding });
        break;
      case "saturate":
        epilogue.push({ do: "saturate", bits: item["bits"] as SaturatedBits });
        break;
      case "quantise":
        epilogue.push({ do: "quantise", scale: Number(item["scale"]) });
        break;
      case "affine":
        epilogue.push({ do: "affine", scale: vector(item["scale"]), shift: vector(item["shift"]) });
        break;
      case "add":
      case "mul":
        epilogue.push({ do: item["do"], source: roles.read(`e${epilogue.length}`, memory.place(op.operands[Number(item["arg"])]!, "")) });
        break;
      case "leaky_relu":
        epilogue.push({ do: "leaky_relu", slope: Number(item["slope"]) });
        break;
      case "elu":
        epilogue.push({ do: "elu", alpha: Number(item["alpha"]) });
        break;
      case "softplus":
        epilogue.push({ do: "softplus", beta: Number(item["beta"]), threshold: Number(item["threshold"]) });
        break;
      case "linear": {
        const w = op.operands[Number(item["w"])]!;
        const cout = (typeOf(module, w) as ParamType).shape.at(-1)!;
        epilogue.push({ do: "linear", weight: params.place(w, rowsOfParam(module, w), 0, cout), cout });
        [from, to] = [0, cout];
        break;
      }
      case "emit":
        epilogue.push({ do: "emit", target: roles.write(`emit${next}`, memory.place(op.results[next]!, "emit")) });
        next++;
        break;
      case "dense":
        dense = item;
        break;
      default:
        if (!isActivation(item["do"])) throw new Error(`internal: unknown epilogue item ${String(item["do"])}`);
        epilogue.push({ do: item["do"] });
    }
  }
  if (part === "inner") return { epilogue, target: undefined, results: next };
  const value = op.results[next]!;
  const target = dense === undefined ? roles.write("out", memory.place(value, "out")) : place.dense(value, dense);
  return { epilogue, target, results: next + 1 };
}
