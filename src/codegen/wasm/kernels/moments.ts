import { CHUNKS, pad4, type MomentsSpec, type StatisticsSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import { i32, v128, type Sexpr } from "../wat.ts";
import type { StepFunc } from "./frame.ts";
import { reducedRows } from "./item-rows.ts";
import { eachVector, part, rowOf } from "./pool.ts";

const f64 = {
  load: (address: Sexpr, offset = 0): Sexpr => ["f64.load", ...(offset === 0 ? [] : [`offset=${offset}`]), address],
  store: (address: Sexpr, value: Sexpr): Sexpr => ["f64.store", address, value],
  add: (a: Sexpr, b: Sexpr): Sexpr => ["f64.add", a, b],
  sub: (a: Sexpr, b: Sexpr): Sexpr => ["f64.sub", a, b],
  mul: (a: Sexpr, b: Sexpr): Sexpr => ["f64.mul", a, b],
  div: (a: Sexpr, b: Sexpr): Sexpr => ["f64.div", a, b],
  rows: (n: Sexpr): Sexpr => ["f64.convert_i32_u", n],
  wide: (address: Sexpr, offset = 0): Sexpr => ["f64.promote_f32", ["f32.load", ...(offset === 0 ? [] : [`offset=${offset}`]), address]],
  narrow: (a: Sexpr): Sexpr => ["f32.demote_f64", a],
};

const storeFloat = (address: Sexpr, value: Sexpr, offset: number): Sexpr => ["f32.store", ...(offset === 0 ? [] : [`offset=${offset}`]), address, value];

/** Stores a float64 as a float32 and the float32 that is left, `apart` bytes behind it. */
function storeSplit(s: StepFunc, address: Sexpr, value: Sexpr, apart: number): void {
  const whole = s.f.let("whole", value, "f64");
  s.f.add(storeFloat(address, f64.narrow(whole.get), 0), storeFloat(address, f64.narrow(f64.sub(whole.get, ["f64.promote_f32", f64.narrow(whole.get)])), apart));
}

/** One unit per part of an item's rows: two passes in float64, the mean, then the squares of what is apart from it. */
export function momentsBody(assembly: Assembly, s: StepFunc, spec: MomentsSpec): void {
  const { f } = s;
  const { source, target } = spec;
  const bytes = 8 * pad4(source.channels);
  assembly.needScratch(2 * bytes);
  s.eachUnit(() => {
    const item = f.let("item", i32.divU(s.unit.get, CHUNKS));
    const { first, last, size } = reducedRows(s, spec, item);
    const begin = f.let("begin", i32.add(first.get, i32.mul(i32.remU(s.unit.get, CHUNKS), size.get)));
    const end = f.let("end", i32.minU(i32.add(begin.get, size.get), last.get));
    f.if(i32.ltU(begin.get, end.get), () => {
      f.add(["memory.fill", s.scratch.get, ["i32.const", "0"], ["i32.const", String(2 * bytes)]]);
      const rows = f.let("count", f64.rows(i32.sub(end.get, begin.get)), "f64");
      const row = f.local("row");
      /** Visits every value as two pairs of float64 with the place of its sums in scratch. */
      const each = (body: (value: Sexpr, place: Sexpr, offset: number) => void): void =>
        f.for(row, begin.get, end.get, 1, () => {
          const from = f.let("from", rowOf(s, source, row.get));
          eachVector(s, source.channels, (at, count) => {
            const value = f.let("found", part(count, i32.add(from.get, at)), "v128");
            const place = f.let("place", i32.add(s.scratch.get, i32.mul(at, 2)));
            const high: Sexpr = ["i8x16.shuffle", ...Array.from({ length: 16 }, (_, i) => String((i + 8) % 16)), value.get, value.get];
            body(["f64x2.promote_low_f32x4", value.get], place.get, 0);
            body(["f64x2.promote_low_f32x4", high], place.get, 16);
          });
        });
      each((value, place, offset) => f.add(v128.store(place, ["f64x2.add", v128.load(place, offset), value], offset)));
      const channel = f.local("channel");
      f.for(channel, s.scratch.get, i32.add(s.scratch.get, bytes), 8, () => f.add(f64.store(channel.get, f64.div(f64.load(channel.get), rows.get))));
      each((value, place, offset) => {
        const apart = f.let("apart", ["f64x2.sub", value, v128.load(place, offset)], "v128");
        f.add(v128.store(place, ["f64x2.add", v128.load(place, bytes + offset), ["f64x2.mul", apart.get, apart.get]], bytes + offset));
      });
      const into = f.let("into", rowOf(s, target, s.unit.get));
      f.for(channel, s.scratch.get, i32.add(s.scratch.get, bytes), 8, () => {
        storeSplit(s, into.get, f64.load(channel.get), bytes / 2);
        f.add(storeFloat(into.get, f64.narrow(f64.load(channel.get, bytes)), bytes), into.grow(4));
      });
    });
  });
}

/** One unit per item: joins moments pair by pair, channels of a group and their parts in order (Chan, Golub and LeVeque, 1983). */
export function statisticsBody(s: StepFunc, spec: StatisticsSpec): void {
  const { f } = s;
  const { source, target, channels, groups } = spec;
  const width = channels / groups;
  const apartBytes = 4 * (source.stride / 3);
  s.eachUnit(() => {
    const { first, last, size } = reducedRows(s, spec, s.unit);
    const all = f.let("all", i32.sub(last.get, first.get));
    const [mean, squares, rows] = [f.local("mean", "f64"), f.local("squares", "f64"), f.local("joined", "f64")];
    const zero: Sexpr = ["f64.const", "0"];
    const group = f.local("group");
    f.for(group, 0, groups, 1, () => {
      f.add(mean.set(zero), squares.set(zero), rows.set(zero));
      const channel = f.local("channel");
      f.for(channel, i32.mul(group.get, width), i32.mul(i32.add(group.get, 1), width), 1, () => {
        const from = f.let("from", i32.add(rowOf(s, source, i32.mul(s.unit.get, CHUNKS)), i32.mul(channel.get, 4)));
        const done = f.let("done", 0);
        f.while(i32.ltU(done.get, all.get), () => {
          const n = f.let("rows", f64.rows(i32.minU(size.get, i32.sub(all.get, done.get))), "f64");
          const apart = f.let("apart", f64.sub(f64.add(f64.wide(from.get), f64.wide(from.get, apartBytes)), mean.get), "f64");
          const share = f.let("share", f64.div(n.get, f64.add(rows.get, n.get)), "f64");
          f.add(
            mean.set(f64.add(mean.get, f64.mul(apart.get, share.get))),
            squares.set(f64.add(f64.add(squares.get, f64.wide(from.get, 2 * apartBytes)), f64.mul(f64.mul(apart.get, apart.get), f64.mul(rows.get, share.get)))),
            rows.set(f64.add(rows.get, n.get)),
            done.grow(size.get),
            from.grow(4 * source.stride),
          );
        });
      });
      const variance = f64.div(squares.get, ["f64.max", rows.get, ["f64.const", "1"]]);
      const factor = f.let("factor", f64.narrow(f64.div(["f64.const", "1"], ["f64.sqrt", f64.add(variance, ["f64.const", String(spec.eps)])])), "f32");
      f.for(channel, i32.mul(group.get, width), i32.mul(i32.add(group.get, 1), width), 1, () => {
        const into = f.let("into", i32.add(rowOf(s, target, s.unit.get), i32.mul(channel.get, 4)));
        storeSplit(s, into.get, mean.get, apartBytes);
        f.add(storeFloat(into.get, factor.get, 2 * apartBytes));
      });
    });
  });
}
