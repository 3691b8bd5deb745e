import type { RowNormSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Local } from "../func.ts";
import { f32x4, i32, type Sexpr } from "../wat.ts";
import type { StepFunc } from "./frame.ts";
import { eachRow } from "./items.ts";
import { eachVector, part, rowOf } from "./pool.ts";
import { first, laneSum } from "./softmax.ts";

/** ((x − mean) − rest) · factor with the row's own mean, what rounding left of it, and 1 / sqrt(var + eps); sums in the order of channels mod 4. */
export function rowNormBody(assembly: Assembly, s: StepFunc, { source, eps, epilogue, target }: RowNormSpec): void {
  const { f } = s;
  eachRow(assembly, s, source.channels, { epilogue, target }, (row) => {
    const from = f.let("from", rowOf(s, source, row.get));
    const x = (at: Sexpr, count: number): Sexpr => part(count, i32.add(from.get, at));
    const average = (name: string, value: (at: Sexpr, count: number) => Sexpr): Local => {
      const sums = f.let("sums", f32x4.const(0), "v128");
      eachVector(s, source.channels, (at, count) => f.add(sums.set(f32x4.add(sums.get, first(value(at, count), count, f32x4.const(0))))));
      return f.let(name, f32x4.splat(["f32.div", laneSum(sums), ["f32.const", String(source.channels)]]), "v128");
    };
    const mean = average("mean", x);
    const rest = average("rest", (at, count) => f32x4.sub(x(at, count), mean.get));
    const apart = (at: Sexpr, count: number): Sexpr => f32x4.sub(f32x4.sub(x(at, count), mean.get), rest.get);
    const variance = average("variance", (at, count) => {
      const d = f.let("apart", apart(at, count), "v128");
      return f32x4.mul(d.get, d.get);
    });
    const factor = f.let("factor", f32x4.div(f32x4.const(1), f32x4.sqrt(f32x4.add(variance.get, f32x4.const(eps)))), "v128");
    return (at, count) => f32x4.mul(apart(at, count), factor.get);
  });
}
