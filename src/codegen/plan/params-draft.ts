import type { AttrValue, ValueId } from "../../ir/module.ts";
import { TILE_COLUMNS } from "../wgsl/kernels/shape.ts";
import { pad4 } from "../wgsl/spec.ts";

/** One parameter inside a block; [from, to) are the columns (last axis) that the block holds. */
export interface PackItem {
  readonly value: ValueId;
  readonly at: number;
  readonly from: number;
  readonly to: number;
  /** Columns of a tile, where there are several. */
  readonly tile?: number;
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

  /** Places a parameter of `rows` × [from, to), in whole rows where asked for, and returns its offset in floats. */
  place(value: ValueId, rows: number, from: number, to: number, form: "tiled" | "whole" = "tiled"): number {
    const tile = form === "whole" ? Infinity : this.#tile;
    const known = this.items.find((i) => i.value === value && i.from === from && i.to === to);
    if (known !== undefined) return known.at;
    const at = this.#floats;
    this.items.push({ value, at, from, to, ...(to - from > tile ? { tile } : {}) });
    for (let column = from; column < to; column += tile) this.#floats += rows * pad4(Math.min(to, column + tile) - column);
    return at;
  }

  /** Attributes of the `pack` op; item values become operand indices. */
  attrs(): { readonly items: AttrValue; readonly floats: number } {
    return { items: this.items.map((i, value) => ({ value, at: i.at, columns: [i.from, i.to], ...(i.tile === undefined ? {} : { tile: i.tile }) })), floats: this.#floats };
  }
}

/** How many of `cout` columns, `rows` parameters each, one binding holds: all, or whole column tiles, or whole quads. */
export function columnsPerBlock(rows: number, cout: number, limit: number): number {
  if (rows * pad4(cout) <= limit) return cout;
  const most = Math.floor(limit / rows);
  const unit = most >= TILE_COLUMNS ? TILE_COLUMNS : 4;
  return Math.max(unit, Math.floor(most / unit) * unit);
}
