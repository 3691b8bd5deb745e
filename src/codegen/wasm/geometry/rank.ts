import { ARG, CHUNK_WORDS, TABLE } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import { UnitFunc } from "../kernels/frame.ts";
import { i32, i64 } from "../wat.ts";

/** `count_words(table)`: sums[unit] = sites in a chunk of the bitmap. */
export function addCount(assembly: Assembly): string {
  const name = "count_words";
  if (assembly.has(name)) return name;
  const s = new UnitFunc(name);
  const { f } = s;
  const table = s.word("table", ARG.first);
  const word = (label: string, index: number) => f.let(label, i32.load(table.get, 4 * index));
  const [bits, words, sums] = [word("bits", TABLE.bits), word("words", TABLE.words), word("sums", TABLE.sums)];
  s.eachUnit(() => {
    const sum = f.let("sum", i64.const(0n), "i64");
    const at = f.let("at", i32.add(bits.get, i32.mul(s.unit.get, 8 * CHUNK_WORDS)));
    const end = f.let("end", i32.add(bits.get, i32.mul(i32.minU(i32.mul(i32.add(s.unit.get, 1), CHUNK_WORDS), words.get), 8)));
    f.while(i32.ltU(at.get, end.get), () => {
      f.add(sum.set(i64.add(sum.get, i64.popcnt(i64.load(at.get)))), at.grow(8));
    });
    f.add(i32.store(i32.add(sums.get, i32.mul(s.unit.get, 4)), i32.wrap(sum.get)));
  });
  assembly.add(f, ["sites in each chunk of a bitmap"]);
  return name;
}

/** `emit_d(table, coords)`: ranks of all words of the bitmap, and the sites' coordinates in sorted order. */
export function addEmit(assembly: Assembly, dim: number): string {
  const name = `emit_${dim}d`;
  if (assembly.has(name)) return name;
  const s = new UnitFunc(name);
  const { f } = s;
  const [table, coords] = [s.word("table", ARG.first), s.word("coords", ARG.first + 1)];
  const word = (label: string, index: number) => f.let(label, i32.load(table.get, 4 * index));
  const [bits, ranks, words, sums, lineWords] = [word("bits", TABLE.bits), word("ranks", TABLE.ranks), word("words", TABLE.words), word("sums", TABLE.sums), word("lineWords", TABLE.lineWords)];
  const axes = Array.from({ length: dim }, (_, a) => ({ origin: word(`origin${a}`, TABLE.origin + a), extent: word(`extent${a}`, TABLE.extent + a), at: f.local(`c${a}`) }));
  const last = axes.at(-1)!;
  const batch = f.local("batch");
  s.eachUnit(() => {
    const rank = f.let("rank", 0);
    const i = f.local("i");
    f.for(i, 0, s.unit.get, 1, () => f.add(rank.grow(i32.load(i32.add(sums.get, i32.mul(i.get, 4))))));
    const w = f.let("word", i32.mul(s.unit.get, CHUNK_WORDS));
    const end = f.let("end", i32.minU(i32.add(w.get, CHUNK_WORDS), words.get));
    const to = f.let("to", i32.add(coords.get, i32.mul(rank.get, 4 * (dim + 1))));
    const line = f.let("line", -1);
    f.while(i32.ltU(w.get, end.get), () => {
      f.add(i32.store(i32.add(ranks.get, i32.mul(w.get, 4)), rank.get));
      const found = f.let("found", i64.load(i32.add(bits.get, i32.mul(w.get, 8))), "i64");
      f.if(i64.ne(found.get, i64.const(0n)), () => {
        const here = f.let("here", i32.divU(w.get, lineWords.get));
        f.if(i32.ne(here.get, line.get), () => {
          // The line's coordinates, last axis but one first.
          f.add(line.set(here.get));
          const rest = f.let("rest", here.get);
          for (const { origin, extent, at } of axes.slice(0, -1).reverse()) {
            f.add(at.set(i32.add(i32.remU(rest.get, extent.get), origin.get)), rest.set(i32.divU(rest.get, extent.get)));
          }
          f.add(batch.set(rest.get));
        });
        const base = f.let("base", i32.add(i32.mul(i32.sub(w.get, i32.mul(line.get, lineWords.get)), 64), last.origin.get));
        f.doWhile(() => {
          f.add(i32.store(to.get, batch.get));
          axes.slice(0, -1).forEach(({ at }, a) => f.add(i32.store(to.get, at.get, 4 * (a + 1))));
          f.add(i32.store(to.get, i32.add(base.get, i32.wrap(i64.ctz(found.get))), 4 * dim));
          f.add(to.grow(4 * (dim + 1)), rank.grow(1), found.set(i64.and(found.get, i64.sub(found.get, i64.const(1n)))));
        }, () => i64.ne(found.get, i64.const(0n)));
      });
      f.add(w.grow(1));
    });
  });
  assembly.add(f, [`ranks of a bitmap's words and coordinates of its sites, ${dim} axes`]);
  return name;
}
