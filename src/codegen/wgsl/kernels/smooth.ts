import { f32 } from "../literal.ts";
import type { SmoothStep } from "../spec.ts";
import { wgsl, type Wgsl } from "../template.ts";

const v = (value: number): Wgsl => wgsl`vec4f(${f32(value)})`;

/** Where differences of numbers near 1 would lose digits, series are used instead. */
const SMALL = 0.25;
/** exp and tanh are asked for no more than this: beyond, results are 0 or 1 in float32, and some drivers overflow. */
const LARGE = 80;

/** Highest coefficient first: c0 x^n + … + cn. */
const polynomial = (x: Wgsl, coefficients: readonly number[]): Wgsl => coefficients.slice(1).reduce((sum, c) => wgsl`(${sum} * ${x} + ${v(c)})`, v(coefficients[0]!));

const sigmoid = (y: Wgsl): Wgsl => wgsl`(${v(1)} / (${v(1)} + exp(-clamp(${y}, ${v(-LARGE)}, ${v(LARGE)}))))`;

/** e^y for y up to 0. */
export const exponential = (y: Wgsl): Wgsl => wgsl`exp(max(${y}, ${v(-LARGE)}))`;

/** ln(1 + t) for t from 0 to 1: 2 atanh(t / (2 + t)). */
export function log1p(t: Wgsl): Wgsl {
  const s = wgsl`(${t} / (${v(2)} + ${t}))`;
  return wgsl`(${s} * ${polynomial(wgsl`(${s} * ${s})`, [2 / 13, 2 / 11, 2 / 9, 2 / 7, 2 / 5, 2 / 3, 2])})`;
}

/** The activation of four channels, accurate to a few units of float32's last place of the largest value. */
export function smooth(step: SmoothStep): (y: Wgsl) => Wgsl {
  switch (step.do) {
    case "sigmoid":
      return (y) => wgsl`${v(1)} / (${v(1)} + exp(-${y}))`;
    case "silu":
      return (y) => wgsl`max(${y}, ${v(-LARGE)}) * ${sigmoid(y)}`;
    case "tanh":
      return (y) => wgsl`select(tanh(clamp(${y}, ${v(-10)}, ${v(10)})), ${y} * ${polynomial(wgsl`(${y} * ${y})`, [-17 / 315, 2 / 15, -1 / 3, 1])}, abs(${y}) < ${v(SMALL)})`;
    case "gelu":
      return (y) => {
        const z = wgsl`(min(abs(${y}), ${v(12)}) * ${v(Math.SQRT1_2)})`;
        const t = wgsl`(${v(1)} / (${v(1)} + ${v(0.3275911)} * ${z}))`;
        // Abramowitz and Stegun 7.1.26: within 1.5e-7.
        const rest = wgsl`${polynomial(t, [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592])} * ${t} * exp(-${z} * ${z})`;
        return wgsl`${v(0.5)} * max(${y}, ${v(-12)}) * (${v(1)} + sign(${y}) * (${v(1)} - ${rest}))`;
      };
    case "gelu_tanh":
      // (1 + tanh u) / 2 is the sigmoid of 2u.
      return (y) => {
        const bounded = wgsl`clamp(${y}, ${v(-12)}, ${v(12)})`;
        return wgsl`max(${y}, ${v(-12)}) * ${sigmoid(wgsl`(${v(2 * Math.sqrt(2 / Math.PI))} * ${bounded} * (${v(1)} + ${v(0.044715)} * ${bounded} * ${bounded}))`)}`;
      };
    case "softplus":
      return (y) => {
        const b = step.beta === 1 ? y : wgsl`(${v(step.beta)} * ${y})`;
        const soft = wgsl`(max(${b}, vec4f()) + ${log1p(wgsl`exp(-min(abs(${b}), ${v(LARGE)}))`)})`;
        return wgsl`select(${step.beta === 1 ? soft : wgsl`${soft} / ${v(step.beta)}`}, ${y}, ${b} > ${v(step.threshold)})`;
      };
    case "elu":
      return (y) => {
        const low = wgsl`clamp(${y}, ${v(-LARGE)}, vec4f())`;
        const small = wgsl`${low} * ${polynomial(low, [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1])}`;
        return wgsl`select(${v(step.alpha)} * select(exp(${low}) - ${v(1)}, ${small}, ${low} > ${v(-SMALL)}), ${y}, ${y} > vec4f())`;
      };
  }
}
