import { f32, i32, u32 } from "../literal.ts";
import { name, type Name } from "../namer.ts";
import type { EpilogueStep } from "../spec.ts";
import { wgsl, type Wgsl } from "../template.ts";
import type { RowFunctions } from "./access.ts";

type Rescale = Extract<EpilogueStep, { do: "rescale" }>;

const v = (value: number): Wgsl => wgsl`vec4i(${i32(value)})`;
const by = (bits: number): Wgsl => wgsl`vec4u(${u32(bits)})`;

/** Bits of a limb: products of two limbs, and sums of two such products, fit 32 bits. */
const LIMB = 12;
const LOW = 2 * LIMB;

/**
 * The function y · m / 2^shift of whole numbers of at most 24 bits and a sign, rounded once, in 16 bits. There are no
 * 64-bit integers: y and m are cut in limbs of 12 bits (the upper ones signed), the product is high · 2^24 + low, and what the
 * shift cuts off (`rest`) decides the rounding of what stays (`q`, rounded down).
 */
export function rescaleFunction(functions: RowFunctions, { shift, rounding }: Rescale): Name {
  const fn = name(`rescale_${shift}_${rounding}`);
  const half = 2 ** (shift - 1);
  const inner = shift <= LOW;
  // Beyond these the result is saturated; within them nothing is shifted out at the top.
  const most = 2 ** Math.max(0, shift - (LOW - 15));
  return functions.helper(fn, wgsl`
    fn ${fn}(y: vec4f, m: vec4f) -> vec4f {
      let a = vec4i(y);
      let b = vec4i(m);
      let a1 = a >> ${by(LIMB)};
      let a0 = a & ${v(4095)};
      let b1 = b >> ${by(LIMB)};
      let b0 = b & ${v(4095)};
      let p0 = a0 * b0;
      let p1 = a1 * b0 + a0 * b1 + (p0 >> ${by(LIMB)});
      let low = ((p1 & ${v(4095)}) << ${by(LIMB)}) | (p0 & ${v(4095)});
      let high = ${inner ? wgsl`clamp(a1 * b1 + (p1 >> ${by(LIMB)}), ${v(-most - 1)}, ${v(most)})` : wgsl`a1 * b1 + (p1 >> ${by(LIMB)})`};
      let q = ${inner ? wgsl`(high << ${by(LOW - shift)}) + (low >> ${by(shift)})` : wgsl`high >> ${by(shift - LOW)}`};
      let rest = ${inner ? wgsl`low & ${v(2 ** shift - 1)}` : wgsl`((high & ${v(2 ** (shift - LOW) - 1)}) << ${by(LOW)}) | low`};
      let up = ${rounding === "up" ? wgsl`rest >= ${v(half)}` : wgsl`(rest > ${v(half)}) | ((rest == ${v(half)}) & ((q & ${v(1)}) == ${v(1)}))`};
      return vec4f(clamp(select(q, q + ${v(1)}, up), ${v(-32768)}, ${v(32767)}));
    }`);
}

/** Held to so many bits. */
export const saturated = (y: Wgsl, bits: number): Wgsl => wgsl`clamp(${y}, vec4f(${f32(-(2 ** (bits - 1)))}), vec4f(${f32(2 ** (bits - 1) - 1)}))`;

/** y / scale, rounded with halves to even, in 8 bits; a zero comes out without a sign. */
export const quantised = (y: Wgsl, scale: number): Wgsl => wgsl`vec4f(vec4i(${saturated(wgsl`round(${y} * ${f32(1 / scale)})`, 8)}))`;
