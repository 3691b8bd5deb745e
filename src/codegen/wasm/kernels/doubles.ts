import { f32x4, type Sexpr } from "../wat.ts";

/** Four floats as two pairs of float64, and back. */
export const lowDoubles = (value: Sexpr): Sexpr => ["f64x2.promote_low_f32x4", value];

/** `value` is evaluated twice. */
export const highDoubles = (value: Sexpr): Sexpr => lowDoubles(["i8x16.shuffle", ...Array.from({ length: 16 }, (_, i) => String((i + 8) % 16)), value, value]);

export function joinDoubles(low: Sexpr, high: Sexpr): Sexpr {
  const narrow = (pair: Sexpr): Sexpr => ["f32x4.demote_f64x2_zero", pair];
  return ["i8x16.shuffle", ...[...Array(8).keys(), ...Array.from({ length: 8 }, (_, i) => 16 + i)].map(String), narrow(low), narrow(high)];
}

const lanes =
  (op: string) =>
  (a: Sexpr, b: Sexpr): Sexpr => [op, a, b];

export const f64x2 = {
  add: lanes("f64x2.add"),
  mul: lanes("f64x2.mul"),
  div: lanes("f64x2.div"),
  min: lanes("f64x2.min"),
  max: lanes("f64x2.max"),
  floor: (a: Sexpr): Sexpr => ["f64x2.floor", a],
  trunc: (a: Sexpr): Sexpr => ["f64x2.trunc", a],
  nearest: (a: Sexpr): Sexpr => ["f64x2.nearest", a],
  const: (value: number): Sexpr => ["v128.const", "f64x2", String(value), String(value)],
};

/** Held between two numbers; a zero comes out without a sign. */
export const heldDoubles = (value: Sexpr, least: number, most: number): Sexpr => f64x2.add(f64x2.min(f64x2.max(value, f64x2.const(least)), f64x2.const(most)), f64x2.const(0));

export const heldFloats = (value: Sexpr, least: number, most: number): Sexpr => f32x4.add(f32x4.min(f32x4.max(value, f32x4.const(least)), f32x4.const(most)), f32x4.const(0));
