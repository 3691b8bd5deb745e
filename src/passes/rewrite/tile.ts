import type { Activation } from "../../ir/activations.ts";
import { number, string, type Attrs, type AttrValue, type Op, type ValueId } from "../../ir/module.ts";
import type { BroadcastRule } from "../../ir/ops/broadcast.ts";
import { epilogueOf, type EpilogueItem } from "../../ir/ops/epilogue.ts";
import { termsOf } from "../../ir/ops/fused.ts";
import { overOf, type Over } from "../../ir/ops/normalise.ts";
import { pairOf } from "../../ir/ops/pair.ts";
import type { Rounding, SaturatedBits } from "../../ir/whole.ts";

/**
 * A fused op with values in place of operand indices, so that passes edit it as data and never count operands.
 * One tile op is one kernel: a head that accumulates rows and an epilogue that finishes them.
 */
export interface Term {
  readonly x: ValueId;
  readonly w: ValueId;
  /** Absent: the term reads its own row (pointwise). */
  readonly rb?: ValueId;
  /** Products with zeros of x are worth leaving out. */
  readonly zeros?: true;
}

export type Item =
  | { readonly do: "bias" | "clip" | "scale" | "prelu"; readonly arg: ValueId }
  | { readonly do: "affine"; readonly scale: ValueId; readonly shift: ValueId }
  | { readonly do: "add" | "mul"; readonly arg: ValueId }
  | { readonly do: Activation | "emit" }
  | { readonly do: "leaky_relu"; readonly slope: number }
  | { readonly do: "elu"; readonly alpha: number }
  | { readonly do: "quantise"; readonly scale: number }
  | { readonly do: "rescale"; readonly arg: ValueId; readonly shift: number; readonly rounding: Rounding }
  | { readonly do: "saturate"; readonly bits: SaturatedBits }
  | { readonly do: "softplus"; readonly beta: number; readonly threshold: number }
  | { readonly do: "linear"; readonly w: ValueId }
  | { readonly do: "dense"; readonly fold: string; readonly deferred?: boolean };

export interface ConvHead {
  readonly kind: "conv";
  readonly terms: readonly Term[];
}

/** A convolution in groups of channels: one term through a rulebook. */
export interface GroupedHead {
  readonly kind: "grouped";
  readonly x: ValueId;
  readonly w: ValueId;
  readonly rb: ValueId;
  readonly groups: number;
}

export interface PointwiseHead {
  readonly kind: "pointwise";
  readonly x: ValueId;
}

export interface PoolHead {
  readonly kind: "pool";
  readonly x: ValueId;
  readonly rb: ValueId;
  readonly mode: string;
  readonly divisor: string;
  readonly volume: number;
}

/** Rows by their own statistics. */
export interface NormaliseHead {
  readonly kind: "normalise";
  readonly x: ValueId;
  readonly over: Over;
  readonly groups: number;
  readonly eps: number;
}

/** Rows joined with the vector of their batch item. */
export interface BroadcastHead {
  readonly kind: "broadcast";
  readonly x: ValueId;
  readonly vector: ValueId;
  readonly by: BroadcastRule;
}

export interface PairHead {
  readonly kind: "pair";
  readonly x: ValueId;
  readonly rb: ValueId;
  readonly halo: ValueId;
  readonly first: { readonly w: ValueId; readonly epilogue: readonly Item[] };
  readonly second: { readonly w: ValueId };
}

export type Head = ConvHead | GroupedHead | PointwiseHead | PoolHead | NormaliseHead | BroadcastHead | PairHead;

/** A head and its (last) epilogue. */
export interface Tile {
  readonly head: Head;
  readonly epilogue: readonly Item[];
}

/** The parts of an op that a tile decides. */
export interface EncodedTile {
  readonly name: string;
  readonly operands: readonly ValueId[];
  readonly attrs: Attrs;
}

/** The op as a tile, or undefined when it is not one of the fused ops. */
export function decodeTile(op: Op): Tile | undefined {
  const value = (index: number): ValueId => operandAt(op, index);
  switch (op.name) {
    case "fused.conv": {
      const terms = termsOf(op.attrs).map((t) => ({ ...t, x: value(t.x), w: value(t.w), ...(t.rb === undefined ? {} : { rb: value(t.rb) }) }));
      return { head: { kind: "conv", terms }, epilogue: decodeItems(op, epilogueOf(op.attrs["epilogue"])) };
    }
    case "fused.grouped": {
      const { x, w, rb } = termsOf(op.attrs)[0]!;
      const head: GroupedHead = { kind: "grouped", x: value(x), w: value(w), rb: value(rb!), groups: number(op.attrs, "groups") };
      return { head, epilogue: decodeItems(op, epilogueOf(op.attrs["epilogue"])) };
    }
    case "fused.pointwise":
      return { head: { kind: "pointwise", x: value(0) }, epilogue: decodeItems(op, epilogueOf(op.attrs["epilogue"])) };
    case "fused.pool": {
      const { attrs } = op;
      const head: PoolHead = { kind: "pool", x: value(0), rb: value(1), mode: string(attrs, "mode"), divisor: string(attrs, "divisor"), volume: number(attrs, "volume") };
      return { head, epilogue: decodeItems(op, epilogueOf(attrs["epilogue"])) };
    }
    case "fused.normalise": {
      const head: NormaliseHead = { kind: "normalise", x: value(0), over: overOf(op.attrs), groups: number(op.attrs, "groups"), eps: number(op.attrs, "eps") };
      return { head, epilogue: decodeItems(op, epilogueOf(op.attrs["epilogue"])) };
    }
    case "fused.broadcast": {
      const head: BroadcastHead = { kind: "broadcast", x: value(0), vector: value(1), by: string(op.attrs, "by") as BroadcastRule };
      return { head, epilogue: decodeItems(op, epilogueOf(op.attrs["epilogue"])) };
    }
    case "fused.pair": {
      const { first, second, rb, halo } = pairOf(op.attrs);
      const head: PairHead = {
        ...{ kind: "pair", x: value(first.x), rb: value(rb), halo: value(halo) },
        first: { w: value(first.w), epilogue: decodeItems(op, first.epilogue) },
        second: { w: value(second.w) },
      };
      return { head, epilogue: decodeItems(op, second.epilogue) };
    }
    default:
      return undefined;
  }
}

function decodeItems(op: Op, items: readonly EpilogueItem[]): readonly Item[] {
  return items.map((item): Item => {
    switch (item.do) {
      case "bias":
      case "clip":
      case "scale":
      case "prelu":
      case "add":
      case "mul":
      case "rescale":
        return { ...item, arg: operandAt(op, item.arg) };
      case "affine":
        return { do: "affine", scale: operandAt(op, item.scale), shift: operandAt(op, item.shift) };
      case "linear":
        return { do: "linear", w: operandAt(op, item.w) };
      default:
        return item;
    }
  });
}

function operandAt(op: Op, index: number): ValueId {
  const value = op.operands[index];
  if (value === undefined) throw new Error(`internal: ${op.name} has no operand ${index}`);
  return value;
}

/** The op's name, operands (each value once, in order of first mention) and attributes. */
export function encodeTile({ head, epilogue }: Tile): EncodedTile {
  const operands: ValueId[] = [];
  const known = new Map<ValueId, number>();
  const index = (value: ValueId): number => {
    const at = known.get(value);
    if (at !== undefined) return at;
    known.set(value, operands.length);
    return operands.push(value) - 1;
  };
  const items = (list: readonly Item[]): AttrValue => list.map((item) => encodeItem(item, index));
  switch (head.kind) {
    case "conv": {
      const terms = head.terms.map((t) => ({ x: index(t.x), w: index(t.w), ...(t.rb === undefined ? {} : { rb: index(t.rb) }), ...(t.zeros === true ? { zeros: true } : {}) }));
      return { name: "fused.conv", operands, attrs: { terms, epilogue: items(epilogue) } };
    }
    case "grouped": {
      const terms = [{ x: index(head.x), w: index(head.w), rb: index(head.rb) }];
      return { name: "fused.grouped", operands, attrs: { terms, groups: head.groups, epilogue: items(epilogue) } };
    }
    case "pointwise":
      index(head.x);
      return { name: "fused.pointwise", operands, attrs: { epilogue: items(epilogue) } };
    case "pool":
      index(head.x);
      index(head.rb);
      return { name: "fused.pool", operands, attrs: { mode: head.mode, divisor: head.divisor, volume: head.volume, epilogue: items(epilogue) } };
    case "normalise":
      index(head.x);
      return { name: "fused.normalise", operands, attrs: { over: head.over, groups: head.groups, eps: head.eps, epilogue: items(epilogue) } };
    case "broadcast":
      index(head.x);
      index(head.vector);
      return { name: "fused.broadcast", operands, attrs: { by: head.by, epilogue: items(epilogue) } };
    case "pair": {
      const [x, w1, w2, rb, halo] = [index(head.x), index(head.first.w), index(head.second.w), index(head.rb), index(head.halo)];
      const first = { x, w: w1, epilogue: items(head.first.epilogue) };
      return { name: "fused.pair", operands, attrs: { first, second: { w: w2, epilogue: items(epilogue) }, rb, halo } };
    }
  }
}

function encodeItem(item: Item, index: (value: ValueId) => number): AttrValue {
  switch (item.do) {
    case "bias":
    case "clip":
    case "scale":
    case "prelu":
    case "add":
    case "mul":
    case "rescale":
      return { ...item, arg: index(item.arg) };
    case "affine":
      return { do: "affine", scale: index(item.scale), shift: index(item.shift) };
    case "linear":
      return { do: "linear", w: index(item.w) };
    default:
      return { ...item };
  }
}

/** Parameters of one number per column that an item reads. */
export function vectorsOf(item: Item): readonly ValueId[] {
  switch (item.do) {
    case "bias":
    case "clip":
    case "rescale":
    case "scale":
    case "prelu":
      return [item.arg];
    case "affine":
      return [item.scale, item.shift];
    default:
      return [];
  }
}

/** The item with other parameters in place of those of {@link vectorsOf}; `other` is told which they were, in order. */
export function withVectors(item: Item, other: (vector: ValueId, i: number) => ValueId): Item {
  switch (item.do) {
    case "bias":
    case "clip":
    case "rescale":
    case "scale":
    case "prelu":
      return { ...item, arg: other(item.arg, 0) };
    case "affine":
      return { ...item, scale: other(item.scale, 0), shift: other(item.shift, 1) };
    default:
      return item;
  }
}

/** Feature values that an epilogue reads. */
export const epilogueSources = (items: readonly Item[]): readonly ValueId[] =>
  items.flatMap((item) => (item.do === "add" || item.do === "mul" ? [item.arg] : []));

/** Feature values that a tile reads, each once. */
export function tileSources({ head, epilogue }: Tile): readonly ValueId[] {
  const own = head.kind === "conv" ? head.terms.map((t) => t.x) : head.kind === "broadcast" ? [head.x, head.vector] : [head.x];
  const first = head.kind === "pair" ? epilogueSources(head.first.epilogue) : [];
  return [...new Set([...own, ...first, ...epilogueSources(epilogue)])];
}

/** Whether a kernel of this head has all columns of a row at hand, as a linear item needs. */
export const holdsColumns = (head: Head): boolean => head.kind === "conv" || head.kind === "pointwise" || head.kind === "pool";

/** Number of emits in an epilogue. */
export const emits = (items: readonly Item[]): number => items.filter((item) => item.do === "emit").length;

/** Whether the epilogue ends in a scatter, after which nothing can follow. */
export const endsDense = (items: readonly Item[]): boolean => items.at(-1)?.do === "dense";
