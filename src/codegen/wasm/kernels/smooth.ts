import type { SmoothStep } from "../../wgsl/spec.ts";
import type { Func, Local } from "../func.ts";
import { f32x4, v128, type Sexpr } from "../wat.ts";

/** Coefficients of exp on [−ln 2 / 2, ln 2 / 2], highest first: Cephes, expf (Moshier). */
const EXP = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];
const LOG2E = 1.44269504088896341;
/** ln 2 in two parts, the first exact in few bits. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.12194440e-4;
/** Where differences of numbers near 1 would lose digits, series are used instead. */
const SMALL = 0.25;

const c = (value: number): Sexpr => f32x4.const(Math.fround(value));
const MAGNITUDE: Sexpr = ["v128.const", "i32x4", ...Array.from({ length: 4 }, () => "0x7fffffff")];
const absolute = (x: Sexpr): Sexpr => ["v128.and", x, MAGNITUDE];

/** Highest coefficient first: c0 x^n + … + cn. */
const polynomial = (x: Local, coefficients: readonly number[]): Sexpr => coefficients.slice(1).reduce((sum, k) => f32x4.add(f32x4.mul(sum, x.get), c(k)), c(coefficients[0]!));

/** e^y, four lanes, in additions and multiplications only: the same bits everywhere. */
export function exponential(f: Func, y: Sexpr): Sexpr {
  const x = f.let("power", y, "v128");
  // Beyond these e^x is 0 or too large to matter, and its exponent would not fit.
  f.add(x.set(f32x4.pmin(f32x4.pmax(x.get, f32x4.const(-87)), f32x4.const(87))));
  const n = f.let("exponent", f32x4.nearest(f32x4.mul(x.get, f32x4.const(Math.fround(LOG2E)))), "v128");
  f.add(x.set(f32x4.sub(f32x4.sub(x.get, f32x4.mul(n.get, f32x4.const(LN2_HIGH))), f32x4.mul(n.get, f32x4.const(Math.fround(LN2_LOW))))));
  const p = f.local("series", "v128");
  f.add(p.set(f32x4.const(Math.fround(EXP[0]!))));
  for (const k of EXP.slice(1)) f.add(p.set(f32x4.add(f32x4.mul(p.get, x.get), f32x4.const(Math.fround(k)))));
  f.add(p.set(f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p.get, x.get), x.get), x.get), f32x4.const(1))));
  const power: Sexpr = ["i32x4.shl", ["i32x4.add", ["i32x4.trunc_sat_f32x4_s", n.get], ["v128.const", "i32x4", "127", "127", "127", "127"]], ["i32.const", "23"]];
  return f32x4.mul(p.get, power);
}

/** ln x of numbers from 1 on: the exponent's share and ln(1 + t) of the rest. */
export function logarithm(f: Func, x: Local): Sexpr {
  const exponent = f.let("exponent", ["f32x4.convert_i32x4_s", ["i32x4.sub", ["i32x4.shr_u", x.get, ["i32.const", "23"]], ["v128.const", "i32x4", "127", "127", "127", "127"]]], "v128");
  const digits = (word: string): Sexpr => ["v128.const", "i32x4", ...Array.from({ length: 4 }, () => word)];
  const t = f.let("fraction", f32x4.sub(["v128.or", ["v128.and", x.get, digits("0x7fffff")], digits("0x3f800000")], c(1)), "v128");
  return f32x4.add(f32x4.mul(exponent.get, c(Math.LN2)), log1p(f, t));
}

/** ln(1 + t) for t from 0 to 1: 2 atanh(t / (2 + t)). */
function log1p(f: Func, t: Local): Sexpr {
  const s = f.let("ratio", f32x4.div(t.get, f32x4.add(c(2), t.get)), "v128");
  const square = f.let("square", f32x4.mul(s.get, s.get), "v128");
  return f32x4.mul(s.get, polynomial(square, [2 / 13, 2 / 11, 2 / 9, 2 / 7, 2 / 5, 2 / 3, 2]));
}

/** 1 / (1 + e^(−y)). */
const sigmoid = (f: Func, y: Sexpr): Sexpr => f32x4.div(f32x4.const(1), f32x4.add(f32x4.const(1), exponential(f, ["f32x4.neg", y])));

/** The activation of four channels, in steps whose bits are the same everywhere. */
export function smooth(f: Func, step: SmoothStep, value: Sexpr): Sexpr {
  if (step.do === "sigmoid") return sigmoid(f, value);
  const y = f.let("activated", value, "v128");
  switch (step.do) {
    case "silu":
      return f32x4.mul(f32x4.pmax(y.get, c(-87)), sigmoid(f, y.get));
    case "tanh": {
      const t = f.let("decay", exponential(f, f32x4.mul(absolute(y.get), c(-2))), "v128");
      const far = v128.bitselect(f32x4.div(f32x4.sub(c(1), t.get), f32x4.add(c(1), t.get)), y.get, MAGNITUDE);
      const square = f.let("square", f32x4.mul(y.get, y.get), "v128");
      return v128.bitselect(f32x4.mul(y.get, polynomial(square, [-17 / 315, 2 / 15, -1 / 3, 1])), far, f32x4.lt(absolute(y.get), c(SMALL)));
    }
    case "gelu": {
      const z = f.let("scaled", f32x4.mul(f32x4.pmin(absolute(y.get), c(12)), c(Math.SQRT1_2)), "v128");
      const t = f.let("reciprocal", f32x4.div(c(1), f32x4.add(c(1), f32x4.mul(c(0.3275911), z.get))), "v128");
      // Abramowitz and Stegun 7.1.26: within 1.5e-7.
      const rest = f32x4.mul(f32x4.mul(polynomial(t, [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592]), t.get), exponential(f, ["f32x4.neg", f32x4.mul(z.get, z.get)]));
      const erf = v128.bitselect(f32x4.sub(c(1), rest), y.get, MAGNITUDE);
      return f32x4.mul(f32x4.mul(c(0.5), f32x4.pmax(y.get, c(-12))), f32x4.add(c(1), erf));
    }
    case "gelu_tanh": {
      // (1 + tanh u) / 2 is the sigmoid of 2u.
      const b = f.let("bounded", f32x4.pmin(f32x4.pmax(y.get, c(-12)), c(12)), "v128");
      const inner = f32x4.mul(f32x4.mul(c(2 * Math.sqrt(2 / Math.PI)), b.get), f32x4.add(c(1), f32x4.mul(c(0.044715), f32x4.mul(b.get, b.get))));
      return f32x4.mul(f32x4.pmax(y.get, c(-12)), sigmoid(f, inner));
    }
    case "softplus": {
      const b = step.beta === 1 ? y : f.let("steep", f32x4.mul(y.get, c(step.beta)), "v128");
      const t = f.let("decay", exponential(f, ["f32x4.neg", absolute(b.get)]), "v128");
      const soft = f32x4.add(f32x4.max(b.get, c(0)), log1p(f, t));
      return v128.bitselect(y.get, step.beta === 1 ? soft : f32x4.div(soft, c(step.beta)), f32x4.lt(c(step.threshold), b.get));
    }
    case "elu": {
      const low = f.let("negative", f32x4.min(y.get, c(0)), "v128");
      const small = f32x4.mul(low.get, polynomial(low, [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1]));
      const far = f32x4.sub(exponential(f, low.get), c(1));
      const below = f32x4.mul(c(step.alpha), v128.bitselect(small, far, f32x4.lt(c(-SMALL), low.get)));
      return v128.bitselect(y.get, below, f32x4.lt(c(0), y.get));
    }
  }
}
