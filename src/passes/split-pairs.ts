/**
 * `split-pairs`: two convolutions that were made one kernel are two again, the rows between in memory. The inverse of
 * `fuse-pairs`, for a target on which computing the halo again costs more than it saves.
 */
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, emits, type Tile } from "./rewrite/tile.ts";

export const splitPairs = definePass({
  name: "split-pairs",
  summary: "makes two kernels of two submanifold convolutions in one",
  legality: ["Always: the rows between exist at the same sites whether they are stored or not."],
  from: "fused",
  to: "fused",
  options: {},
  stats: { split: "pairs made two kernels" },
  run(module, { stat }) {
    const rw = new Rewriter(module);
    rw.sweep((op) => {
      const pair = decodeTile(op);
      if (pair?.head.kind !== "pair") return true;
      const { x, rb, first, second } = pair.head;
      stat("split");
      // Rows between that others read are a result already, by an emit at the end.
      const emitted = first.epilogue.at(-1)?.do === "emit";
      const kept = op.results.slice(0, emits(first.epilogue));
      const middle = emitted ? kept.at(-1)! : rw.fresh();
      const before: Tile = { head: { kind: "conv", terms: [{ x, w: first.w, rb }] }, epilogue: emitted ? first.epilogue.slice(0, -1) : first.epilogue };
      rw.emitTile(before, op.loc, emitted ? kept : [...kept, middle]);
      rw.emitTile({ head: { kind: "conv", terms: [{ x: middle, w: second.w, rb }] }, epilogue: pair.epilogue }, op.loc, op.results.slice(kept.length));
      return false;
    });
    return rw.finish();
  },
});
