import { ARG, TABLE } from "../../../runtime/cpu/fields.ts";
import type { Func, Local } from "../func.ts";
import type { UnitFunc } from "../kernels/frame.ts";
import { i32, i64, type I32, type Sexpr } from "../wat.ts";

/** A site table in locals: its bitmap, ranks, and the numbers that turn coordinates into cells. */
export class Table {
  readonly bits: Local;
  readonly ranks: Local;
  readonly #f: Func;
  readonly #origin: readonly Local[];
  readonly #cells: readonly Local[];
  readonly #batchCells: Local;

  /** `at` is the table's address. */
  constructor(f: Func, at: Local, dim: number) {
    this.#f = f;
    const word = (name: string, index: number): Local => f.let(name, i32.load(at.get, 4 * index));
    this.bits = word("bits", TABLE.bits);
    this.ranks = word("ranks", TABLE.ranks);
    this.#batchCells = word("batchCells", TABLE.batchCells);
    const axes = Array.from({ length: dim }, (_, a) => a);
    this.#origin = axes.map((a) => word(`origin${a}`, TABLE.origin + a));
    this.#cells = axes.map((a) => (a === dim - 1 ? word("unused", TABLE.cells + a) : word(`cells${a}`, TABLE.cells + a)));
  }

  /** Cells between neighbours on an axis. */
  stride(axis: number): I32 {
    return axis === this.#cells.length - 1 ? 1 : this.#cells[axis]!.get;
  }

  /** Number of the cell of a site, given its batch item and coordinates. */
  cell(batch: Sexpr, coords: readonly Sexpr[]): Sexpr {
    return coords.reduce((sum: Sexpr, c, a) => i32.add(sum, scaled(i32.sub(c, this.#origin[a]!.get), this.stride(a))), i32.mul(batch, this.#batchCells.get));
  }

  /** Address of the 64-bit word of a cell. */
  wordAt(cell: Sexpr): Sexpr {
    return i32.add(this.bits.get, i32.mul(i32.shrU(cell, 6), 8));
  }

  /** Row of the first site at or behind a cell. */
  rank(cell: Sexpr): Sexpr {
    const below = i64.sub(i64.shl(i64.const(1n), i64.extend(i32.and(cell, 63))), i64.const(1n));
    return i32.add(i32.load(i32.add(this.ranks.get, i32.mul(i32.shrU(cell, 6), 4))), i32.wrap(i64.popcnt(i64.and(i64.load(this.wordAt(cell)), below))));
  }

  /** 1 where a cell's site is in the set, 0 elsewhere. */
  has(cell: Sexpr): Sexpr {
    return i32.wrap(i64.and(i64.shrU(i64.load(this.wordAt(cell)), i64.extend(i32.and(cell, 63))), i64.const(1n)));
  }

  /** Puts a cell's site into the set; threads may do so at once. */
  mark(cell: Local): void {
    const at = this.#f.let("markAt", i32.add(this.bits.get, i32.mul(i32.shrU(cell.get, 5), 4)));
    const bit = this.#f.let("bit", i32.shl(1, i32.and(cell.get, 31)));
    this.#f.if(i32.eqz(i32.and(i32.load(at.get), bit.get)), () => this.#f.add(["drop", ["i32.atomic.rmw.or", at.get, bit.get]]));
  }

  /** Puts the cells [from, to] of one line into the set. */
  markRange(from: Local, to: Local): void {
    const f = this.#f;
    const word = f.let("word", i32.shrU(from.get, 6));
    const last = f.let("lastWord", i32.shrU(to.get, 6));
    f.doWhile(() => {
      const mask = f.let("mask", i64.const(-1n), "i64");
      f.if(i32.eq(word.get, i32.shrU(from.get, 6)), () => f.add(mask.set(i64.shl(mask.get, i64.extend(i32.and(from.get, 63))))));
      f.if(i32.eq(word.get, last.get), () => f.add(mask.set(i64.and(mask.get, i64.shrU(i64.const(-1n), i64.extend(i32.sub(63, i32.and(to.get, 63))))))));
      const at = f.let("markAt", i32.add(this.bits.get, i32.mul(word.get, 8)));
      f.if(i64.ne(i64.and(i64.load(at.get), mask.get), mask.get), () => f.add(["drop", ["i64.atomic.rmw.or", at.get, mask.get]]));
      f.add(word.grow(1));
    }, () => i32.leS(word.get, last.get));
  }
}

export const scaled = (value: Sexpr, by: I32): Sexpr => (by === 1 ? value : i32.mul(value, by));

/** Loads of a row's batch item and coordinates. */
export function rowCoords(at: Sexpr, dim: number): { readonly batch: Sexpr; readonly axes: readonly Sexpr[] } {
  return { batch: i32.load(at), axes: Array.from({ length: dim }, (_, a) => i32.load(at, 4 * (a + 1))) };
}

/** Rows [first, last) of a unit of `size` rows. */
export function unitRows(s: UnitFunc, rows: Local, size: number): { readonly first: Local; readonly last: Local } {
  const first = s.f.let("first", i32.mul(s.unit.get, size));
  return { first, last: s.f.let("last", i32.minU(i32.add(first.get, size), rows.get)) };
}

export const rowsWord = (s: UnitFunc): Local => s.word("rows", ARG.rows);
