import { expect, it } from "vitest";
import { ACTIVATIONS, elu, softplus } from "../../src/ir/activations.ts";

/** Values of tables: Abramowitz and Stegun 26.2 for gelu (x Φ(x)), torch 2 in float64 for the rest. */
const table = {
  silu: [[1, 0.7310585786300049], [-1, -0.2689414213699951], [0, 0], [-40, -1.699341702116668e-16]],
  tanh: [[0.5, 0.46211715726000973], [-20, -1]],
  gelu: [[1, 0.8413447460685429], [-1, -0.15865525393145707], [2, 1.9544997361036416], [3, 2.9959503059051097], [-4, -0.000126684967], [5, 4.999998566742140]],
  gelu_tanh: [[1, 0.8411919906082768], [-2, -0.04540230591222981]],
} as const;

it.each(Object.entries(table))("%s has the values of published tables", (name, values) => {
  for (const [x, y] of values) expect(ACTIVATIONS[name as keyof typeof table].of(x)).toBeCloseTo(y, 10);
});

it("softplus has the values of its formula, and is x beyond its threshold", () => {
  for (const [x, y] of [[0, 0.6931471805599453], [1, 1.3132616875182228], [-30, 9.357622968839737e-14], [800, 800]] as const) expect(softplus(x, 1, 20)).toBeCloseTo(y, 15);
  expect(softplus(0, 2, 20)).toBeCloseTo(Math.LN2 / 2, 15);
  expect([softplus(1.5, 2, 3), softplus(1.6, 2, 3)].map((y) => y > 1.6)).toEqual([false, false]);
  expect(softplus(1.5, 2, 3)).toBeCloseTo(Math.log(1 + Math.exp(3)) / 2, 14);
  expect(softplus(1.6, 2, 3)).toBe(1.6);
});

it("elu has the values of its formula", () => {
  expect(elu(-1, 1)).toBeCloseTo(Math.exp(-1) - 1, 14);
  expect(elu(-1e-9, 2)).toBeCloseTo(-2e-9, 16);
  expect([elu(3, 0.1), elu(0, 1)]).toEqual([3, 0]);
});
