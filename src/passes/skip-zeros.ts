/**
 * `skip-zeros`: rows that come out of a relu are half zeros or more. A convolution that gathers them is told, and a
 * target that multiplies row by row (the CPU) leaves out the products with zeros. Results have the same bits.
 */
import { typeOf, type Module, type ValueId } from "../ir/module.ts";
import { int } from "./options.ts";
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile } from "./rewrite/tile.ts";
import { usesOf } from "./rewrite/uses.ts";
import { hasZeros } from "./rewrite/zeros.ts";

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
      const found = tile.head.terms.filter((t) => t.zeros !== true && t.rb !== undefined && hasZeros((v) => uses.def(v), t.x));
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
