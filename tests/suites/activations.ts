import { describe, expect, it } from "vitest";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { dataOf } from "../support/network-runs.ts";
import { netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";

/** Far out, where exponentials overflow, around every kink and limit of a series, and next to zero. */
const FAR = [-1e30, -1e4, -200, -100, -89, -88, -87, -40, -20, -12, -10, -6, -3, -2, -1, -0.5, -0.26, -0.25, -0.24, -0.1, -1e-3, 0, 1e-3, 0.1, 0.24, 0.25, 0.26, 0.5, 1, 2, 3, 5.99, 6, 6.01, 10, 12, 20, 40, 87, 88, 89, 100, 200, 1e4];
const NEAR = Array.from({ length: 44 }, (_, i) => (i - 21.5) * 1e-4);

/** erf by Simpson's rule: nothing of the definitions under test. */
function erf(x: number): number {
  const end = Math.abs(x);
  if (end > 6) return Math.sign(x);
  const [n, f] = [2000, (t: number): number => Math.exp(-t * t)];
  let sum = f(0) + f(end);
  for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * f((i * end) / n);
  return Math.sign(x) * Math.min(1, (2 / Math.sqrt(Math.PI)) * ((sum * end) / (3 * n)));
}

const bounded = (x: number): number => Math.max(-700, Math.min(700, x));
const logistic = (x: number): number => 1 / (1 + Math.exp(-bounded(x)));
const formulas: Readonly<Record<string, (x: number) => number>> = {
  "relu": (x) => (x > 0 ? x : 0),
  "relu6": (x) => (x < 0 ? 0 : x > 6 ? 6 : x),
  "leaky_relu(0.2)": (x) => (x < 0 ? 0.2 * x : x),
  "sigmoid": logistic,
  "silu": (x) => x * logistic(x),
  "tanh": (x) => 2 * logistic(2 * x) - 1 + (Math.abs(x) < 1e-2 ? x - x ** 3 / 3 - (2 * logistic(2 * x) - 1) : 0),
  "gelu": (x) => 0.5 * x * (1 + erf(x / Math.sqrt(2))),
  "gelu(approximate=tanh)": (x) => x * logistic(2 * Math.sqrt(2 / Math.PI) * bounded(x + 0.044715 * bounded(x) ** 3)),
  "softplus": (x) => (x > 30 ? x : x < -30 ? Math.exp(bounded(x)) : Math.log(1 + Math.exp(x))),
  "softplus(beta=0.5)": (x) => 2 * (x / 2 > 30 ? x / 2 : x / 2 < -30 ? Math.exp(bounded(x / 2)) : Math.log(1 + Math.exp(x / 2))),
  "softplus(beta=2, threshold=1)": (x) => (2 * x > 1 ? x : Math.log(1 + Math.exp(bounded(2 * x))) / 2),
  "elu": (x) => (x > 0 ? x : Math.abs(x) < 1e-2 ? x + x ** 2 / 2 + x ** 3 / 6 : Math.exp(bounded(x)) - 1),
  "elu(alpha=0.3)": (x) => (x > 0 ? x : 0.3 * (Math.abs(x) < 1e-2 ? x + x ** 2 / 2 + x ** 3 / 6 : Math.exp(bounded(x)) - 1)),
};

/** Each activation at the numbers where it could go wrong, by formulas of the test's own. */
export function activationsSuite(open: OpenTarget): void {
  const target = useTarget(open);

  describe("activations", () => {
    it.each(Object.entries(formulas))("%s", async (name, formula) => {
      // Behind a product and a sum of its own, so that it is the end of a kernel; 5 channels, so that one vector is not full.
      const net = netFromText(`spnet 1\nnet A {\n  sites S : (x: 20)\n  input a : feat[S, 5]\n  output y = a |> ${name}\n}\n`);
      const network = await target().open(fuse(net.module, pipelines[2]![1]), { weights: net.weights });
      for (const values of [FAR, NEAR]) {
        const rows = Math.ceil(values.length / 5);
        const features = Float32Array.from({ length: rows * 5 }, (_, i) => values[i % values.length]!);
        const { y } = await target().working(() => network.run({ a: { coords: Int32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? 0 : (i - 1) / 2)), features } }));
        dataOf(y!).forEach((found, i) => {
          const wanted = formula(features[i]!);
          const allowed = values === NEAR ? 1e-6 * Math.max(Math.abs(wanted), 1e-3) : 1e-6 * Math.max(1, Math.abs(wanted));
          expect(Math.abs(found - wanted), `${name} of ${features[i]} is ${found}, not ${wanted}`).toBeLessThanOrEqual(allowed);
        });
      }
      network.dispose();
    });
  });
}
