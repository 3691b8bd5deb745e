import type { DType } from "./types.ts";

/**
 * Arithmetic of quantised networks: whole numbers, every result exact and the same on every target. Rows carry them as
 * float32, which holds every whole number up to 2^24.
 */

/** How the quotient of a rescale becomes whole: halves to the even neighbour, or up, as `(v + 2^(shift − 1)) >> shift` does. */
export type Rounding = "even" | "up";

/** Bits of the two kinds of saturated numbers. */
export type SaturatedBits = 8 | 16;

/** The largest magnitude of a sum that float32 holds exactly, and all below it. */
export const EXACT = 2 ** 24;

/** Largest magnitudes of what the weights file gives: biases, multipliers, limits of `clip`. */
export const BIAS_LIMIT = 2 ** 20;
export const MULTIPLIER_LIMIT = 2 ** 24;
export const CLIP_LIMIT = 2 ** 31 - 1;

/** Bits that a rescale may shift by. */
export const MOST_SHIFT = 31;

const roundEven = (x: number): number => {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
};

/** Clamped to the whole numbers of so many bits, none of which is -0. */
export function saturate(x: number, bits: SaturatedBits): number {
  const limit = 2 ** (bits - 1);
  return Math.min(Math.max(x, -limit), limit - 1) + 0;
}

/** x / scale as an 8-bit number, halves to even. The product with 1 / scale is rounded to float32 first, as kernels compute it. */
export const quantise = (x: number, scale: number): number => saturate(roundEven(Math.fround(Math.fround(x) * Math.fround(1 / scale))), 8);

/** x · multiplier / 2^shift as a 16-bit number. The product stays below 2^48, so float64 has it exactly. */
export function rescale(x: number, multiplier: number, shift: number, rounding: Rounding): number {
  const quotient = (x * multiplier) / 2 ** shift;
  return saturate(rounding === "even" ? roundEven(quotient) : Math.floor(quotient + 0.5), 16);
}

/** Between 0 and a limit. */
export const clip = (x: number, limit: number): number => Math.min(Math.max(x, 0), limit);

/**
 * The mean of `count` 8-bit numbers as an 8-bit number: trunc(mean + 0.01), in exact arithmetic. The hundredth is of the
 * integer average of HAWQ (Yao et al. 2021), where means are float32 and 2.9999998 stands for 3.
 */
export const truncatedMean = (sum: number, count: number): number => (count === 0 ? 0 : Math.trunc((100 * sum + count) / (100 * count)) + 0);

/** A sum, held to where it is exact. */
export const exactSum = (sum: number): number => Math.min(Math.max(sum, -EXACT), EXACT);

export const isWhole = (dtype: DType): boolean => dtype === "i8" || dtype === "i16" || dtype === "i32";

/** What a product of rows with a weight gives: real numbers of real ones, exact sums of 8-bit ones; undefined of others. */
export function productOf(x: DType, weight: DType): DType | undefined {
  if (x === "i8" && weight === "i8") return "i32";
  return x === "f32" && weight === "f32" ? "f32" : undefined;
}

/** The parameter that is added to a sum. */
export const addendOf = (sum: DType): DType => (sum === "i32" ? "i32" : "f32");
