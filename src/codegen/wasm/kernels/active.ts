import { PARAMS, type ActiveSpec } from "../../wgsl/spec.ts";
import { i32, i32x4, v128 } from "../wat.ts";
import type { StepFunc } from "./frame.ts";
import { eachVector, part, rowOf } from "./pool.ts";

/** Numbers are equal that have the same bits, or are both zero: bits are compared, as on a GPU. */
export function activeBody(s: StepFunc, spec: ActiveSpec): void {
  const { f } = s;
  const { source, target, ground } = spec;
  s.eachTile(1, () => {
    const inTile = f.local("inTile");
    f.for(inTile, 0, s.count.get, 1, () => {
      const row = f.let("of", i32.add(s.first.get, inTile.get));
      const from = f.let("from", rowOf(s, source, row.get));
      const differs = f.let("differs", i32x4.const(0), "v128");
      eachVector(s, source.channels, (at, count) => {
        const own = f.let("own", part(count, i32.add(from.get, at)), "v128");
        const other = f.let("other", ground === undefined ? i32x4.const(0) : v128.load(i32.add(s.at(PARAMS), at), 4 * ground), "v128");
        const holds = i32x4.ne(v128.and(v128.or(own.get, other.get), i32x4.const(0x7fffffff)), i32x4.const(0));
        f.add(differs.set(v128.or(differs.get, v128.and(i32x4.ne(own.get, other.get), holds))));
      });
      f.add(["f32.store", rowOf(s, target, row.get), ["f32.convert_i32_u", v128.anyTrue(differs.get)]]);
    });
  });
}
