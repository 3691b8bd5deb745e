/**
 * `fold-bn`: a normalisation right after a convolution's accumulators is arithmetic on the weights, done once in the
 * load phase: (Σ x·W + b)·s + t = Σ x·(W·s) + (b·s + t). It holds for missing neighbours too, since they add nothing on
 * either side. Anything between the sum and the normalisation — an activation, an addition, a second result of the raw
 * value — ends it, and a normalisation before a convolution never folds: missing neighbours do not carry its shift.
 */
import { mergeLocs, type Loc } from "../ir/loc.ts";
import type { Op, ValueId } from "../ir/module.ts";
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, type Item, type Tile } from "./rewrite/tile.ts";

type Affine = Extract<Item, { readonly do: "affine" }>;

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
    /** Folds what a convolution's own epilogue starts with; true when there is nothing to fold. */
    const foldOwn = (op: Op, tile: Tile): boolean => {
      let next = tile;
      for (let split = leadingAffine(next); split !== undefined; split = leadingAffine(next)) {
        stat("folded");
        remark("done", op.loc, "normalisation folded into the weights");
        next = folded(rw, next, split.biases, split.affine, split.rest, op.loc);
      }
      if (next !== tile) rw.emitTile(next, op.loc, op.results);
      return next === tile;
    };
    rw.sweep((op) => {
      const tile = decodeTile(op);
      if (tile === undefined) return true;
      if (tile.head.kind === "conv") return foldOwn(op, tile);
      const [first, ...rest] = tile.epilogue;
      if (tile.head.kind !== "pointwise" || first?.do !== "affine") return true;

      const producer = rw.def(tile.head.x);
      const source = producer === undefined ? undefined : decodeTile(producer);
      const why = whyNot(source, rw.uses(tile.head.x));
      if (why !== undefined || producer === undefined || source === undefined) {
        stat("kept");
        remark("missed", op.loc, `normalisation not folded: ${why}`);
        return true;
      }
      stat("folded");
      remark("done", op.loc, "normalisation folded into the weights of the convolution before it");
      rw.takeBack(producer);
      const loc = mergeLocs(producer.loc, op.loc);
      rw.emitTile(folded(rw, source, source.epilogue, first, [], loc), loc, producer.results, producer);
      if (rest.length > 0) rw.emitTile({ ...tile, epilogue: rest }, op.loc, op.results);
      else rw.replace(op.results[0]!, tile.head.x);
      return false;
    });
    return rw.finish();
  },
});

/** Why the normalisation of a value made by `source` cannot be folded, or undefined. */
function whyNot(source: Tile | undefined, otherUses: number): string | undefined {
  if (source?.head.kind !== "conv") return "its operand is not a convolution's result";
  const between = source.epilogue.find((item) => item.do !== "bias");
  if (between !== undefined) return `${between.do} stands between it and the convolution`;
  if (otherUses > 0) return `the raw result has ${otherUses + 1} uses`;
  return undefined;
}

interface Split {
  readonly biases: readonly Item[];
  readonly affine: Affine;
  readonly rest: readonly Item[];
}

/** The epilogue of a convolution taken apart at a foldable normalisation. */
function leadingAffine({ epilogue }: Tile): Split | undefined {
  const at = epilogue.findIndex((item) => item.do !== "bias");
  const affine = epilogue[at];
  return affine?.do === "affine" ? { biases: epilogue.slice(0, at), affine, rest: epilogue.slice(at + 1) } : undefined;
}

/** The convolution with `affine` in its weights and one bias, followed by `rest`. */
function folded(rw: Rewriter, tile: Tile, biases: readonly Item[], affine: Affine, rest: readonly Item[], loc: Loc): Tile {
  if (tile.head.kind !== "conv") throw new Error("internal: only a convolution takes a normalisation in");
  const scaled = (weight: ValueId): ValueId => rw.one("fold.scale_out", [weight, affine.scale], {}, loc);
  const terms = tile.head.terms.map((t) => ({ ...t, w: scaled(t.w) }));
  let shift = affine.shift;
  for (const item of biases) if (item.do === "bias") shift = rw.one("fold.add", [scaled(item.arg), shift], {}, loc);
  return { head: { kind: "conv", terms }, epilogue: [{ do: "bias", arg: shift }, ...rest] };
}
