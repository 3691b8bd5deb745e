/**
 * `fuse-pairs`: two consecutive submanifold convolutions on one rulebook as one kernel. A tile of output rows computes
 * the first convolution for all rows its second one reads (the halo), keeps them in workgroup memory, and goes on.
 *
 * This is not one convolution with a larger kernel, even with nothing between: the rows between exist at active sites
 * only, a composed kernel would let values pass through inactive ones. Both convolutions and their rulebook stay.
 */
import { mergeLocs, type Loc } from "../ir/loc.ts";
import { typeOf, type Module, type Op, type ValueId } from "../ir/module.ts";
import { geometryOf } from "../ir/ops/conv.ts";
import { kernelVolume, mirrors } from "../ir/ops/rulebook.ts";
import { DESKTOP_WORKGROUP_BYTES, TILE_ROWS, WORKGROUP_BYTES } from "./cost/machine.ts";
import { estimatePair, PAIR_COLUMNS, pairCapacity, type PairEstimate } from "./cost/pair-model.ts";
import { choice, int } from "./options.ts";
import { definePass } from "./pass.ts";
import { mergePlace, tooManyBindings } from "./rewrite/merge.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, endsDense, epilogueSources, type Item, type Term, type Tile } from "./rewrite/tile.ts";
import { usesOf, type Uses } from "./rewrite/uses.ts";

interface Pair {
  readonly first: Op;
  readonly second: Op;
  readonly rb: ValueId;
  /** Whether the rows between have other users. */
  readonly emit: boolean;
  readonly capacity: number;
  readonly estimate: PairEstimate;
}

export const fusePairs = definePass({
  name: "fuse-pairs",
  summary: "computes two submanifold convolutions on one rulebook in one kernel, the rows between on chip",
  legality: [
    "Both convolutions have one term, through the same searched rulebook: one site set, an odd, centred kernel, no slice.",
    "The first one's last result is what the second reads; when others read it too it stays a result, by emit.",
    "The halo of one row fits on chip with the channels between; the second's columns fit one tile.",
    "What either epilogue adds exists before the merged op, and the kernel binds at most 8 storage buffers.",
    "Two kernels are never composed into a larger one: the rows between exist at active sites only.",
  ],
  from: "fused",
  to: "fused",
  options: {
    pairs: choice(["never", "model", "always"], "never", "fuse no pair, those the cost model favours, or all that are legal"),
    capacity: int(128, 1, 4096, "halo rows on chip at most; fewer where channels are many"),
    bytes: int(WORKGROUP_BYTES, WORKGROUP_BYTES, DESKTOP_WORKGROUP_BYTES, "workgroup memory that a kernel may take; every device has 16384"),
    numbers: choice(["f32", "f16"], "f32", "how the rows between are kept on chip; f16 goes with rows that are stored so"),
  },
  stats: { fused: "pairs made one kernel", refused: "legal, but the cost model says it does not pay", halos: "halo tables asked for" },
  run(module, { options, stat, remark }) {
    if (options.pairs === "never") return module;
    const missed = (op: Op, why: string): void => remark("missed", op.loc, `pair not fused: ${why}`);
    const room: Room = { rows: options.capacity, bytes: options.bytes, numberBytes: options.numbers === "f16" ? 2 : 4 };
    const pairs = choosePairs(module, room, ({ second, estimate }) => {
      const pays = options.pairs === "always" || estimate.saved > estimate.cost;
      if (!pays) {
        stat("refused");
        missed(second, `by the model it ${figures(estimate)}`);
      }
      return pays;
    }, missed);
    if (pairs.length === 0) return module;

    const capacity = new Map<ValueId, number>();
    for (const pair of pairs) capacity.set(pair.rb, Math.min(pair.capacity, capacity.get(pair.rb) ?? pair.capacity));
    const bySecond = new Map(pairs.map((pair) => [pair.second, pair]));
    const halos = new Map<ValueId, ValueId>();
    const rw = new Rewriter(module);
    const haloOf = (rb: ValueId, loc: Loc): ValueId => {
      const known = halos.get(rb);
      if (known !== undefined) return known;
      stat("halos");
      const halo = rw.one("rulebook.halo", [rb], { tile: TILE_ROWS, capacity: capacity.get(rb)! }, loc);
      halos.set(rb, halo);
      return halo;
    };
    rw.sweep((op) => {
      const pair = bySecond.get(op);
      if (pair === undefined) return true;
      const [first, second] = [convOf(pair.first), convOf(pair.second)];
      if (first === undefined || second === undefined) throw new Error("internal: a pair of something else");
      const place = mergePlace(rw, pair.first, epilogueSources(second.epilogue));
      if (place === undefined) {
        missed(op, "another operand depends on the first convolution");
        return true;
      }
      stat("fused");
      remark("done", op.loc, `pair fused on a halo of ${capacity.get(pair.rb)} rows: by the model it ${figures(pair.estimate)}`);
      rw.takeBack(pair.first);
      const kept = pair.first.results.slice(0, pair.emit ? undefined : -1);
      const loc = mergeLocs(pair.first.loc, op.loc);
      rw.emitTile(pairTile(first, second, pair.rb, haloOf(pair.rb, loc), pair.emit), loc, [...kept, ...op.results], place);
      return false;
    });
    return rw.finish();
  },
});

/** What is on chip for the rows between: at most so many, of numbers of so many bytes, in so many bytes. */
interface Room {
  readonly rows: number;
  readonly bytes: number;
  readonly numberBytes: number;
}

interface Conv {
  readonly term: Term;
  readonly epilogue: readonly Item[];
}

/** A convolution of one term through a rulebook, or undefined. */
function convOf(op: Op | undefined): (Conv & { readonly rb: ValueId }) | undefined {
  const tile = op === undefined ? undefined : decodeTile(op);
  if (tile?.head.kind !== "conv" || tile.head.terms.length !== 1) return undefined;
  const term = tile.head.terms[0]!;
  return term.rb === undefined ? undefined : { term, epilogue: tile.epilogue, rb: term.rb };
}

function pairTile(first: Conv, second: Conv, rb: ValueId, halo: ValueId, emit: boolean): Tile {
  const between: readonly Item[] = emit ? [{ do: "emit" }] : [];
  const before = { w: first.term.w, epilogue: [...first.epilogue, ...between] };
  return { head: { kind: "pair", x: first.term.x, rb, halo, first: before, second: { w: second.term.w } }, epilogue: second.epilogue };
}

/**
 * A matching of the legal pairs that `pays` accepts, in module order: first those whose rows between have no other
 * user, then those that must also store them. A convolution is in one pair at most.
 */
function choosePairs(module: Module, room: Room, pays: (pair: Pair) => boolean, missed: (op: Op, why: string) => void): readonly Pair[] {
  const uses = usesOf(module);
  const taken = new Set<Op>();
  const pairs: Pair[] = [];
  for (const emit of [false, true]) {
    for (const second of module.ops) {
      const pair = candidate(module, uses, second, room, (why) => {
        if (emit) missed(second, why);
      });
      if (pair === undefined || pair.emit !== emit || taken.has(pair.first) || taken.has(second) || !pays(pair)) continue;
      taken.add(pair.first).add(second);
      pairs.push(pair);
    }
  }
  return pairs;
}

/** The pair that an op would be the second of, or undefined; says why not where its operand is a convolution too. */
function candidate(module: Module, uses: Uses, op: Op, room: Room, no: (why: string) => void): Pair | undefined {
  const second = convOf(op);
  const firstOp = second === undefined ? undefined : uses.def(second.term.x);
  const first = convOf(firstOp);
  if (second === undefined || first === undefined || firstOp === undefined) return undefined;
  const refuse = (why: string): undefined => {
    no(why);
    return undefined;
  };
  const type = typeOf(module, second.rb);
  if (type.kind !== "rulebook") throw new Error("internal: a map that is no rulebook");
  if (first.rb !== second.rb) return refuse("the convolutions do not share a rulebook");
  const search = uses.def(second.rb);
  if (search?.name !== "rulebook.search" || type.from !== type.to) return refuse("the rulebook is not a submanifold search of its own");
  if (!mirrors(geometryOf(search.attrs))) return refuse("the kernel is not odd and centred, so a row's halo may lack the row itself");
  if (firstOp.results.at(-1) !== second.term.x || endsDense(first.epilogue)) return refuse("the rows between are an earlier result of a kernel that goes on");
  const wide = [...first.epilogue, ...second.epilogue].some((item) => item.do === "linear");
  if (wide) return refuse("a pointwise layer is fused into one of them");
  if (epilogueSources(second.epilogue).includes(second.term.x)) return refuse("the second epilogue reads the rows between");

  const [cin, middle] = [channelsOf(module, first.term.x), channelsOf(module, second.term.x)];
  const cout = columnsOf(module, second.term.w);
  if (cout > PAIR_COLUMNS) return refuse(`${cout} columns, at most ${PAIR_COLUMNS} fit one tile`);
  const capacity = Math.min(room.rows, pairCapacity(middle, room.bytes, room.numberBytes));
  if (capacity < kernelVolume(type.kernel)) return refuse(`${middle} channels leave room for ${capacity} halo rows, one row may need ${kernelVolume(type.kernel)}`);
  const emit = uses.isOutput(second.term.x) || uses.of(second.term.x).length > 1;
  const limitHit = tooManyBindings(uses, pairTile(first, second, second.rb, second.rb, emit));
  if (limitHit !== undefined) return refuse(limitHit);
  const estimate = estimatePair({ kernel: type.kernel, cin, middle, emitted: emit });
  return { first: firstOp, second: op, rb: second.rb, emit, capacity, estimate };
}

function channelsOf(module: Module, value: ValueId): number {
  const type = typeOf(module, value);
  if (type.kind !== "feat") throw new Error(`internal: %${value} is ${type.kind}, expected features`);
  return type.channels;
}

function columnsOf(module: Module, w: ValueId): number {
  const type = typeOf(module, w);
  if (type.kind !== "param") throw new Error(`internal: weight %${w} is ${type.kind}`);
  return type.shape.at(-1) ?? 0;
}

const figures = ({ halo, saved, cost }: PairEstimate): string =>
  `saves ${saved.toFixed(0)} and costs ${cost.toFixed(0)} bytes per row, computing ${halo.toFixed(1)} rows for one`;
