import type { InterpolateSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import { f32x4, i32, type Sexpr } from "../wat.ts";
import type { StepFunc } from "./frame.ts";
import { eachRow } from "./items.ts";
import { part, rowOf } from "./pool.ts";

/** Each row of the finer grid between the two of the coarser one around its place, found by whole numbers from its index. */
export function interpolateBody(assembly: Assembly, s: StepFunc, { source, from, to, inside, times, plus, over, target }: InterpolateSpec): void {
  const { f } = s;
  const float = (value: Sexpr): Sexpr => ["f32.convert_i32_u", value];
  eachRow(assembly, s, source.channels, { epilogue: [], target }, (row) => {
    const place = f.let("place", i32.divU(row.get, inside));
    const sum = f.let("sum", i32.add(i32.mul(i32.remU(place.get, to), times), plus));
    const parts = f.let("parts", i32.maxS(sum.get, 0));
    const cell = f.let("cell", i32.divU(parts.get, over));
    const low = f.let("low", i32.minU(cell.get, from - 1));
    const share = f.let("share", f32x4.splat(["f32.div", float(i32.sub(parts.get, i32.mul(low.get, over))), ["f32.const", String(over)]]), "v128");
    const rest = f.let("rest", f32x4.sub(f32x4.const(1), share.get), "v128");
    const base = f.let("base", i32.add(i32.mul(i32.divU(place.get, to), from * inside), i32.remU(row.get, inside)));
    const next = f.let("next", i32.add(low.get, 1));
    const first = f.let("firstAt", rowOf(s, source, i32.add(base.get, i32.mul(low.get, inside))));
    const second = f.let("secondAt", rowOf(s, source, i32.add(base.get, i32.mul(i32.minU(next.get, from - 1), inside))));
    return (at, count) => f32x4.add(f32x4.mul(part(count, i32.add(first.get, at)), rest.get), f32x4.mul(part(count, i32.add(second.get, at)), share.get));
  });
}
