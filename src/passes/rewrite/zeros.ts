import type { Op, ValueId } from "../../ir/module.ts";
import { decodeTile, type Item } from "./tile.ts";

/** What makes zeros of all that is negative. */
const CUTS: ReadonlySet<Item["do"]> = new Set(["relu", "relu6", "clip"]);

/** Whether all channels of a value come out of a relu, so that about half of its numbers are zeros. */
export function hasZeros(def: (value: ValueId) => Op | undefined, value: ValueId): boolean {
  const op = def(value);
  if (op === undefined) return false;
  if (op.name === "slice" || op.name === "cat") return op.operands.every((x) => hasZeros(def, x));
  const items = decodeTile(op)?.epilogue;
  return items !== undefined && CUTS.has(lastBefore(op, items, value)?.do ?? "emit");
}

/** The last item that a result of a tile went through: results are those of the emits, then the final one. */
function lastBefore(op: Op, items: readonly Item[], value: ValueId): Item | undefined {
  let left = op.results.indexOf(value);
  const end = items.findIndex((item) => item.do === "emit" && left-- === 0);
  return (end < 0 ? items : items.slice(0, end)).findLast((item) => item.do !== "emit");
}
