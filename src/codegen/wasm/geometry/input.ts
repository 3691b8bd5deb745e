import { ARG, CHUNK_ROWS } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import { UnitFunc } from "../kernels/frame.ts";
import { i32, type Sexpr } from "../wat.ts";
import { rowCoords, rowsWord, Table, unitRows } from "./table.ts";

/** `check_d(rows, coords, results)`: least and greatest value of each column of a unit's rows, at results[unit]. */
export function addCheck(assembly: Assembly, dim: number): string {
  const name = `check_${dim}d`;
  if (assembly.has(name)) return name;
  const s = new UnitFunc(name);
  const { f } = s;
  const rows = rowsWord(s);
  const [coords, results] = [s.word("coords", ARG.first), s.word("results", ARG.first + 1)];
  const columns = Array.from({ length: dim + 1 }, (_, c) => ({ least: f.local(`least${c}`), most: f.local(`most${c}`) }));
  s.eachUnit(() => {
    for (const { least, most } of columns) f.add(least.set(0x7fff_ffff), most.set(-0x8000_0000));
    const { first, last } = unitRows(s, rows, CHUNK_ROWS);
    const at = f.let("at", i32.add(coords.get, i32.mul(first.get, 4 * (dim + 1))));
    f.for(first, first.get, last.get, 1, () => {
      columns.forEach(({ least, most }, c) => {
        const value = f.let(`value${c}`, i32.load(at.get, 4 * c));
        f.add(least.set(i32.minS(value.get, least.get)), most.set(i32.maxS(value.get, most.get)));
      });
      f.add(at.grow(4 * (dim + 1)));
    });
    const to = f.let("to", i32.add(results.get, i32.mul(s.unit.get, 8 * (dim + 1))));
    columns.forEach(({ least, most }, c) => f.add(i32.store(to.get, least.get, 8 * c), i32.store(to.get, most.get, 8 * c + 4)));
  });
  assembly.add(f, [`least and greatest batch item and coordinates of rows on ${dim} axes`]);
  return name;
}

/** `mark_d(rows, coords, table)`: puts rows into the bitmap of their own set, or of a union with others. */
export function addMarkInput(assembly: Assembly, dim: number): string {
  return overRows(assembly, `mark_${dim}d`, dim, "puts rows into the bitmap of their site set", 2, (s, table, cell) => table.mark(s.f.let("cell", cell)));
}

/** `mark_pruned_d(rows, coords, table, mask, bytes from row to row, threshold)`: puts the rows whose mask is greater into the bitmap of a pruned set. */
export function addMarkPruned(assembly: Assembly, dim: number): string {
  return overRows(assembly, `mark_pruned_${dim}d`, dim, "puts rows with a mask into the bitmap of a pruned site set", 5, (s, table, cell, row) => {
    s.f.if(isKept(s, row), () => table.mark(s.f.let("cell", cell)));
  });
}

/** Whether a row's mask is greater than the threshold, both in words of the arguments behind coordinates and table. */
export function isKept(s: UnitFunc, row: Sexpr): Sexpr {
  const word = (k: number): Sexpr => i32.load(s.arg.get, 4 * (ARG.first + k));
  return ["f32.gt", ["f32.load", i32.add(word(2), i32.mul(row, word(3)))], ["f32.reinterpret_i32", word(4)]];
}

/** `place_d(rows, coords, table, order)`: order[i] = the row, in sorted order, of row i of the caller. */
export function addPlaceInput(assembly: Assembly, dim: number): string {
  return overRows(assembly, `place_${dim}d`, dim, "finds the sorted row of each row of the caller", 3, (s, table, cell, row) => {
    const at = s.f.let("cell", cell);
    s.f.add(i32.store(i32.add(i32.load(s.arg.get, 4 * (ARG.first + 2)), i32.mul(row, 4)), table.rank(at.get)));
  });
}

function overRows(assembly: Assembly, name: string, dim: number, what: string, _args: number, body: (s: UnitFunc, table: Table, cell: Sexpr, row: Sexpr) => void): string {
  if (assembly.has(name)) return name;
  const s = new UnitFunc(name);
  const { f } = s;
  const rows = rowsWord(s);
  const coords = s.word("coords", ARG.first);
  const table = new Table(f, s.word("table", ARG.first + 1), dim);
  s.eachUnit(() => {
    const { first, last } = unitRows(s, rows, CHUNK_ROWS);
    f.for(first, first.get, last.get, 1, () => {
      const at = f.let("at", i32.add(coords.get, i32.mul(first.get, 4 * (dim + 1))));
      const site = rowCoords(at.get, dim);
      body(s, table, table.cell(site.batch, site.axes), first.get);
    });
  });
  assembly.add(f, [`${what}, ${dim} axes`]);
  return name;
}
