import type { Module } from "../../ir/module.ts";
import { MULTIPLIER_LIMIT } from "../../ir/whole.ts";
import { Random } from "../random.ts";
import { elements, float32Tensor, type Tensor } from "../files/tensor.ts";
import { isTorchKernel, requiredTensors, type RequiredTensor } from "./required.ts";

/**
 * Seeded weights in stored shapes for every tensor a net-level module needs. Each tensor draws from a stream of its
 * own name, so that a change elsewhere in the network leaves it as it was. Kernels are scaled after He et al. (arXiv
 * 1502.01852) by the taps that are expected to meet a site; batch-norm variances are positive. Weights of quantised layers are
 * whole, and their multipliers bring sums to about the steps of their inputs.
 */
export function randomWeights(module: Module, seed: number): ReadonlyMap<string, Tensor> {
  return new Map(requiredTensors(module).map((tensor) => [tensor.name, float32Tensor(tensor.name, tensor.stored, draw(tensor, new Random(seed, tensor.name)))]));
}

function draw(tensor: RequiredTensor, random: Random): Float32Array {
  const value = generator(tensor, random);
  const data = new Float32Array(elements(tensor.stored));
  for (let i = 0; i < data.length; i++) data[i] = value();
  return data;
}

function generator(tensor: RequiredTensor, random: Random): () => number {
  if (tensor.dtype !== "f32") return wholeGenerator(tensor, random);
  switch (tensor.use) {
    case "kernel":
    case "linear": {
      const limit = Math.sqrt(6 / fanIn(tensor));
      return () => random.between(-limit, limit);
    }
    case "gamma":
      return () => random.between(0.75, 1.25);
    case "var":
      return () => random.between(0.5, 1.5);
    case "slope":
      return () => random.between(0.1, 0.4);
    case "factor":
      return () => random.between(0.005, 0.015);
    default:
      return () => random.between(-0.1, 0.1);
  }
}

/** Standard deviation of the 8-bit weights that are drawn, uniform to ±96. */
const WEIGHT_STEPS = 96 / Math.sqrt(3);

function wholeGenerator({ use, role, shape, divisor }: RequiredTensor, random: Random): () => number {
  switch (use) {
    case "kernel":
    case "linear": {
      // Sums over more inputs than that would not be exact.
      const limit = Math.min(96, Math.floor(100_000 / elements(shape.slice(0, -1))));
      return () => Math.round(random.between(-limit, limit));
    }
    case "limit":
      return () => Math.round(random.between(100, 400) * WEIGHT_STEPS);
    case "multiplier": {
      // One for all channels brings rows to other steps, one for each finishes a layer's sums.
      const unit = Math.min(role === "scalar" ? divisor : divisor / (4 * WEIGHT_STEPS), MULTIPLIER_LIMIT / 2);
      return () => Math.round(random.between(0.5, 1.5) * unit);
    }
    default:
      return () => Math.round(random.between(-20, 20) * WEIGHT_STEPS);
  }
}

/**
 * Input channels times the taps expected to meet a site: all of a dense convolution. Sparse sites lie on surfaces, so of a kernel's taps about
 * volume^((d−1)/d) do: 9 of 27. With all of them counted deep networks would fade away.
 */
function fanIn(tensor: RequiredTensor): number {
  const { shape } = tensor;
  const kernel = shape.slice(0, -2);
  const volume = elements(kernel);
  const met = kernel.length > 1 && !isTorchKernel(tensor) ? volume ** ((kernel.length - 1) / kernel.length) : volume;
  return shape.at(-2)! * met;
}
