import { ARG, HASH, SLOT, slotBytes } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import type { Local } from "../func.ts";
import { UnitFunc } from "../kernels/frame.ts";
import { i32, i64, type Sexpr } from "../wat.ts";

const DIGITS = 256;

/**
 * `sort_hash_d(table)`: the slots in use by their keys, by least significant digit first, and how many sites they hold.
 * One unit: sorting slots is little work beside finding them.
 */
export function addHashSort(assembly: Assembly, dim: number): void {
  const name = `sort_hash_${dim}d`;
  if (assembly.has(name)) return;
  assembly.needScratch(4 * DIGITS);
  const s = new UnitFunc(name);
  const { f } = s;
  const table = s.word("table", ARG.first);
  const word = (label: string, index: number): Local => f.let(label, i32.load(table.get, 4 * index));
  const [slots, records] = [word("slots", HASH.slots), word("records", HASH.records)];
  const record = (slot: Sexpr): Sexpr => i32.add(records.get, i32.mul(slot, slotBytes(dim)));
  const [from, to] = [word("from", HASH.sorted), word("into", HASH.spare)];
  const at = (base: Local, index: Sexpr): Sexpr => i32.add(base.get, i32.mul(index, 4));
  s.eachUnit(() => {
    const [used, sites, i] = [f.let("used", 0), f.let("sites", 0), f.local("i")];
    // Bits in which the keys of a column differ: digits that are all the same need no pass.
    const columns = Array.from({ length: dim + 1 }, (_, c) => ({ first: f.let(`first${c}`, 0), differ: f.let(`differ${c}`, 0) }));
    f.for(i, 0, slots.get, 1, () => {
      const slot = f.let("slot", record(i.get));
      f.if(i32.load(slot.get, SLOT.state), () => {
        f.add(i32.store(at(from, used.get), i.get));
        columns.forEach(({ first, differ }, c) => {
          const key = f.let(`key${c}`, i32.load(slot.get, SLOT.key + 4 * c));
          f.if(i32.eqz(used.get), () => f.add(first.set(key.get)));
          f.add(differ.set(i32.or(differ.get, i32.xor(key.get, first.get))));
        });
        f.add(used.grow(1), sites.grow(i32.wrap(i64.popcnt(i64.load(slot.get, SLOT.bits)))));
      });
    });
    f.add(i32.store(table.get, used.get, 4 * HASH.used), i32.store(table.get, sites.get, 4 * HASH.sites));
    const shift = f.local("shift");
    columns.map((c, index) => ({ ...c, index })).reverse().forEach(({ differ, index: column }) => f.for(shift, 0, 32, 8, () => {
      f.if(i32.and(i32.shrU(differ.get, shift.get), DIGITS - 1), () => {
        /** A digit of slot number `index` of the list; the sign bit is turned, so that negative numbers come first. */
        const digit = (index: Sexpr): Sexpr => {
          const key = i32.load(record(i32.load(at(from, index))), SLOT.key + 4 * column);
          return i32.and(i32.shrU(i32.xor(key, 0x8000_0000 | 0), shift.get), DIGITS - 1);
        };
        const count = (d: Sexpr): Sexpr => i32.add(s.scratch.get, i32.mul(d, 4));
        f.add(["memory.fill", s.scratch.get, ["i32.const", "0"], ["i32.const", String(4 * DIGITS)]]);
        f.for(i, 0, used.get, 1, () => {
          const place = f.let("place", count(digit(i.get)));
          f.add(i32.store(place.get, i32.add(i32.load(place.get), 1)));
        });
        const sum = f.let("sum", 0);
        f.for(i, 0, DIGITS, 1, () => {
          const place = f.let("place", count(i.get));
          const n = f.let("n", i32.load(place.get));
          f.add(i32.store(place.get, sum.get), sum.grow(n.get));
        });
        f.for(i, 0, used.get, 1, () => {
          const place = f.let("place", count(digit(i.get)));
          const next = f.let("target", i32.load(place.get));
          f.add(i32.store(place.get, i32.add(next.get, 1)), i32.store(at(to, next.get), i32.load(at(from, i.get))));
        });
        const other = f.let("other", from.get);
        f.add(from.set(to.get), to.set(other.get));
      });
    }));
    f.add(i32.store(table.get, from.get, 4 * HASH.sorted));
  });
  assembly.add(f, [`sorts the slots of a hashed table, ${dim} axes`]);
}

/** `emit_hash_d(table, coords)`: ranks of all slots and the sites' coordinates in sorted order; one unit. */
export function addHashEmit(assembly: Assembly, dim: number): void {
  const name = `emit_hash_${dim}d`;
  if (assembly.has(name)) return;
  const s = new UnitFunc(name);
  const { f } = s;
  const [table, coords] = [s.word("table", ARG.first), s.word("coords", ARG.first + 1)];
  const word = (label: string, index: number): Local => f.let(label, i32.load(table.get, 4 * index));
  const [records, sorted, used] = [word("records", HASH.records), word("sorted", HASH.sorted), word("used", HASH.used)];
  s.eachUnit(() => {
    const [rank, i] = [f.let("rank", 0), f.local("i")];
    f.for(i, 0, used.get, 1, () => {
      const slot = f.let("slot", i32.load(i32.add(sorted.get, i32.mul(i.get, 4))));
      const record = f.let("record", i32.add(records.get, i32.mul(slot.get, slotBytes(dim))));
      const key = f.let("key", i32.add(record.get, SLOT.key));
      f.add(i32.store(record.get, rank.get, SLOT.rank));
      const found = f.let("found", i64.load(record.get, SLOT.bits), "i64");
      f.while(i64.ne(found.get, i64.const(0n)), () => {
        const to = f.let("to", i32.add(coords.get, i32.mul(rank.get, 4 * (dim + 1))));
        for (let c = 0; c < dim; c++) f.add(i32.store(to.get, i32.load(key.get, 4 * c), 4 * c));
        f.add(i32.store(to.get, i32.add(i32.mul(i32.load(key.get, 4 * dim), 64), i32.wrap(i64.ctz(found.get))), 4 * dim));
        f.add(rank.grow(1), found.set(i64.and(found.get, i64.sub(found.get, i64.const(1n)))));
      });
    });
  });
  assembly.add(f, [`ranks of a hashed table's slots and coordinates of its sites, ${dim} axes`]);
}
