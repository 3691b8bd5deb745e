import { ARG, HASH } from "../../../runtime/cpu/fields.ts";
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
  const [slots, states, keys, bits] = [word("slots", HASH.slots), word("states", HASH.states), word("keys", HASH.keys), word("bits", HASH.bits)];
  const [from, to] = [word("from", HASH.sorted), word("into", HASH.spare)];
  const at = (base: Local, index: Sexpr): Sexpr => i32.add(base.get, i32.mul(index, 4));
  s.eachUnit(() => {
    const [used, sites, i] = [f.let("used", 0), f.let("sites", 0), f.local("i")];
    f.for(i, 0, slots.get, 1, () => {
      f.if(i32.load(at(states, i.get)), () => {
        f.add(i32.store(at(from, used.get), i.get), used.grow(1));
        f.add(sites.grow(i32.wrap(i64.popcnt(i64.load(i32.add(bits.get, i32.mul(i.get, 8)))))));
      });
    });
    f.add(i32.store(table.get, used.get, 4 * HASH.used), i32.store(table.get, sites.get, 4 * HASH.sites));
    const [column, shift] = [f.local("column"), f.local("shift")];
    f.add(column.set(dim));
    f.while(i32.geS(column.get, 0), () => {
      f.for(shift, 0, 32, 8, () => {
        /** A digit of slot number `index` of the list; the sign bit is turned, so that negative numbers come first. */
        const digit = (index: Sexpr): Sexpr => {
          const key = i32.load(i32.add(keys.get, i32.mul(i32.add(i32.mul(i32.load(at(from, index)), dim + 1), column.get), 4)));
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
      f.add(column.set(i32.sub(column.get, 1)));
    });
    // The passes are even in number: the list is where it began.
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
  const [keys, bits, ranks, sorted, used] = [word("keys", HASH.keys), word("bits", HASH.bits), word("ranks", HASH.ranks), word("sorted", HASH.sorted), word("used", HASH.used)];
  s.eachUnit(() => {
    const [rank, i] = [f.let("rank", 0), f.local("i")];
    f.for(i, 0, used.get, 1, () => {
      const slot = f.let("slot", i32.load(i32.add(sorted.get, i32.mul(i.get, 4))));
      f.add(i32.store(i32.add(ranks.get, i32.mul(slot.get, 4)), rank.get));
      const key = f.let("key", i32.add(keys.get, i32.mul(slot.get, 4 * (dim + 1))));
      const found = f.let("found", i64.load(i32.add(bits.get, i32.mul(slot.get, 8))), "i64");
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
