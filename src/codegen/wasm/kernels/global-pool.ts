import { pad4, type GlobalPoolSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import { f64x2, heldDoubles, highDoubles, joinDoubles, lowDoubles } from "./doubles.ts";
import type { StepFunc } from "./frame.ts";
import { firstRow } from "./item-rows.ts";
import { eachVector, part, rowOf } from "./pool.ts";

/**
 * One unit per batch item: its rows lie together, since all sites are in sorted order. Sums are kept in float64, as
 * one item may have very many rows. An item without rows gives 0.
 */
export function globalPoolBody(assembly: Assembly, s: StepFunc, spec: GlobalPoolSpec): void {
  const { f } = s;
  const { source, mode } = spec;
  const width = pad4(source.channels);
  assembly.needScratch(8 * width + 64);
  s.eachUnit(() => {
    f.add(["memory.fill", s.scratch.get, ["i32.const", "0"], ["i32.const", String(8 * width)]]);
    const begin = f.local("begin");
    const end = f.local("end");
    firstRow(s, spec, begin, s.unit.get);
    firstRow(s, spec, end, i32.add(s.unit.get, 1));
    const row = f.local("row");
    f.for(row, begin.get, end.get, 1, () => {
      const from = f.let("from", rowOf(s, source, row.get));
      eachVector(s, source.channels, (at, count) => {
        const value = f.let("found", part(count, i32.add(from.get, at)), "v128");
        const place = f.let("place", i32.add(s.scratch.get, i32.mul(at, 2)));
        if (mode === "max") {
          f.add(v128.store(place.get, ["select", value.get, f32x4.max(v128.load(place.get), value.get), i32.eq(row.get, begin.get)]));
          return;
        }
        f.add(v128.store(place.get, f64x2.add(v128.load(place.get), lowDoubles(value.get))));
        f.add(v128.store(place.get, f64x2.add(v128.load(place.get, 16), highDoubles(value.get)), 16));
      });
    });
    const rows = f.let("divisor", i32.sub(end.get, begin.get));
    const divisor: Sexpr = ["f64x2.splat", ["f64.convert_i32_u", i32.add(rows.get, i32.eqz(rows.get))]];
    const out = f.let("out", rowOf(s, spec.target, s.unit.get));
    eachVector(s, source.channels, (at, count) => {
      const place = f.let("place", i32.add(s.scratch.get, i32.mul(at, 2)));
      const half = (offset: number): Sexpr => {
        const sum = v128.load(place.get, offset);
        if (spec.whole === true) return mode === "avg" ? truncatedMean(sum, divisor) : heldDoubles(sum, -(2 ** 24), 2 ** 24);
        return mode === "avg" ? f64x2.div(sum, divisor) : sum;
      };
      const value = f.let("result", mode === "max" ? v128.load(place.get) : joinDoubles(half(0), half(16)), "v128");
      const to = f.let("to", i32.add(out.get, at));
      if (count === 4) f.add(v128.store(to.get, value.get));
      else for (let lane = 0; lane < count; lane++) f.add(v128.store32(lane, to.get, value.get, 4 * lane));
    });
  });
}

/** trunc(sum / count + 0.01) of whole numbers; the one quotient is too far from whole numbers that it does not reach to be rounded to one. */
function truncatedMean(sum: Sexpr, count: Sexpr): Sexpr {
  const hundred = f64x2.const(100);
  return f64x2.add(f64x2.trunc(f64x2.div(f64x2.add(f64x2.mul(sum, hundred), count), f64x2.mul(count, hundred))), f64x2.const(0));
}
