/**
 * `fuse-epilogue`: what is done to each row after a convolution, pool or pointwise op becomes part of that op's kernel:
 * normalisation, residual addition, gate, activation, and the scatter to dense. When the value before is also used
 * elsewhere it becomes a second result (`emit`), so a pre-activation network still reads each row once.
 *
 * One forward sweep; a chain of pointwise ops is absorbed link by link.
 */
import { mergeLocs } from "../ir/loc.ts";
import { string, type Op, type ValueId } from "../ir/module.ts";
import { definePass } from "./pass.ts";
import { mergePlace, tooManyBindings } from "./rewrite/merge.ts";
import { Rewriter, type Place } from "./rewrite/rewriter.ts";
import { decodeTile, endsDense, epilogueSources, holdsColumns, type Item, type Tile } from "./rewrite/tile.ts";

/** A producer that could take the visited op's work in, and how. */
interface Candidate {
  readonly producer: Op;
  readonly tile: Tile;
  readonly place: Place;
  readonly emit: boolean;
}

/** The visited op as work on one row: on which value, and what. */
interface Work {
  readonly on: ValueId;
  readonly items: readonly Item[];
}

export const fuseEpilogue = definePass({
  name: "fuse-epilogue",
  summary: "moves pointwise work and dense scatters into the kernel that makes the rows",
  legality: [
    "The rows come from a convolution, pool, pair or pointwise op as its last result, on the same site set.",
    "Operands of additions and products exist before the merged op, and none of them depends on it.",
    "The merged kernel binds at most 8 storage buffers.",
    "No scatter to a dense tensor with a ground, which a step of its own fills before.",
    "A linear layer goes only into a kernel that holds all columns of a row: not of groups, pairs, norms and broadcasts.",
    "A value used elsewhere too stays a result, by emit; nothing follows a dense scatter.",
  ],
  from: "fused",
  to: "fused",
  options: {},
  stats: { fused: "pointwise ops and scatters taken into a kernel", emitted: "values that became a second result" },
  run(module, { stat, remark }) {
    const rw = new Rewriter(module);
    rw.sweep((op) => {
      if (op.name === "to_dense" && op.operands.length > 1) {
        remark("missed", op.loc, "not fused: a dense tensor with a ground is filled before its rows come");
        return true;
      }
      const works = workOf(op);
      if (works.length === 0) return true;
      const reasons: string[] = [];
      const candidates = works.map((work) => candidate(rw, work, (why) => reasons.push(why)));
      const best = choose(rw, candidates);
      if (best === undefined) {
        for (const why of new Set(reasons)) remark("missed", op.loc, `not fused: ${why}`);
        return true;
      }
      stat("fused");
      if (best.emit) stat("emitted");
      remark("done", op.loc, `fused into ${best.producer.name}${best.emit ? ", which also keeps the value before" : ""}`);
      rw.takeBack(best.producer);
      const kept = best.producer.results.slice(0, best.emit ? undefined : -1);
      rw.emitTile(best.tile, mergeLocs(best.producer.loc, op.loc), [...kept, ...op.results], best.place);
      return false;
    });
    return rw.finish();
  },
});

/** The ways to see an op as work on one of its operands' rows; additions and products commute. */
function workOf(op: Op): readonly Work[] {
  if (op.name === "to_dense" && op.attrs["layout"] === "channels_first") return [{ on: op.operands[0]!, items: [{ do: "dense", fold: string(op.attrs, "fold") }] }];
  const tile = decodeTile(op);
  if (tile?.head.kind !== "pointwise") return [];
  const { head, epilogue } = tile;
  const works: Work[] = [{ on: head.x, items: epilogue }];
  const [first, ...rest] = epilogue;
  if ((first?.do === "add" || first?.do === "mul") && first.arg !== head.x) works.push({ on: first.arg, items: [{ do: first.do, arg: head.x }, ...rest] });
  return works;
}

function candidate(rw: Rewriter, work: Work, no: (why: string) => void): Candidate | undefined {
  const producer = rw.def(work.on);
  const tile = producer === undefined ? undefined : decodeTile(producer);
  if (producer === undefined || tile === undefined) {
    no(`${producer?.name ?? "its operand"} has no epilogue`);
    return undefined;
  }
  if (producer.results.at(-1) !== work.on || endsDense(tile.epilogue)) {
    no("its operand is an earlier result of a kernel that goes on");
    return undefined;
  }
  if (!holdsColumns(tile.head) && work.items.some((item) => item.do === "linear")) {
    no(`${producer.name} does not hold all columns of a row, which a linear layer reads`);
    return undefined;
  }
  const sources = epilogueSources(work.items);
  if (sources.includes(work.on)) {
    no("the value is combined with itself");
    return undefined;
  }
  const place = mergePlace(rw, producer, sources);
  if (place === undefined) {
    no("another operand depends on the kernel's result");
    return undefined;
  }
  const emit = rw.uses(work.on) > 0;
  const between: readonly Item[] = emit ? [{ do: "emit" }] : [];
  const merged: Tile = { head: tile.head, epilogue: [...tile.epilogue, ...between, ...work.items] };
  const limit = tooManyBindings(rw, merged);
  if (limit !== undefined) {
    no(limit);
    return undefined;
  }
  return { producer, tile: merged, place, emit };
}

/** Without a second result before with one; then the later producer, whose operands are all there. */
function choose(rw: Rewriter, candidates: readonly (Candidate | undefined)[]): Candidate | undefined {
  const [a, b] = candidates;
  if (a === undefined || b === undefined) return a ?? b;
  if (a.emit !== b.emit) return a.emit ? b : a;
  return rw.precedes(a.producer.results.at(-1)!, b.producer) ? b : a;
}
