import type { Module, Op, ValueId } from "../../ir/module.ts";
import { typeOf } from "../../ir/module.ts";
import type { SiteId } from "../../ir/sites.ts";
import type { Type } from "../../ir/types.ts";

/** A feature buffer before its lifetime is known. */
export interface BufferDraft {
  readonly label: string;
  /** A site set, or `batch`. */
  readonly rows: SiteId | "batch";
  readonly shape: readonly number[];
  readonly zero: boolean;
  readonly input: string;
  /** Cells of points, of whose positions between corners it receives the fractions. */
  readonly fractions?: string;
  /** Whether its rows must stay float32, since float16 does not hold their whole numbers. */
  readonly exact?: boolean;
}

/** Where a value lies: `channels` floats at `offset` of rows that are `stride` floats apart. */
export interface Place {
  readonly buffer: number;
  readonly channels: number;
  readonly stride: number;
  readonly offset: number;
}

export const rowsOf = (type: Type): SiteId | "batch" => (type.kind === "feat" ? type.sites : "batch");

/**
 * Gives every feature value a place. `cat` is never a copy: its operands are produced straight into slices of its
 * buffer. The exceptions get a copy step: an operand that the caller gives or a scatter fills, one that is already a
 * slice of another buffer, and one whose producer also touches that buffer (WebGPU forbids two overlapping writable bindings).
 */
export class MemoryDraft {
  readonly buffers: BufferDraft[] = [];
  readonly #module: Module;
  readonly #defs = new Map<ValueId, Op>();
  readonly #cats = new Map<ValueId, ValueId>();
  readonly #places = new Map<ValueId, Place>();
  /** Operands of a `cat` (by its result) that must be copied, with the slice they go to. */
  readonly copies = new Map<ValueId, { readonly from: ValueId; readonly to: Place }[]>();

  constructor(module: Module) {
    this.#module = module;
    for (const op of module.ops) {
      for (const r of op.results) this.#defs.set(r, op);
      if (op.name === "cat") for (const o of op.operands) this.#cats.set(o, op.results[0]!);
    }
    for (const op of [...module.ops].reverse()) if (op.name === "cat") this.#placeCat(op);
    for (const op of module.ops) this.#avoidAliasing(op);
  }

  add(buffer: BufferDraft): number {
    this.buffers.push(buffer);
    return this.buffers.length - 1;
  }

  /** The place of a value, allocating a buffer of its own at first sight. */
  place(value: ValueId, label: string): Place {
    const known = this.#places.get(value);
    if (known !== undefined) return known;
    const type = typeOf(this.#module, value);
    if (type.kind !== "feat" && type.kind !== "vec") throw new Error(`internal: %${value} is not a feature value`);
    const buffer = this.add({ label, rows: rowsOf(type), shape: [type.channels], zero: false, input: "", exact: type.dtype === "i16" || type.dtype === "i32" });
    return this.set(value, { buffer, channels: type.channels, stride: type.channels, offset: 0 });
  }

  set(value: ValueId, place: Place): Place {
    this.#places.set(value, place);
    return place;
  }

  /** A channel view of another value. */
  view(result: ValueId, of: ValueId, from: number, to: number): void {
    const base = this.place(of, "");
    this.set(result, { ...base, channels: to - from, offset: base.offset + from });
  }

  #channels(value: ValueId): number {
    const type = typeOf(this.#module, value);
    return type.kind === "feat" || type.kind === "vec" ? type.channels : 0;
  }

  #placeCat(op: Op): void {
    const result = op.results[0]!;
    const whole = this.place(result, "cat");
    let offset = whole.offset;
    for (const operand of op.operands) {
      const channels = this.#channels(operand);
      const slice: Place = { buffer: whole.buffer, channels, stride: whole.stride, offset };
      if (this.#producer(operand) && !this.#places.has(operand)) this.set(operand, slice);
      else this.#copy(result, operand, slice);
      offset += channels;
    }
  }

  #copy(cat: ValueId, from: ValueId, to: Place): void {
    const list = this.copies.get(cat) ?? [];
    list.push({ from, to });
    this.copies.set(cat, list);
  }

  /** Whether a step computes the value, so that it can be told where to write. */
  #producer(value: ValueId): boolean {
    const op = this.#defs.get(value);
    return op !== undefined && op.name !== "input" && op.name !== "slice" && op.name !== "to_grid";
  }

  #avoidAliasing(op: Op): void {
    if (op.name === "cat" || op.name === "slice") return;
    const taken = new Set<number>();
    for (const operand of op.operands) {
      const place = this.#places.get(operand);
      if (place !== undefined) taken.add(place.buffer);
    }
    for (const result of op.results) {
      const place = this.#places.get(result);
      if (place === undefined) continue;
      if (taken.has(place.buffer)) {
        const cat = this.#cats.get(result);
        if (cat === undefined) throw new Error(`internal: %${result} shares a buffer without a cat`);
        this.#places.delete(result);
        this.#copy(cat, result, place);
      } else {
        taken.add(place.buffer);
      }
    }
  }
}
