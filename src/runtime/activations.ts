/** erf by Simpson's rule: within 1e-12 with so many parts of an interval of at most 6. */
const ERF_PARTS = 512;

function errorFunction(x: number): number {
  const end = Math.min(Math.abs(x), 6);
  const step = end / ERF_PARTS;
  let sum = 1 + Math.exp(-end * end);
  for (let i = 1; i < ERF_PARTS; i++) sum += (i % 2 === 1 ? 4 : 2) * Math.exp(-((i * step) ** 2));
  return (Math.sign(x) * 2 * sum * step) / (3 * Math.sqrt(Math.PI));
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Activations of the load phase, in float64, by name; `by` is the slope of leaky_relu, the alpha of elu and the beta of softplus. */
const functions: Readonly<Record<string, (x: number, by: number, threshold: number) => number>> = {
  relu: (x) => (x > 0 ? x : 0),
  relu6: (x) => (x > 6 ? 6 : x > 0 ? x : 0),
  sigmoid: logistic,
  silu: (x) => x * logistic(x),
  tanh: Math.tanh,
  gelu: (x) => 0.5 * x * (1 + errorFunction(x / Math.SQRT2)),
  gelu_tanh: (x) => x * logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)),
  softplus: (x, by, threshold) => (by * x > threshold ? x : (Math.max(by * x, 0) + Math.log1p(Math.exp(-Math.abs(by * x)))) / by),
  leaky_relu: (x, by) => (x > 0 ? x : by * x),
  elu: (x, by) => (x > 0 ? x : by * Math.expm1(x)),
};

/** An activation of every number of a vector. */
export function activate(name: string, v: Float64Array, by: number, threshold: number): Float64Array {
  const f = functions[name];
  if (f === undefined) throw new Error(`internal: no activation ${name}`);
  return v.map((x) => f(x, by, threshold));
}
