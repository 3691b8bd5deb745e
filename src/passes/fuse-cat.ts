/**
 * `fuse-cat`: a concatenation is a way to read, not a copy. What works channel by channel (pointwise ops, pools) is done
 * to the parts. A convolution over cat(a, b) reads rows that a and b were written side by side into, or, where one of
 * them would have to be copied there, is the sum of one over a and one over b, each with its rows of the weights. A
 * concatenation that something else must see whole (an output, a residual addition, a scatter) is made once, side by
 * side, and then everyone reads that; but norms and activations of it go to the parts even then, as second results of
 * the kernels that make them.
 */
import type { Loc } from "../ir/loc.ts";
import type { Module, Op, ValueId } from "../ir/module.ts";
import { choice } from "./options.ts";
import { definePass, type RemarkKind } from "./pass.ts";
import { STORAGE_BINDINGS, bindingsOf } from "./rewrite/bindings.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, endsDense, epilogueSources, withVectors, type Head, type Item, type Term, type Tile } from "./rewrite/tile.ts";
import { usesOf, type Uses } from "./rewrite/uses.ts";
import { hasZeros } from "./rewrite/zeros.ts";

type Stat = "split" | "joined" | "distributed" | "whole";

export const fuseCat = definePass({
  name: "fuse-cat",
  summary: "convolves the parts of a concatenation instead of joining them, and lets channelwise work act on the parts",
  legality: [
    "A term over cat(a, b) is a term over a plus a term over b with the matching input channels of the weights.",
    "Pointwise items and pools act on each channel alone, so they distribute; their parameters are sliced.",
    "Nobody sees the whole: no output, no scatter, no operand of an addition or product.",
    "Norms and activations of a whole that must exist go to its parts when every part's kernel can give a second result.",
    "Parts are written side by side where each has a kernel of its own that reads none of the others.",
    "The convolution with one source per part binds at most 8 storage buffers.",
  ],
  from: "fused",
  to: "fused",
  options: { sources: choice(["joined", "apart"], "joined", "what a convolution of parts reads: rows side by side where no part would be copied, or each part by itself") },
  stats: { split: "terms split into one per part", joined: "terms over parts that are written side by side", distributed: "ops done to the parts", whole: "concatenations made in memory" },
  run(module, { options, stat, remark }) {
    if (!module.ops.some((op) => op.name === "cat")) return module;
    return new FuseCat(module, options.sources === "joined", stat, remark).run();
  },
});

/** One part of a concatenation: its value and the channels it takes. */
interface Part {
  readonly value: ValueId;
  readonly from: number;
  readonly to: number;
}

class FuseCat {
  readonly #rw: Rewriter;
  readonly #uses: Uses;
  readonly #stat: (name: Stat) => void;
  readonly #remark: (kind: RemarkKind, loc: Loc, text: string) => void;
  /** Concatenations that exist only as their parts. */
  readonly #parts = new Map<ValueId, readonly Part[]>();
  /** Concatenations that are made in memory, where their parts lie side by side. */
  readonly #wholes = new Map<ValueId, readonly Part[]>();
  readonly #joins: boolean;
  /** Parts that are written side by side, by the first concatenation that does so. */
  readonly #joined = new Map<ValueId, ValueId>();

  constructor(module: Module, joins: boolean, stat: (name: Stat) => void, remark: (kind: RemarkKind, loc: Loc, text: string) => void) {
    this.#rw = new Rewriter(module);
    this.#joins = joins;
    this.#uses = usesOf(module);
    this.#stat = stat;
    this.#remark = remark;
  }

  run(): Module {
    this.#rw.sweep((op) => this.#visit(op));
    return this.#rw.finish();
  }

  #visit(op: Op): boolean {
    if (op.name === "cat") return this.#cat(op);
    const tile = decodeTile(op);
    if (tile?.head.kind === "conv") return this.#conv(op, tile, tile.head.terms);
    const parts = this.#parts.get(op.operands[0] ?? -1);
    if (parts === undefined) return !this.#normalise(op, tile);
    if (op.name === "global_pool") this.#global(op, parts);
    else if (tile !== undefined) this.#distribute(op, tile, parts);
    else throw new Error(`internal: ${op.name} needs the whole of a concatenation`);
    return false;
  }

  /** Keeps the parts apart if nobody needs the whole. True when the op stays as it is. */
  #cat(op: Op): boolean {
    const flat = op.operands.flatMap((v) => this.#parts.get(v)?.map((p) => p.value) ?? [v]);
    if (flat.length === 1) {
      this.#rw.replace(op.results[0]!, flat[0]!);
      return false;
    }
    if (this.#virtual(op.results[0]!, this.#ranges(flat), op.loc)) return false;
    this.#stat("whole");
    this.#wholes.set(op.results[0]!, this.#ranges(flat));
    if (!op.operands.some((v) => this.#parts.has(v))) return true;
    this.#rw.emit("cat", flat, {}, op.loc, op.results);
    return false;
  }

  #ranges(values: readonly ValueId[]): readonly Part[] {
    let from = 0;
    return values.map((value) => {
      const part = { value, from, to: from + this.#channels(value) };
      from = part.to;
      return part;
    });
  }

  #channels(value: ValueId): number {
    const type = this.#rw.typeOf(value);
    if (type.kind !== "feat" && type.kind !== "vec") throw new Error(`internal: a part of a concatenation is ${type.kind}`);
    return type.channels;
  }

  /** Registers `value` as parts only, unless someone needs the whole. */
  #virtual(value: ValueId, parts: readonly Part[], loc: Loc): boolean {
    const why = this.#needsWhole(value, parts);
    if (why !== undefined) {
      this.#remark("missed", loc, `concatenation made in memory: ${why}`);
      return false;
    }
    this.#parts.set(value, parts);
    return true;
  }

  #needsWhole(value: ValueId, parts: readonly Part[]): string | undefined {
    if (this.#uses.isOutput(value)) return "it is an output";
    for (const user of this.#uses.of(value)) {
      const why = this.#userNeedsWhole(user, value, parts);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  #userNeedsWhole(user: Op, value: ValueId, parts: readonly Part[]): string | undefined {
    if (user.name === "cat" || user.name === "global_pool") return undefined;
    const tile = decodeTile(user);
    if (tile === undefined) return `${user.name} reads it whole`;
    const { head, epilogue } = tile;
    if (epilogueSources(epilogue).includes(value) && !this.#meetsEqualParts(head, parts)) return "it is the operand of an addition or product";
    if (head.kind === "pair") return "a pair reads one source";
    if (head.kind === "grouped") return "a convolution in groups reads one source";
    if (head.kind === "normalise" || head.kind === "broadcast") return `${user.name} reads it whole`;
    if (head.kind === "conv") return this.#tooManySources(head.terms, epilogue, value, parts);
    const mixes = epilogue.some((item) => item.do === "linear" || item.do === "dense");
    return mixes ? "what follows mixes or scatters channels" : undefined;
  }

  /** Whether the op that combines with these parts is itself done to parts of the same ranges. */
  #meetsEqualParts(head: Head, parts: readonly Part[]): boolean {
    const own = head.kind === "pointwise" || head.kind === "pool" ? this.#parts.get(head.x) : undefined;
    return own !== undefined && own.length === parts.length && own.every((p, i) => p.to === parts[i]!.to);
  }

  #tooManySources(terms: readonly Term[], epilogue: readonly Item[], value: ValueId, parts: readonly Part[]): string | undefined {
    const sources = (x: ValueId): readonly ValueId[] => (x === value ? parts : this.#parts.get(x))?.map((p) => p.value) ?? [x];
    const split = terms.flatMap((t) => sources(t.x).map((x) => ({ ...t, x })));
    const count = bindingsOf(this.#rw, { head: { kind: "conv", terms: split }, epilogue });
    if (count <= STORAGE_BINDINGS) return undefined;
    return `a convolution of its ${parts.length} parts would bind ${count} storage buffers, at most ${STORAGE_BINDINGS} are portable`;
  }

  #conv(op: Op, tile: Tile, terms: readonly Term[]): boolean {
    if (!terms.some((t) => this.#parts.has(t.x))) return true;
    const split = terms.flatMap((term) => {
      const parts = this.#parts.get(term.x);
      if (parts === undefined) return [term];
      const whole = term.rb === undefined ? undefined : this.#sideBySide(parts, op.loc);
      if (whole !== undefined) {
        this.#stat("joined");
        return [{ ...term, x: whole }];
      }
      this.#stat("split");
      return parts.map((p) => ({ ...term, x: p.value, w: this.#rw.one("fold.slice_in", [term.w], { from: p.from, to: p.to }, op.loc) }));
    });
    const sources = split.length > terms.length ? `convolves ${split.length} sources instead of a concatenation` : "convolves a concatenation whose parts are written side by side";
    this.#remark("done", op.loc, sources);
    this.#rw.emitTile({ ...tile, head: { kind: "conv", terms: split } }, op.loc, op.results);
    return false;
  }

  /**
   * The concatenation of parts that their kernels can write into one buffer; undefined where one would be copied there, or
   * its rows would not begin at a vector of four numbers.
   */
  #sideBySide(parts: readonly Part[], loc: Loc): ValueId | undefined {
    if (!this.#joins || parts.some((p) => p.from % 4 !== 0)) return undefined;
    const values = parts.map((p) => p.value);
    const def = (value: ValueId): Op | undefined => this.#rw.def(value);
    // Products with zeros are left out per source.
    if (new Set(values.map((value) => hasZeros(def, value))).size > 1) return undefined;
    const known = this.#joined.get(values[0]!);
    if (known !== undefined) return def(known)?.operands.join() === values.join() ? known : undefined;
    const written = (value: ValueId): boolean => {
      const op = def(value);
      const tile = op === undefined ? undefined : decodeTile(op);
      // A kernel cannot write into the buffer that it reads; a plain layer of one tap may be composed with the term that reads it.
      return op !== undefined && tile !== undefined && !isPlainLayer(tile) && !this.#joined.has(value) && !op.operands.some((x) => values.includes(x));
    };
    if (new Set(values).size < values.length || !values.every(written)) return undefined;
    const [whole] = this.#rw.emit("cat", values, {}, loc);
    for (const value of values) this.#joined.set(value, whole!);
    return whole;
  }

  /** Does a channelwise op to each part; every result is then a concatenation of the parts' results. */
  #distribute(op: Op, tile: Tile, parts: readonly Part[]): void {
    this.#stat("distributed");
    const results = parts.map((part) => {
      const epilogue = tile.epilogue.map((item) => this.#sliceItem(item, part, op.loc));
      return this.#rw.emitTile({ head: withSource(tile.head, part.value), epilogue }, op.loc);
    });
    op.results.forEach((result, i) => this.#join(result, this.#ranges(results.map((r) => r[i]!)), op.loc));
  }

  #global(op: Op, parts: readonly Part[]): void {
    this.#stat("distributed");
    const results = parts.map((part) => this.#rw.one("global_pool", [part.value], op.attrs, op.loc));
    this.#join(op.results[0]!, this.#ranges(results), op.loc);
  }

  #join(value: ValueId, parts: readonly Part[], loc: Loc): void {
    if (this.#virtual(value, parts, loc)) return;
    this.#stat("whole");
    this.#wholes.set(value, parts);
    this.#rw.emit("cat", parts.map((p) => p.value), {}, loc, [value]);
  }

  /**
   * Norms and activations of a concatenation that exists, done to the parts all the same when every part's kernel can
   * take them as a second result: nobody then reads the whole for them. True when that was done.
   */
  #normalise(op: Op, tile: Tile | undefined): boolean {
    const parts = tile?.head.kind === "pointwise" ? this.#wholes.get(tile.head.x) : undefined;
    if (tile === undefined || parts === undefined || tile.epilogue.some((item) => !alone(item))) return false;
    const takes = ({ value }: Part): boolean => {
      const producer = this.#rw.def(value);
      const own = producer === undefined ? undefined : decodeTile(producer);
      if (own === undefined || producer?.results.at(-1) !== value || endsDense(own.epilogue)) return false;
      return bindingsOf(this.#rw, { head: own.head, epilogue: [...own.epilogue, { do: "emit" }, ...tile.epilogue] }) <= STORAGE_BINDINGS;
    };
    if (new Set(parts.map((p) => p.value)).size < parts.length || !parts.every(takes)) {
      this.#remark("missed", op.loc, "not done to the parts of a concatenation: a part's kernel cannot give it as a second result");
      return false;
    }
    this.#distribute(op, tile, parts);
    return true;
  }

  #sliceItem(item: Item, part: Part, loc: Loc): Item {
    const range = { from: part.from, to: part.to };
    const param = (value: ValueId): ValueId => this.#rw.one("fold.slice_out", [value], range, loc);
    switch (item.do) {
      case "add":
      case "mul":
        return { do: item.do, arg: this.#partOf(item.arg, part, loc) };
      default:
        return withVectors(item, param);
    }
  }

  /** The channels of `value` that meet `part`: a part of equal range when it is itself in parts, else a view. */
  #partOf(value: ValueId, part: Part, loc: Loc): ValueId {
    const same = this.#parts.get(value)?.find((p) => p.from === part.from && p.to === part.to);
    return same?.value ?? this.#rw.one("slice", [value], { from: part.from, to: part.to }, loc);
  }
}

const isPlainLayer = ({ head, epilogue }: Tile): boolean => head.kind === "conv" && epilogue.length === 0 && head.terms.every((t) => t.rb === undefined);

/** Whether an item reads nothing but its own channel and parameters. */
const alone = (item: Item): boolean => !["add", "mul", "linear", "emit", "dense"].includes(item.do);

function withSource(head: Head, x: ValueId): Head {
  if (head.kind === "pointwise" || head.kind === "pool") return { ...head, x };
  throw new Error(`internal: a ${head.kind} does not distribute`);
}
