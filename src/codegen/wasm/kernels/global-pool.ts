import { pad4, type GlobalPoolSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
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
        const high: Sexpr = ["i8x16.shuffle", ...Array.from({ length: 16 }, (_, i) => String((i + 8) % 16)), value.get, value.get];
        f.add(v128.store(place.get, ["f64x2.add", v128.load(place.get), ["f64x2.promote_low_f32x4", value.get]]));
        f.add(v128.store(place.get, ["f64x2.add", v128.load(place.get, 16), ["f64x2.promote_low_f32x4", high]], 16));
      });
    });
    const rows = f.let("divisor", i32.sub(end.get, begin.get));
    const divisor: Sexpr = ["f64x2.splat", ["f64.convert_i32_u", i32.add(rows.get, i32.eqz(rows.get))]];
    const out = f.let("out", rowOf(s, spec.target, s.unit.get));
    eachVector(s, source.channels, (at, count) => {
      const place = f.let("place", i32.add(s.scratch.get, i32.mul(at, 2)));
      const half = (offset: number): Sexpr => {
        const sum = v128.load(place.get, offset);
        return ["f32x4.demote_f64x2_zero", mode === "avg" ? ["f64x2.div", sum, divisor] : sum];
      };
      const joined: Sexpr = ["i8x16.shuffle", ...[...Array(8).keys(), ...Array.from({ length: 8 }, (_, i) => 16 + i)].map(String), half(0), half(16)];
      const value = f.let("result", mode === "max" ? v128.load(place.get) : joined, "v128");
      const to = f.let("to", i32.add(out.get, at));
      if (count === 4) f.add(v128.store(to.get, value.get));
      else for (let lane = 0; lane < count; lane++) f.add(v128.store32(lane, to.get, value.get, 4 * lane));
    });
  });
}
