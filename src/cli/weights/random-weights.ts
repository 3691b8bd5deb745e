import type { Module } from "../../ir/module.ts";
import { Random } from "../random.ts";
import { elements, float32Tensor, type Tensor } from "../files/tensor.ts";
import { isTorchKernel, requiredTensors, type RequiredTensor } from "./required.ts";

/**
 * Seeded weights in stored shapes for every tensor a net-level module needs. Each tensor draws from a stream of its
 * own name, so that a change elsewhere in the network leaves it as it was. Kernels are scaled after He et al. (arXiv
 * 1502.01852) by the taps that are expected to meet a site; batch-norm variances are positive.
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
    case "bias":
    case "beta":
    case "mean":
      return () => random.between(-0.1, 0.1);
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
