import { TILE } from "../../../runtime/cpu/fields.ts";
import { pad4, type PointwiseSpec, type PoolSpec, type RowAccess } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Local } from "../func.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import { finishTile, tileScratch } from "./epilogue.ts";
import type { StepFunc } from "./frame.ts";
import { listOf, tileLists } from "./lists.ts";

/** A tile whose accumulators are the source's own rows, then the epilogue. */
export function pointwiseBody(assembly: Assembly, s: StepFunc, spec: PointwiseSpec): void {
  const { f } = s;
  const { source } = spec;
  const width = pad4(source.channels);
  assembly.needScratch(tileScratch(width, spec.epilogue));
  s.eachTile(1, () => {
    const row = f.local("copied");
    f.for(row, 0, s.count.get, 1, () => {
      const from = f.let("from", rowOf(s, source, i32.add(s.first.get, row.get)));
      const to = f.let("into", i32.add(s.scratch.get, i32.mul(row.get, 4 * width)));
      eachVector(s, source.channels, (at, count) => f.add(v128.store(i32.add(to.get, at), part(count, i32.add(from.get, at)))));
    });
    finishTile(assembly, s, { at: s.scratch, width, columns: source.channels, from: 0 }, spec.epilogue, spec.target);
  });
}

/** A pair of a tile: its tap, its row in the tile, channel 0 of the source row, the row's sums, and a word of its own behind all sums. */
interface TilePair {
  readonly tap: Local;
  readonly row: Local;
  readonly from: Local;
  readonly to: Local;
  readonly word: Local;
}

/** Makes the sums of a tile and a word per row 0 and visits the pairs of its lists, tap after tap. Returns where in scratch the words are. */
export function eachPair(assembly: Assembly, s: StepFunc, { source, map, epilogue }: Pick<PoolSpec, "source" | "map" | "epilogue">, body: (pair: TilePair) => void): number {
  const { f } = s;
  const width = pad4(source.channels);
  const words = tileScratch(width, epilogue);
  assembly.needScratch(words + 4 * TILE);
  f.add(["memory.fill", i32.add(s.scratch.get, words), ["i32.const", "0"], ["i32.const", String(4 * TILE)]]);
  f.add(["memory.fill", s.scratch.get, ["i32.const", "0"], ["i32.const", String(4 * TILE * width)]]);
  const lists = tileLists(s, map);
  const tap = f.local("tap");
  f.for(tap, 0, map.taps.length, 1, () => {
    const [begin, end] = listOf(assembly, f, lists, map, tap);
    f.while(i32.ltU(begin.get, end.get), () => {
      const entry = f.let("entry", i32.load(begin.get));
      const from = f.let("from", rowOf(s, source, i32.shrU(entry.get, Math.log2(TILE))));
      const row = f.let("inTile", i32.and(entry.get, TILE - 1));
      const to = f.let("into", i32.add(s.scratch.get, i32.mul(row.get, 4 * width)));
      body({ tap, row, from, to, word: f.let("countAt", i32.add(i32.add(s.scratch.get, words), i32.mul(row.get, 4))) });
      f.add(begin.grow(4));
    });
  });
  return words;
}

/** Maximum, sum or mean over the rows that a tile's lists name, tap after tap; 0 where no tap finds a row. A maximum over a volume counts each missing row as 0. */
export function poolBody(assembly: Assembly, s: StepFunc, spec: PoolSpec): void {
  const { f } = s;
  const { source, mode } = spec;
  const width = pad4(source.channels);
  s.eachTile(1, () => {
    const countsAt = eachPair(assembly, s, spec, ({ from, to, word }) => {
      const seen = f.let("seen", i32.load(word.get));
      f.add(i32.store(word.get, i32.add(seen.get, 1)));
      eachVector(s, source.channels, (at, n) => {
        const value = f.let("found", part(n, i32.add(from.get, at)), "v128");
        const place = f.let("place", i32.add(to.get, at));
        const old = v128.load(place.get);
        const larger: Sexpr = ["select", f32x4.max(old, value.get), value.get, seen.get];
        f.add(v128.store(place.get, mode === "max" ? larger : f32x4.add(old, value.get)));
      });
    });
    if (mode === "avg") divide(s, countsAt, width, source.channels, spec.divisor);
    if (mode === "max" && spec.divisor !== "count") countMissing(s, countsAt, width, source.channels, spec.divisor);
    finishTile(assembly, s, { at: s.scratch, width, columns: source.channels, from: 0 }, spec.epilogue, spec.target);
  });
}

function divide(s: StepFunc, countsAt: number, width: number, channels: number, divisor: "count" | number): void {
  const { f } = s;
  eachReduced(s, countsAt, width, channels, (n) => {
    const by = f.let("divisor", divisor === "count" ? f32x4.splat(["f32.convert_i32_u", i32.add(n.get, i32.eqz(n.get))]) : f32x4.const(divisor), "v128");
    return (sum) => f32x4.div(sum, by.get);
  });
}

/** A maximum over fewer rows than the window has is at least 0. */
function countMissing(s: StepFunc, countsAt: number, width: number, channels: number, volume: number): void {
  eachReduced(s, countsAt, width, channels, (n) => {
    const missing = s.f.let("missing", i32.ltU(n.get, volume));
    return (largest) => ["select", f32x4.max(largest, f32x4.const(0)), largest, missing.get];
  });
}

/** Finishes four channels of a row at a time, knowing how many pairs the row has. */
function eachReduced(s: StepFunc, countsAt: number, width: number, channels: number, finish: (n: Local) => (value: Sexpr) => Sexpr): void {
  const { f } = s;
  const row = f.local("finished");
  f.for(row, 0, s.count.get, 1, () => {
    const change = finish(f.let("pairs", i32.load(i32.add(i32.add(s.scratch.get, countsAt), i32.mul(row.get, 4)))));
    const at = f.let("sums", i32.add(s.scratch.get, i32.mul(row.get, 4 * width)));
    eachVector(s, channels, (offset) => {
      const place = f.let("place", i32.add(at.get, offset));
      f.add(v128.store(place.get, change(v128.load(place.get))));
    });
  });
}

/** Address of channel 0 of a source row. */
export const rowOf = (s: StepFunc, source: RowAccess, row: Sexpr): Sexpr => i32.add(i32.add(s.at(source.role), 4 * source.offset), i32.mul(row, 4 * source.stride));

/** Four floats, or fewer with zeros behind. */
export const part = (count: number, at: Sexpr): Sexpr => (count === 4 ? v128.load(at) : v128.loadPart(count, at));

/** A body for every four channels, by their byte offset, and one for the rest. */
export function eachVector(s: StepFunc, channels: number, body: (at: Sexpr, count: number) => void): void {
  const whole = channels - (channels % 4);
  const at: Local = s.f.local("at");
  if (whole > 0) s.f.for(at, 0, 4 * whole, 16, () => body(at.get, 4));
  if (channels % 4 > 0) body(["i32.const", String(4 * whole)], channels % 4);
}
