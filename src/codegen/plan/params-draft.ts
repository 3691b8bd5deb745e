import type { AttrValue, ValueId } from "../../ir/module.ts";
import { pad4 } from "../wgsl/spec.ts";

/** One parameter inside a block; [from, to) are the columns (last axis) that the block holds. */
export interface PackItem {
  readonly value: ValueId;
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** Gathers the parameters of one kernel into a block: rows of columns padded to 4 floats. */
export class ParamsDraft {
  readonly items: PackItem[] = [];
  #floats = 0;

  get floats(): number {
    return this.#floats;
  }

  /** Places a parameter of `rows` × [from, to) and returns its offset in floats. */
  place(value: ValueId, rows: number, from: number, to: number): number {
    const known = this.items.find((i) => i.value === value && i.from === from && i.to === to);
    if (known !== undefined) return known.at;
    const at = this.#floats;
    this.items.push({ value, at, from, to });
    this.#floats += rows * pad4(to - from);
    return at;
  }

  /** Attributes of the `pack` op; item values become operand indices. */
  attrs(): { readonly items: AttrValue; readonly floats: number } {
    return { items: this.items.map((i, value) => ({ value, at: i.at, columns: [i.from, i.to] })), floats: this.#floats };
  }
}
