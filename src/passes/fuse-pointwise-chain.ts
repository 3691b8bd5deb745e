/**
 * `fuse-pointwise-chain`: a one-tap convolution or linear layer reads only its own row, so it can be done to the tile
 * of the convolution before it while that is still on chip. The tile must hold all columns of both layers.
 */
import { mergeLocs } from "../ir/loc.ts";
import type { ValueId } from "../ir/module.ts";
import { estimateChain } from "./cost/chain-model.ts";
import { int } from "./options.ts";
import { definePass } from "./pass.ts";
import { mergePlace, tooManyBindings } from "./rewrite/merge.ts";
import { BINDING_FLOATS, parameterFloats } from "./rewrite/parameters.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { kernelOf, weightShape } from "./rewrite/shapes.ts";
import { decodeTile, endsDense, epilogueSources, type ConvHead, type Item, type Tile } from "./rewrite/tile.ts";

export const fusePointwiseChain = definePass({
  name: "fuse-pointwise-chain",
  summary: "does a pointwise layer to the tile of the convolution before it, where that pays",
  legality: [
    "The pointwise layer has one term, which reads the convolution's last result.",
    "All columns of both layers fit one tile, and all weights one binding of 128 MiB.",
    "What the layer's epilogue adds exists before the merged op, and the kernel binds at most 8 storage buffers.",
    "A value between that is used elsewhere too stays a result, by emit.",
  ],
  from: "fused",
  to: "fused",
  options: { columns: int(128, 1, 2048, "most columns of a tile that stays on chip") },
  stats: { fused: "pointwise layers done on chip", refused: "legal, but the cost model says it does not pay" },
  run(module, { options, stat, remark }) {
    const rw = new Rewriter(module);
    rw.sweep((op) => {
      const layer = decodeTile(op);
      const term = layer?.head.kind === "conv" && layer.head.terms.length === 1 ? layer.head.terms[0] : undefined;
      if (layer === undefined || term === undefined || term.rb !== undefined) return true;
      const producer = rw.def(term.x);
      const before = producer === undefined ? undefined : decodeTile(producer);
      if (before?.head.kind === "grouped") remark("missed", op.loc, "not done on chip: the convolution before it has groups, whose kernel does not hold all columns");
      if (producer === undefined || before?.head.kind !== "conv" || producer.results.at(-1) !== term.x || endsDense(before.epilogue)) return true;

      const no = (why: string): true => {
        remark("missed", op.loc, `not done on chip: ${why}`);
        return true;
      };
      const [middle, cout] = [channelsOf(rw, term.x), columnsOf(rw, term.w)];
      const widest = Math.max(middle, cout, ...tileColumns(rw, before.head, before.epilogue));
      if (widest > options.columns) return no(`${widest} columns, at most ${options.columns} stay on chip`);
      const sources = epilogueSources(layer.epilogue);
      if (sources.includes(term.x)) return no("its epilogue reads the value between again");
      const place = mergePlace(rw, producer, sources);
      if (place === undefined) return no("another operand depends on the convolution's result");

      const emit = rw.uses(term.x) > 0;
      const between: readonly Item[] = emit ? [{ do: "emit" }] : [];
      const merged: Tile = { head: before.head, epilogue: [...before.epilogue, ...between, { do: "linear", w: term.w }, ...layer.epilogue] };
      const limit = tooManyBindings(rw, merged);
      if (limit !== undefined) return no(limit);
      // A kernel with more weights than that is computed in slices of columns; a layer after it needs all columns.
      if (parameterFloats(rw, merged) > BINDING_FLOATS) return no("the weights of both need more than one binding of 128 MiB");
      const terms = before.head.terms.map((t) => ({ kernel: kernelOf(rw, t.rb), cin: channelsOf(rw, t.x) }));
      const { saved, cost } = estimateChain({ terms, middle, cout, emitted: emit });
      const figures = `saves ${saved.toFixed(0)} and costs ${cost.toFixed(0)} bytes per row`;
      if (cost >= saved) {
        stat("refused");
        return no(`${figures} by the model`);
      }
      stat("fused");
      remark("done", op.loc, `done to the tile on chip: ${figures} by the model`);
      rw.takeBack(producer);
      const kept = producer.results.slice(0, emit ? undefined : -1);
      rw.emitTile(merged, mergeLocs(producer.loc, op.loc), [...kept, ...op.results], place);
      return false;
    });
    return rw.finish();
  },
});

function channelsOf(rw: Rewriter, value: ValueId): number {
  const type = rw.typeOf(value);
  if (type.kind !== "feat" && type.kind !== "vec") throw new Error(`internal: %${value} is ${type.kind}, expected rows`);
  return type.channels;
}

const columnsOf = (rw: Rewriter, w: ValueId): number => weightShape(rw, w).at(-1) ?? 0;

/** Columns that the tile already holds at some moment. */
const tileColumns = (rw: Rewriter, head: ConvHead, epilogue: readonly Item[]): readonly number[] => [
  columnsOf(rw, head.terms[0]!.w),
  ...epilogue.flatMap((item) => (item.do === "linear" ? [columnsOf(rw, item.w)] : [])),
];
