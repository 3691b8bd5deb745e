/**
 * `compose-pointwise`: two layers with nothing but a bias between are one, whose weights are a product made in the load
 * phase: (Σ x·A)·B = Σ x·(A·B). One of the two is pointwise. After a convolution it may be so whatever its bias,
 * which becomes bias·B. Before a convolution of several taps a bias ends it: only active neighbours bring it, so
 * that it is no vector for all rows. Two convolutions of several taps never compose: the rows between exist at
 * active sites only.
 */
import { mergeLocs, type Loc } from "../ir/loc.ts";
import type { Op, ValueId } from "../ir/module.ts";
import { termsOf } from "../ir/ops/fused.ts";
import { estimateCompose } from "./cost/compose-model.ts";
import { int } from "./options.ts";
import { definePass } from "./pass.ts";
import { withBias } from "./rewrite/bias.ts";
import { tooManyBindings } from "./rewrite/merge.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { kernelOf, weightShape } from "./rewrite/shapes.ts";
import { decodeTile, epilogueSources, type ConvHead, type Item, type Term } from "./rewrite/tile.ts";

/** A convolution as a tile. */
interface Layer {
  readonly head: ConvHead;
  readonly epilogue: readonly Item[];
}

export const composePointwise = definePass({
  name: "compose-pointwise",
  summary: "makes a pointwise layer and the convolution before or after it one convolution, where that is cheaper",
  legality: [
    "One of the two layers is pointwise; between them stands nothing but a bias: no activation, addition, product or emit.",
    "Before a convolution of several taps not even a bias: missing neighbours do not carry it.",
    "A first layer that others read too stays for them.",
    "The composed kernel binds at most 8 storage buffers, and no layer is done to its tile on chip.",
  ],
  from: "fused",
  to: "fused",
  options: { work: int(64, 0, 999_999, "most million multiplications in the load phase for one composition") },
  stats: { composed: "layers that became a part of the next one", refused: "legal, but it does not pay" },
  run(module, { options, stat, remark }) {
    if (!module.ops.some((op) => op.name === "fused.conv" && termsOf(op.attrs).some((t) => t.rb === undefined))) return module;
    const rw = new Rewriter(module);
    rw.sweep((op) => {
      const tile = decodeTile(op);
      if (tile?.head.kind !== "conv") return true;
      let [layer, loc]: [Layer, Loc] = [{ head: tile.head, epilogue: tile.epilogue }, op.loc];
      for (const term of tile.head.terms) {
        const first = firstLayer(rw, term);
        if (first === undefined) continue;
        const no = (why: string): void => remark("missed", op.loc, `not composed with the layer before: ${why}`);
        const why = whyNot(rw, first.layer, layer, term);
        if (why !== undefined) {
          no(why);
          continue;
        }
        const kept = rw.uses(term.x) + mentions(layer, term.x) > 1;
        const { before, after, work } = estimate(rw, first.layer, layer, term, kept);
        const figures = `${before.toFixed(0)} bytes per row as two, ${after.toFixed(0)} as one, by the model`;
        if (after >= before || work > options.work * 1e6) {
          stat("refused");
          no(after >= before ? figures : `the product of the weights takes ${(work / 1e6).toFixed(0)} million multiplications`);
          continue;
        }
        stat("composed");
        remark("done", op.loc, `composed with the layer before${kept ? ", which stays for others" : ""}: ${figures}`);
        layer = compose(rw, first.layer, layer, term, loc);
        if (!kept) rw.takeBack(first.op);
        loc = mergeLocs(first.op.loc, loc);
      }
      if (layer.head === tile.head) return true;
      rw.emitTile(layer, loc, op.results);
      return false;
    });
    return rw.finish();
  },
});

/** The convolution whose rows a term reads, when one of the two is pointwise. */
function firstLayer(rw: Rewriter, term: Term): { readonly op: Op; readonly layer: Layer } | undefined {
  const op = rw.def(term.x);
  const tile = op === undefined ? undefined : decodeTile(op);
  if (op === undefined || tile?.head.kind !== "conv") return undefined;
  const { head, epilogue } = tile;
  return term.rb === undefined || head.terms.every((t) => t.rb === undefined) ? { op, layer: { head, epilogue } } : undefined;
}

function whyNot(rw: Rewriter, first: Layer, second: Layer, term: Term): string | undefined {
  const between = first.epilogue.find((item) => item.do !== "bias");
  if (between !== undefined) return `${between.do} stands between`;
  if (term.rb !== undefined && first.epilogue.length > 0) return "missing neighbours do not carry its bias";
  if (second.epilogue.some((item) => item.do === "linear")) return "a layer is done on chip after them";
  const terms = second.head.terms.flatMap((t) => (t === term ? composedTerms(first, term, () => term.w) : [t]));
  return tooManyBindings(rw, { head: { kind: "conv", terms }, epilogue: second.epilogue });
}

/** How often a layer reads a value. */
const mentions = ({ head, epilogue }: Layer, x: ValueId): number =>
  head.terms.filter((t) => t.x === x).length + epilogueSources(epilogue).filter((source) => source === x).length;

/** The first layer's terms with the taps of either layer, and weights made of both. */
const composedTerms = (first: Layer, term: Term, weight: (t: Term) => ValueId): readonly Term[] =>
  first.head.terms.map((t) => {
    const rb = t.rb ?? term.rb;
    return { x: t.x, w: weight(t), ...(rb === undefined ? {} : { rb }) };
  });

function compose(rw: Rewriter, first: Layer, second: Layer, term: Term, loc: Loc): Layer {
  const times = (value: ValueId): ValueId => rw.one("fold.matmul", [value, term.w], {}, loc);
  const terms = second.head.terms.flatMap((t) => (t === term ? composedTerms(first, term, (own) => times(own.w)) : [t]));
  const epilogue = first.epilogue.reduce((items, item) => (item.do === "bias" ? withBias(rw, times(item.arg), items, loc) : items), second.epilogue);
  return { head: { kind: "conv", terms }, epilogue };
}

/** Bytes per row as two layers and as one, and multiplications in the load phase. */
function estimate(rw: Rewriter, first: Layer, second: Layer, term: Term, kept: boolean): { readonly before: number; readonly after: number; readonly work: number } {
  const [middle, cout] = weightShape(rw, term.w).slice(-2) as [number, number];
  const terms = first.head.terms.map((t) => ({ kernel: kernelOf(rw, t.rb), cin: weightShape(rw, t.w).at(-2)! }));
  const kernel = kernelOf(rw, term.rb);
  const taps = kernel.reduce((product, k) => product * k, 1);
  const rows = terms.reduce((sum, t) => sum + t.kernel.reduce((product, k) => product * k, taps) * t.cin, first.epilogue.length);
  return { ...estimateCompose({ terms, middle, kernel, cout, kept, alone: second.head.terms.length === 1 }), work: rows * middle * cout };
}
