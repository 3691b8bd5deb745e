/**
 * `skip-zeros`: rows that come out of a relu are half zeros or more. A convolution that gathers them is told, and a
 * target that multiplies row by row (the CPU) leaves out the products with zeros. Results have the same bits.
 */
import { typeOf, type Module, type Op, type ValueId } from "../ir/module.ts";
import { int } from "./options.ts";
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, type Item } from "./rewrite/tile.ts";
import { usesOf, type Uses } from "./rewrite/uses.ts";

/** What makes zeros of all that is negative. */
const CUTS: ReadonlySet<Item["do"]> = new Set(["relu", "relu6", "clip"]);

export const skipZeros = definePass({
  name: "skip-zeros",
  summary: "marks convolutions of rows that come out of a relu, so that products with their zeros are left out",
  legality: [
    "Weights are finite, which is checked when they are loaded: then a product with 0 is 0.",
    "Adding it changes no sum: one that begins with +0 never is −0.",
  ],
  from: "fused",
  to: "fused",
  options: { channels: int(32, 1, 65536, "input channels from which on finding the zeros costs less than the products") },
  stats: { marked: "terms of convolutions whose zeros are left out" },
  run(module, { options, stat, remark }) {
    const uses = usesOf(module);
    const rw = new Rewriter(module);
    rw.sweep((op) => {
      const tile = decodeTile(op);
      if (tile?.head.kind !== "conv") return true;
      const found = tile.head.terms.filter((t) => t.zeros !== true && t.rb !== undefined && hasZeros(uses, t.x));
      if (found.length === 0) return true;
      const wide = found.filter((t) => channelsOf(module, t.x) >= options.channels);
      if (wide.length === 0) {
        remark("missed", op.loc, `products with zeros are not left out: fewer than ${options.channels} input channels`);
        return true;
      }
      stat("marked", wide.length);
      remark("done", op.loc, "products with zeros are left out: the rows come out of a relu");
      const terms = tile.head.terms.map((t) => (wide.includes(t) ? { ...t, zeros: true as const } : t));
      rw.emitTile({ ...tile, head: { kind: "conv", terms } }, op.loc, op.results);
      return false;
    });
    return rw.finish();
  },
});

function channelsOf(module: Module, value: ValueId): number {
  const type = typeOf(module, value);
  if (type.kind !== "feat" && type.kind !== "vec") throw new Error(`internal: rows %${value} are ${type.kind}`);
  return type.channels;
}

/** Whether all channels of a value come out of a relu. */
function hasZeros(uses: Uses, value: ValueId): boolean {
  const op = uses.def(value);
  if (op === undefined) return false;
  if (op.name === "slice" || op.name === "cat") return op.operands.every((x) => hasZeros(uses, x));
  const items = decodeTile(op)?.epilogue;
  return items !== undefined && CUTS.has(lastBefore(op, items, value)?.do ?? "emit");
}

/** The last item that a result of a tile went through: results are those of the emits, then the final one. */
function lastBefore(op: Op, items: readonly Item[], value: ValueId): Item | undefined {
  let left = op.results.indexOf(value);
  const end = items.findIndex((item) => item.do === "emit" && left-- === 0);
  return (end < 0 ? items : items.slice(0, end)).findLast((item) => item.do !== "emit");
}
