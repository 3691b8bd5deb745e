import type { Func } from "../func.ts";
import { f32x4, type Sexpr } from "../wat.ts";

/** Coefficients of exp on [−ln 2 / 2, ln 2 / 2], highest first: Cephes, expf (Moshier). */
const EXP = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];
const LOG2E = 1.44269504088896341;
/** ln 2 in two parts, the first exact in few bits. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.12194440e-4;

/** 1 / (1 + e^(−y)), four lanes, in additions and multiplications only: the same bits everywhere. */
export function sigmoid(f: Func, y: Sexpr): Sexpr {
  const x = f.let("minusY", ["f32x4.neg", y], "v128");
  // Beyond these e^x is 0 or too large to matter, and its exponent would not fit.
  f.add(x.set(f32x4.pmin(f32x4.pmax(x.get, f32x4.const(-87)), f32x4.const(87))));
  const n = f.let("exponent", f32x4.nearest(f32x4.mul(x.get, f32x4.const(Math.fround(LOG2E)))), "v128");
  f.add(x.set(f32x4.sub(f32x4.sub(x.get, f32x4.mul(n.get, f32x4.const(LN2_HIGH))), f32x4.mul(n.get, f32x4.const(Math.fround(LN2_LOW))))));
  const p = f.local("series", "v128");
  f.add(p.set(f32x4.const(Math.fround(EXP[0]!))));
  for (const c of EXP.slice(1)) f.add(p.set(f32x4.add(f32x4.mul(p.get, x.get), f32x4.const(Math.fround(c)))));
  f.add(p.set(f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p.get, x.get), x.get), x.get), f32x4.const(1))));
  const power: Sexpr = ["i32x4.shl", ["i32x4.add", ["i32x4.trunc_sat_f32x4_s", n.get], ["v128.const", "i32x4", "127", "127", "127", "127"]], ["i32.const", "23"]];
  return f32x4.div(f32x4.const(1), f32x4.add(f32x4.const(1), f32x4.mul(p.get, power)));
}
