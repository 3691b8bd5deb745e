import { ARG, CHUNK_ROWS, HASH, SLOT, slotBytes } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import { call, Func, type Local } from "../func.ts";
import { UnitFunc } from "../kernels/frame.ts";
import { i32, i64, type Sexpr } from "../wat.ts";
import { isKept } from "./input.ts";
import { rowCoords, rowsWord, unitRows } from "./table.ts";

/** Adds the functions of hashed tables on `dim` axes; a table is used where a grid has too many cells for a bitmap. */
export function addHash(assembly: Assembly, dim: number): void {
  if (assembly.has(`hash_find_${dim}d`)) return;
  addSlot(assembly, dim);
  addInsert(assembly, dim);
  addFind(assembly, dim);
  overRows(assembly, `mark_hash_${dim}d`, dim, "puts rows into the hashed table of their site set", ({ f }, table, site) => f.add(call(`hash_insert_${dim}d`, table.get, ...site)));
  overRows(assembly, `place_hash_${dim}d`, dim, "finds the sorted row of each row of the caller", (s, table, site, row) => {
    const found: Sexpr = call(`hash_find_${dim}d`, table.get, ...site);
    s.f.add(i32.store(i32.add(i32.load(s.arg.get, 4 * (ARG.first + 2)), i32.mul(row, 4)), i32.sub(found, 1)));
  });
}

/** Adds `mark_pruned_hash_d`, the counterpart of `mark_pruned_d` for hashed tables. */
export function addHashPruned(assembly: Assembly, dim: number): void {
  const name = `mark_pruned_hash_${dim}d`;
  if (assembly.has(name)) return;
  overRows(assembly, name, dim, "puts rows with a mask into the hashed table of a pruned site set", (s, table, site, row) => {
    s.f.if(isKept(s, row), () => s.f.add(call(`hash_insert_${dim}d`, table.get, ...site)));
  });
}

const word = (f: Func, table: Local, name: string, index: number): Local => f.let(name, i32.load(table.get, 4 * index));

/** Parameters of a site: batch item and coordinates. */
const siteParams = (f: Func, dim: number): readonly Local[] => [f.param("batch"), ...Array.from({ length: dim }, (_, a) => f.param(`c${a}`))];

/** The words of a site's key: the last coordinate in words of 64 cells. */
const keyOf = (site: readonly Local[]): readonly Sexpr[] => site.map((c, i) => (i === site.length - 1 ? i32.shrS(c.get, 6) : c.get));

/**
 * `hash_slot_d(table, insert, site)`: the slot of a site's 64 cells, `slots` when it has none. Linear probing; a slot
 * is taken by one exchange of its state, and whoever sees it being written waits, so that threads may insert at once.
 */
function addSlot(assembly: Assembly, dim: number): void {
  const f = new Func(`hash_slot_${dim}d`, { result: "i32" });
  const [table, insert] = [f.param("table"), f.param("insert")];
  const key = keyOf(siteParams(f, dim)).map((k, i) => [k, i] as const).map(([k, i]) => f.let(`key${i}`, k));
  const [slots, records] = [word(f, table, "slots", HASH.slots), word(f, table, "records", HASH.records)];
  const hash = f.let("hash", 0);
  // Fibonacci hashing, folded after every word.
  for (const k of key) f.add(hash.set(i32.mul(i32.xor(hash.get, k.get), 0x9e3779b1 | 0)), hash.set(i32.xor(hash.get, i32.shrU(hash.get, 15))));
  const slot = f.let("slot", i32.and(hash.get, i32.sub(slots.get, 1)));
  const tries = f.let("tries", 0);
  f.while(i32.ltU(tries.get, slots.get), () => {
    const record = f.let("record", i32.add(records.get, i32.mul(slot.get, slotBytes(dim))));
    const state = f.let("state", i32.add(record.get, SLOT.state));
    f.if(i32.eqz(["i32.atomic.load", state.get]), () => {
      f.if(i32.eqz(insert.get), () => f.add(["return", slots.get]));
      f.if(i32.eqz(["i32.atomic.rmw.cmpxchg", state.get, ["i32.const", "0"], ["i32.const", "1"]]), () => {
        key.forEach((k, i) => f.add(i32.store(record.get, k.get, SLOT.key + 4 * i)));
        f.add(["i32.atomic.store", state.get, ["i32.const", "2"]], ["return", slot.get]);
      });
    });
    f.while(i32.eq(["i32.atomic.load", state.get], 1), () => undefined);
    f.if(key.map((k, i): Sexpr => i32.eq(i32.load(record.get, SLOT.key + 4 * i), k.get)).reduce((a, b) => i32.and(a, b)), () => f.add(["return", slot.get]));
    f.add(slot.set(i32.and(i32.add(slot.get, 1), i32.sub(slots.get, 1))), tries.grow(1));
  });
  f.add(slots.get);
  assembly.add(f, [`slot of 64 cells in a hashed table, ${dim} axes`]);
}

/** `hash_insert_d(table, site)`: puts a site into the set, or raises the table's flag when there is no slot. */
function addInsert(assembly: Assembly, dim: number): void {
  const f = new Func(`hash_insert_${dim}d`);
  const table = f.param("table");
  const site = siteParams(f, dim);
  const slot = f.let("slot", call(`hash_slot_${dim}d`, table.get, 1, ...site.map((c) => c.get)));
  f.if(i32.eq(slot.get, i32.load(table.get, 4 * HASH.slots)), () => f.add(i32.store(table.get, 1, 4 * HASH.full)), () => {
    const at = f.let("at", recordAt(table, dim, slot.get));
    const bit = f.let("bit", i64.shl(i64.const(1n), i64.extend(i32.and(site.at(-1)!.get, 63))), "i64");
    f.add(["drop", ["i64.atomic.rmw.or", at.get, bit.get]]);
  });
  assembly.add(f, [`puts a site into a hashed table, ${dim} axes`]);
}

/** Address of the record of a slot. */
export const recordAt = (table: Local, dim: number, slot: Sexpr): Sexpr => i32.add(i32.load(table.get, 4 * HASH.records), i32.mul(slot, slotBytes(dim)));

/** Row + 1 of the site with last coordinate `x` among the cells of a record, 0 when it is none. */
export function rowInSlot(f: Func, at: Sexpr, x: Sexpr): Sexpr {
  const record = f.let("record", at);
  const bits = f.let("bits", i64.load(record.get, SLOT.bits), "i64");
  const bit = f.let("bit", i64.shl(i64.const(1n), i64.extend(i32.and(x, 63))), "i64");
  const row = i32.add(i32.add(i32.load(record.get, SLOT.rank), 1), i32.wrap(i64.popcnt(i64.and(bits.get, i64.sub(bit.get, i64.const(1n))))));
  return ["select", row, ["i32.const", "0"], i64.ne(i64.and(bits.get, bit.get), i64.const(0n))];
}

/** `hash_find_d(table, site)`: the site's row + 1, or 0. */
function addFind(assembly: Assembly, dim: number): void {
  const f = new Func(`hash_find_${dim}d`, { result: "i32" });
  const table = f.param("table");
  const site = siteParams(f, dim);
  const slot = f.let("slot", call(`hash_slot_${dim}d`, table.get, 0, ...site.map((c) => c.get)));
  f.add(rowInSlot(f, recordAt(table, dim, slot.get), site.at(-1)!.get));
  assembly.add(f, [`row of a site in a hashed table, ${dim} axes`]);
}

function overRows(assembly: Assembly, name: string, dim: number, what: string, body: (s: UnitFunc, table: Local, site: readonly Sexpr[], row: Sexpr) => void): void {
  const s = new UnitFunc(name);
  const rows = rowsWord(s);
  const [coords, table] = [s.word("coords", ARG.first), s.word("table", ARG.first + 1)];
  s.eachUnit(() => {
    const { first, last } = unitRows(s, rows, CHUNK_ROWS);
    s.f.for(first, first.get, last.get, 1, () => {
      const site = rowCoords(i32.add(coords.get, i32.mul(first.get, 4 * (dim + 1))), dim);
      body(s, table, [site.batch, ...site.axes], first.get);
    });
  });
  assembly.add(s.f, [`${what}, ${dim} axes`]);
}
