import type { SoftmaxSpec } from "../../wgsl/spec.ts";
import type { Local } from "../func.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import type { StepFunc } from "./frame.ts";
import { eachVector, part, rowOf } from "./pool.ts";
import { exponential, logarithm } from "./smooth.ts";

const lane = (v: Local, i: number): Sexpr => ["f32x4.extract_lane", String(i), v.get];

/** The sum of four lanes, by pairs. */
export const laneSum = (v: Local): Sexpr => ["f32.add", ["f32.add", lane(v, 0), lane(v, 1)], ["f32.add", lane(v, 2), lane(v, 3)]];

/** Row by row: the maximum, the sum in the order of channels mod 4, then the results. */
export function softmaxBody(s: StepFunc, spec: SoftmaxSpec): void {
  const { f } = s;
  const { source, target, log } = spec;
  s.eachTile(1, () => {
    const inTile = f.local("inTile");
    f.for(inTile, 0, s.count.get, 1, () => {
      const row = f.let("of", i32.add(s.first.get, inTile.get));
      const from = f.let("from", rowOf(s, source, row.get));
      const peak = f.let("peak", ["f32x4.splat", ["f32.load", from.get]], "v128");
      eachVector(s, source.channels, (at, count) => {
        const value = f.let("found", part(count, i32.add(from.get, at)), "v128");
        f.add(peak.set(f32x4.max(peak.get, first(value.get, count, peak.get))));
      });
      const most = f.let("most", f32x4.splat(["f32.max", ["f32.max", lane(peak, 0), lane(peak, 1)], ["f32.max", lane(peak, 2), lane(peak, 3)]]), "v128");
      const apart = (at: Sexpr, count: number): Sexpr => f32x4.sub(part(count, i32.add(from.get, at)), most.get);
      const sums = f.let("sums", f32x4.const(0), "v128");
      eachVector(s, source.channels, (at, count) => f.add(sums.set(f32x4.add(sums.get, first(exponential(f, apart(at, count)), count, f32x4.const(0))))));
      const total = f.let("total", f32x4.splat(laneSum(sums)), "v128");
      if (log) f.add(total.set(logarithm(f, total)));
      const into = f.let("into", rowOf(s, target, row.get));
      eachVector(s, source.channels, (at, count) => {
        const result = f.let("result", log ? f32x4.sub(apart(at, count), total.get) : f32x4.div(exponential(f, apart(at, count)), total.get), "v128");
        const to = f.let("to", i32.add(into.get, at));
        if (count === 4) f.add(v128.store(to.get, result.get));
        else for (let i = 0; i < count; i++) f.add(v128.store32(i, to.get, result.get, 4 * i));
      });
    });
  });
}

/** The first `count` lanes of a value, and of another behind them. */
export function first(value: Sexpr, count: number, behind: Sexpr): Sexpr {
  if (count === 4) return value;
  return v128.bitselect(value, behind, ["v128.const", "i32x4", ...[0, 1, 2, 3].map((i) => (i < count ? "-1" : "0"))]);
}
