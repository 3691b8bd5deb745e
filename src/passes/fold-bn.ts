/**
 * `fold-bn`: a normalisation right after a convolution's accumulators is arithmetic on the weights, done once in the
 * load phase: (Σ x·W + b)·s + t = Σ x·(W·s) + (b·s + t). It holds for missing neighbours too, since they add nothing on
 * either side. Anything between the sum and the normalisation — an activation, an addition, a second result of the raw
 * value — ends it. Norms before pointwise layers are `fold-scale`'s; before other convolutions none folds:
 * missing neighbours do not carry its shift.
 */
import { mergeLocs, type Loc } from "../ir/loc.ts";
import type { ValueId } from "../ir/module.ts";
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, epilogueSources, type Item, type Tile } from "./rewrite/tile.ts";

export const foldBn = definePass({
  name: "fold-bn",
  summary: "folds batch norms that follow a convolution's sum into its weights and bias, in the load phase",
  legality: [
    "Only a bias stands between the convolution's sum and the normalisation: no activation, addition, product or emit.",
    "The raw sum has no other user.",
  ],
  from: "fused",
  to: "fused",
  options: {},
  stats: { folded: "normalisations folded into weights", kept: "normalisations that stay" },
  run(module, { stat, remark }) {
    const rw = new Rewriter(module);
    rw.sweep((op) => {
      const tile = decodeTile(op);
      if (tile === undefined) return true;
      if (tile.head.kind === "conv" || tile.head.kind === "grouped") {
        const own = foldLeading(rw, tile, op.loc);
        if (own.count === 0) return true;
        stat("folded", own.count);
        remark("done", op.loc, "normalisation folded into the weights");
        rw.emitTile(own.tile, op.loc, op.results);
        return false;
      }
      const [leading, rest] = leadingNorms(tile.epilogue);
      if (tile.head.kind !== "pointwise" || leading.length === 0) return true;

      const producer = rw.def(tile.head.x);
      const source = producer === undefined ? undefined : decodeTile(producer);
      const again = epilogueSources(rest).includes(tile.head.x) ? 1 : 0;
      const why = whyNot(source, rw.uses(tile.head.x) + again);
      if (why !== undefined || producer === undefined || source === undefined) {
        stat("kept");
        remark("missed", op.loc, `normalisation not folded: ${why}`);
        return true;
      }
      const loc = mergeLocs(producer.loc, op.loc);
      const { tile: next, count } = foldLeading(rw, { head: source.head, epilogue: [...source.epilogue, ...leading] }, loc);
      stat("folded", count);
      remark("done", op.loc, "normalisation folded into the weights of the convolution before it");
      rw.takeBack(producer);
      rw.emitTile(next, loc, producer.results, producer);
      if (rest.length > 0) rw.emitTile({ ...tile, epilogue: rest }, op.loc, op.results);
      else rw.replace(op.results[0]!, tile.head.x);
      return false;
    });
    return rw.finish();
  },
});

/** An epilogue taken apart after the normalisations (with biases between) that it starts with. */
function leadingNorms(items: readonly Item[]): readonly [leading: readonly Item[], rest: readonly Item[]] {
  const other = items.findIndex((item) => item.do !== "bias" && item.do !== "affine");
  const last = items.slice(0, other < 0 ? items.length : other).findLastIndex((item) => item.do === "affine");
  return [items.slice(0, last + 1), items.slice(last + 1)];
}

/** The convolution with the normalisations that its epilogue starts with in its weights and one bias; how many. */
function foldLeading(rw: Rewriter, tile: Tile, loc: Loc): { readonly tile: Tile; readonly count: number } {
  const [leading, rest] = leadingNorms(tile.epilogue);
  let { head } = tile;
  if ((head.kind !== "conv" && head.kind !== "grouped") || leading.length === 0) return { tile, count: 0 };
  const one = (name: string, ...operands: ValueId[]): ValueId => rw.one(name, operands, {}, loc);
  let bias: ValueId | undefined;
  let count = 0;
  for (const item of leading) {
    if (item.do === "bias") bias = bias === undefined ? item.arg : one("fold.add", bias, item.arg);
    if (item.do !== "affine") continue;
    // Output channels are the last axis of a weight, with and without groups.
    if (head.kind === "grouped") head = { ...head, w: one("fold.scale_out", head.w, item.scale) };
    else head = { ...head, terms: head.terms.map((t) => ({ ...t, w: one("fold.scale_out", t.w, item.scale) })) };
    bias = bias === undefined ? item.shift : one("fold.add", one("fold.scale_out", bias, item.scale), item.shift);
    count++;
  }
  const folded: readonly Item[] = bias === undefined ? [] : [{ do: "bias", arg: bias }];
  return { tile: { head, epilogue: [...folded, ...rest] }, count };
}

/** Why the normalisation of a value made by `source` cannot be folded, or undefined. */
function whyNot(source: Tile | undefined, otherUses: number): string | undefined {
  if (source?.head.kind !== "conv" && source?.head.kind !== "grouped") return "its operand is not a convolution's result";
  const between = source.epilogue.find((item) => item.do !== "bias");
  if (between !== undefined) return `${between.do} stands between it and the convolution`;
  if (otherUses > 0) return `the raw result has ${otherUses + 1} uses`;
  return undefined;
}
