/**
 * `fold-scale`: a normalisation before pointwise convolutions is arithmetic on their weights:
 * (x·s + t)·W + b = x·(s·W) + (t·W + b). Every row has its own row, so nothing is missing where the shift counts. A
 * convolution of several taps is another matter: its sum has t·W of the active neighbours alone, another bias at every
 * row. Its scale could be folded, but then the rows x + t/s would have to be stored in place of x·s + t, which gains
 * nothing; and that a shift is zero is never known when compiling, since norms always have one and weights come later.
 *
 * It pays where the rows before the normalisation are read elsewhere too: the normalised ones are then never stored.
 */
import type { Loc } from "../ir/loc.ts";
import type { Op, ValueId } from "../ir/module.ts";
import { definePass } from "./pass.ts";
import { withBias } from "./rewrite/bias.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, epilogueSources, type Item, type Tile } from "./rewrite/tile.ts";
import { usesOf, type Uses } from "./rewrite/uses.ts";

/** A normalised value that is not made: its rows before, and what was done to them. */
interface Folded {
  readonly raw: ValueId;
  readonly scale: ValueId;
  readonly shift: ValueId;
}

export const foldScale = definePass({
  name: "fold-scale",
  summary: "folds a batch norm before pointwise convolutions into their weights and biases, in the load phase",
  legality: [
    "All that reads the normalised rows are pointwise terms of convolutions: no activation, addition or output.",
    "Never before a convolution of several taps, whose missing neighbours do not carry the norm's shift.",
  ],
  from: "fused",
  to: "fused",
  options: {},
  stats: { folded: "normalisations folded into the weights after them", kept: "normalisations before convolutions that stay" },
  run(module, { stat, remark }) {
    if (!module.ops.some((op) => decodeTile(op)?.epilogue.at(-1)?.do === "affine")) return module;
    const rw = new Rewriter(module);
    const uses = usesOf(module);
    const folded = new Map<ValueId, Folded>();
    rw.sweep((op) => {
      const tile = decodeTile(op);
      if (tile === undefined) return true;
      const next = readRaw(rw, tile, folded, op.loc);
      const last = next.epilogue.at(-1);
      const value = op.results.at(-1)!;
      const why = last?.do === "affine" ? whyNot(uses, value) : NOT_BEFORE_A_CONVOLUTION;
      if (last?.do !== "affine" || why !== undefined) {
        if (why !== NOT_BEFORE_A_CONVOLUTION) {
          stat("kept");
          remark("missed", op.loc, `normalisation not folded into what follows: ${why}`);
        }
        if (next === tile) return true;
        rw.emitTile(next, op.loc, op.results);
        return false;
      }
      stat("folded");
      remark("done", op.loc, "normalisation folded into the weights of the pointwise convolutions after it");
      folded.set(value, { raw: emitRaw(rw, op, { ...next, epilogue: next.epilogue.slice(0, -1) }), scale: last.scale, shift: last.shift });
      return false;
    });
    return rw.finish();
  },
});

const NOT_BEFORE_A_CONVOLUTION = "it is not before a convolution";

/** Why a normalised value must exist, or undefined. */
function whyNot(uses: Uses, value: ValueId): string | undefined {
  const users = uses.of(value).map((op) => decodeTile(op));
  const terms = users.flatMap((tile) => (tile?.head.kind === "conv" ? tile.head.terms : [])).filter((t) => t.x === value);
  if (terms.length === 0) return NOT_BEFORE_A_CONVOLUTION;
  if (terms.some((t) => t.rb !== undefined)) return "missing neighbours of a convolution do not carry its shift";
  if (uses.isOutput(value)) return "it is an output";
  const other = users.some((tile) => tile?.head.kind !== "conv" || epilogueSources(tile.epilogue).includes(value));
  return other ? "something else reads it" : undefined;
}

/** The tile with its terms over folded values reading the rows before them. */
function readRaw(rw: Rewriter, tile: Tile, folded: ReadonlyMap<ValueId, Folded>, loc: Loc): Tile {
  if (tile.head.kind !== "conv" || !tile.head.terms.some((t) => folded.has(t.x))) return tile;
  let epilogue: readonly Item[] = tile.epilogue;
  const terms = tile.head.terms.map((term) => {
    const norm = folded.get(term.x);
    if (norm === undefined) return term;
    epilogue = withBias(rw, rw.one("fold.matmul", [norm.shift, term.w], {}, loc), epilogue, loc);
    return { ...term, x: norm.raw, w: rw.one("fold.scale_in", [term.w, norm.scale], {}, loc) };
  });
  return { head: { kind: "conv", terms }, epilogue };
}

/** Emits what is left of an op without the normalisation it ended with; the value of the rows before that. */
function emitRaw(rw: Rewriter, op: Op, { head, epilogue }: Tile): ValueId {
  if (epilogue.at(-1)?.do === "emit") {
    const results = op.results.slice(0, -1);
    rw.emitTile({ head, epilogue: epilogue.slice(0, -1) }, op.loc, results);
    return results.at(-1)!;
  }
  if (head.kind === "pointwise" && epilogue.length === 0) return head.x;
  rw.emitTile({ head, epilogue }, op.loc, op.results);
  return op.results.at(-1)!;
}
