/**
 * Bytes of live feature values over an order of ops, for `schedule`. Row counts are not known when compiling, so they
 * are taken relative to the input's: points lie on surfaces, and a stride of s per axis leaves about 1/s^(d−1) of them.
 * A slice is a view: it has no bytes and keeps what it views alive. Dense results and batch rows do not depend on the order.
 */
import { typeOf, type Module, type Op, type ValueId } from "../../ir/module.ts";
import { F32 } from "./machine.ts";

/** Bytes per input site. */
export function liveBytes(module: Module, value: ValueId): number {
  const type = typeOf(module, value);
  if (type.kind !== "feat") return 0;
  const strides = module.sites.totalStride(type.sites);
  const product = strides.reduce((p, s) => p * s, 1);
  const d = strides.length;
  return F32 * type.channels * (d < 2 ? 1 / product : product ** (-(d - 1) / d));
}

/** The value whose memory a value lives in. */
export function viewed(defs: ReadonlyMap<ValueId, Op>, value: ValueId): ValueId {
  let base = value;
  for (let def = defs.get(base); def?.name === "slice"; def = defs.get(base)) base = def.operands[0]!;
  return base;
}

/** What the order of feature ops decides: who holds which memory, and for how long. */
export class Liveness {
  readonly #bytes = new Map<ValueId, number>();
  readonly #defs: ReadonlyMap<ValueId, Op>;
  readonly #readers = new Map<ValueId, Op[]>();
  readonly #outputs: ReadonlySet<ValueId>;

  constructor(module: Module, features: readonly Op[]) {
    this.#defs = new Map(features.flatMap((op) => op.results.map((v): [ValueId, Op] => [v, op])));
    this.#outputs = new Set(module.outputs.map((o) => viewed(this.#defs, o.value)));
    for (const op of features) {
      if (op.name !== "slice") for (const value of op.results) this.#bytes.set(value, liveBytes(module, value));
      for (const value of this.reads(op)) {
        const list = this.#readers.get(value);
        if (list === undefined) this.#readers.set(value, [op]);
        else list.push(op);
      }
    }
  }

  /** Memory that an op reads, each once. */
  reads(op: Op): readonly ValueId[] {
    return [...new Set(op.operands.map((v) => viewed(this.#defs, v)))].filter((v) => this.#defs.has(v));
  }

  readersOf(value: ValueId): readonly Op[] {
    return this.#readers.get(value) ?? [];
  }

  isOutput(value: ValueId): boolean {
    return this.#outputs.has(value);
  }

  bytes(value: ValueId): number {
    return this.#bytes.get(value) ?? 0;
  }

  /** Most bytes alive while the ops run in this order. */
  peak(order: readonly Op[]): number {
    const left = new Map<ValueId, number>();
    let live = 0;
    let peak = 0;
    for (const op of order) {
      for (const value of op.results) live += this.bytes(value);
      peak = Math.max(peak, live);
      for (const value of this.reads(op)) {
        const readers = (left.get(value) ?? this.readersOf(value).length) - 1;
        left.set(value, readers);
        if (readers === 0 && !this.isOutput(value)) live -= this.bytes(value);
      }
    }
    return peak;
  }
}
