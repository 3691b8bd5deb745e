import { pad4, type DevoxelizeSpec, type VoxelizeSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Local } from "../func.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import { finishTile, tileScratch } from "./epilogue.ts";
import type { StepFunc } from "./frame.ts";
import { eachPair, eachVector, part, rowOf } from "./pool.ts";

/** Sum, mean or maximum of the points of each row: a list per row, in the points' order. */
export function voxelizeBody(assembly: Assembly, s: StepFunc, spec: VoxelizeSpec): void {
  const { f } = s;
  const { source, mode, most } = spec;
  const width = pad4(source.channels);
  assembly.needScratch(tileScratch(width, spec.epilogue));
  s.eachTile(1, () => {
    const inTile = f.local("inTile");
    f.for(inTile, 0, s.count.get, 1, () => {
      const starts = f.let("starts", i32.add(s.at(spec.members), i32.mul(i32.add(s.first.get, inTile.get), 4)));
      const begin = f.let("begin", i32.load(starts.get));
      const end = f.let("end", i32.load(starts.get, 4));
      if (most > 0) f.add(end.set(i32.minU(end.get, i32.add(begin.get, most))));
      const points = f.let("points", i32.add(s.at(spec.members), i32.mul(i32.add(s.rows.get, 1), 4)));
      const to = f.let("into", i32.add(s.scratch.get, i32.mul(inTile.get, 4 * width)));
      const n = f.let("n", i32.sub(end.get, begin.get));
      const divisor = mode === "mean" ? f.let("divisor", f32x4.splat(["f32.convert_i32_u", i32.add(n.get, i32.eqz(n.get))]), "v128") : undefined;
      eachVector(s, source.channels, (at, count) => {
        const total = f.let("total", f32x4.const(0), "v128");
        const k = f.local("k");
        f.for(k, begin.get, end.get, 1, () => {
          const from = rowOf(s, source, i32.load(i32.add(points.get, i32.mul(k.get, 4))));
          const value = f.let("value", part(count, i32.add(from, at)), "v128");
          f.add(total.set(mode === "max" ? ["select", f32x4.max(total.get, value.get), value.get, i32.ne(k.get, begin.get)] : f32x4.add(total.get, value.get)));
        });
        f.add(v128.store(i32.add(to.get, at), divisor === undefined ? total.get : f32x4.div(total.get, divisor.get)));
      });
    });
    finishTile(assembly, s, { at: s.scratch, width, columns: source.channels, from: 0 }, spec.epilogue, spec.target);
  });
}

/** Rows at the corners around each point, times how near the point is to each, corner after corner. */
export function devoxelizeBody(assembly: Assembly, s: StepFunc, spec: DevoxelizeSpec): void {
  const { f } = s;
  const { source, fractions } = spec;
  const width = pad4(source.channels);
  s.eachTile(1, () => {
    // The word of a row is the sum of its weights.
    const totals = eachPair(assembly, s, spec, ({ tap, row, from, to, word }) => {
      const place = f.let("place", rowOf(s, fractions, i32.add(s.first.get, row.get)));
      const weight = f.let("weight", ["f32.const", "1"], "f32");
      for (let a = 0; a < fractions.channels; a++) {
        const high = f.let("high", ["f32.load", `offset=${4 * a}`, place.get], "f32");
        const upper = i32.and(i32.shrU(tap.get, fractions.channels - 1 - a), 1);
        f.add(weight.set(["f32.mul", weight.get, ["select", high.get, ["f32.sub", ["f32.const", "1"], high.get], upper]]));
      }
      // A corner of weight 0 counts for nothing, whatever it holds.
      f.if(["f32.gt", weight.get, ["f32.const", "0"]], () => {
        f.add(["f32.store", word.get, ["f32.add", ["f32.load", word.get], weight.get]]);
        const factor = f.let("factor", f32x4.splat(weight.get), "v128");
        eachVector(s, source.channels, (at, n) => {
          const sum = f.let("sumAt", i32.add(to.get, at));
          f.add(v128.store(sum.get, f32x4.add(v128.load(sum.get), f32x4.mul(factor.get, part(n, i32.add(from.get, at))))));
        });
      });
    });
    if (spec.scaled) scale(s, totals, width, source.channels);
    finishTile(assembly, s, { at: s.scratch, width, columns: source.channels, from: 0 }, spec.epilogue, spec.target);
  });
}

/** Divides each row by the sum of its weights, where there is one. */
function scale(s: StepFunc, totals: number, width: number, channels: number): void {
  const { f } = s;
  const row: Local = f.local("scaled");
  f.for(row, 0, s.count.get, 1, () => {
    const total = f.let("total", ["f32.load", i32.add(i32.add(s.scratch.get, totals), i32.mul(row.get, 4))], "f32");
    f.if(["f32.gt", total.get, ["f32.const", "0"]], () => {
      const by = f.let("by", f32x4.splat(total.get), "v128");
      const at = f.let("sums", i32.add(s.scratch.get, i32.mul(row.get, 4 * width)));
      eachVector(s, channels, (offset: Sexpr) => {
        const place = f.let("sumAt", i32.add(at.get, offset));
        f.add(v128.store(place.get, f32x4.div(v128.load(place.get), by.get)));
      });
    });
  });
}
