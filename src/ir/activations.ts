/** Activations without parameters, in float64: the field's definitions (PyTorch's names). */
export const ACTIVATIONS = {
  relu: { doc: "max(x, 0).", of: (x: number): number => Math.max(x, 0) },
  relu6: { doc: "min(max(x, 0), 6).", of: (x: number): number => Math.min(Math.max(x, 0), 6) },
  sigmoid: { doc: "1 / (1 + exp(−x)).", of: (x: number): number => 1 / (1 + Math.exp(-x)) },
  silu: { doc: "x / (1 + exp(−x)).", of: (x: number): number => x / (1 + Math.exp(-x)) },
  tanh: { doc: "The hyperbolic tangent.", of: (x: number): number => Math.tanh(x) },
  gelu: { doc: "x · (1 + erf(x / √2)) / 2.", of: (x: number): number => (x * (1 + erf(x / Math.SQRT2))) / 2 },
  gelu_tanh: { doc: "x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2: PyTorch's approximate=\"tanh\".", of: (x: number): number => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2 },
} as const;

export type Activation = keyof typeof ACTIVATIONS;

export const isActivation = (name: unknown): name is Activation => typeof name === "string" && Object.hasOwn(ACTIVATIONS, name);

/** x where x > 0, alpha · (exp(x) − 1) elsewhere. */
export const elu = (x: number, alpha: number): number => (x > 0 ? x : alpha * Math.expm1(x));

/** x where x > 0, slope · x elsewhere. */
export const prelu = (x: number, slope: number): number => (x > 0 ? x : x * slope);

/** ln(1 + exp(beta · x)) / beta, and x where beta · x > threshold: PyTorch's Softplus. */
export const softplus = (x: number, beta: number, threshold: number): number => (beta * x > threshold ? x : (Math.max(beta * x, 0) + Math.log1p(Math.exp(-Math.abs(beta * x)))) / beta);

/** Beyond this the series for erf loses digits, and the continued fraction for 1 − erf has them. */
const FAR = 3;

/** The error function, to 1e-12: its Taylor series, or the continued fraction of erfc (Abramowitz and Stegun 7.1.5, 7.1.14). */
function erf(x: number): number {
  const size = Math.abs(x);
  if (size >= FAR) {
    let fraction = 0;
    for (let n = 60; n >= 1; n--) fraction = n / 2 / (size + fraction);
    return Math.sign(x) * (1 - Math.exp(-size * size) / ((size + fraction) * Math.sqrt(Math.PI)));
  }
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
