import type { EpilogueStep } from "../../wgsl/spec.ts";
import type { Func } from "../func.ts";
import { f32x4, type Sexpr } from "../wat.ts";
import { f64x2, heldDoubles, heldFloats, highDoubles, joinDoubles, lowDoubles } from "./doubles.ts";

type Rescale = Extract<EpilogueStep, { do: "rescale" }>;

/**
 * y · multiplier / 2^shift, rounded once, in 16 bits. Both are whole numbers of at most 24 bits, so float64 holds their
 * product, its part below the point and a half added to it.
 */
export function rescale(f: Func, { shift, rounding }: Rescale, y: Sexpr, multiplier: Sexpr): Sexpr {
  const a = f.let("whole", y, "v128");
  const m = f.let("multiplier", multiplier, "v128");
  const pair = (x: Sexpr, by: Sexpr): Sexpr => {
    const quotient = f64x2.mul(f64x2.mul(x, by), f64x2.const(2 ** -shift));
    return heldDoubles(rounding === "even" ? f64x2.nearest(quotient) : f64x2.floor(f64x2.add(quotient, f64x2.const(0.5))), -32768, 32767);
  };
  return joinDoubles(pair(lowDoubles(a.get), lowDoubles(m.get)), pair(highDoubles(a.get), highDoubles(m.get)));
}

/** Held to so many bits. */
export const saturate = (y: Sexpr, bits: number): Sexpr => heldFloats(y, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1);

/** y / scale, rounded with halves to even, in 8 bits. */
export const quantise = (y: Sexpr, scale: number): Sexpr => saturate(f32x4.nearest(f32x4.mul(y, f32x4.const(Math.fround(1 / scale)))), 8);
