import type { AttrValue, ValueId } from "../../ir/module.ts";
import { pad4 } from "../wgsl/spec.ts";

/** One parameter inside a block; [from, to) are the columns (last axis) that the block holds. */
export interface PackItem {
  readonly value: ValueId;
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Gathers the parameters of one kernel into a block: rows of columns padded to 4 floats, column tile after column tile
 * where the target wants matrices in tiles.
 */
export class ParamsDraft {
  readonly items: PackItem[] = [];
  readonly #tile: number;
  #floats = 0;

  constructor(columnTile: number) {
    this.#tile = columnTile;
  }

  get floats(): number {
    return this.#floats;
  }

  /** Places a parameter of `rows` × [from, to) and returns its offset in floats. */
  place(value: ValueId, rows: number, from: number, to: number): number {
    const known = this.items.find((i) => i.value === value && i.from === from && i.to === Math.min(to, from + this.#tile));
    if (known !== undefined) return known.at;
    const at = this.#floats;
    for (let column = from; column < to; column += this.#tile) this.#add(value, rows, column, Math.min(to, column + this.#tile));
    return at;
  }

  #add(value: ValueId, rows: number, from: number, to: number): void {
    this.items.push({ value, at: this.#floats, from, to });
    this.#floats += rows * pad4(to - from);
  }

  /** Attributes of the `pack` op; item values become operand indices. */
  attrs(): { readonly items: AttrValue; readonly floats: number } {
    return { items: this.items.map((i, value) => ({ value, at: i.at, columns: [i.from, i.to] })), floats: this.#floats };
  }
}
