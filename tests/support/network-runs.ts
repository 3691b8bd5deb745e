import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import type { Module } from "../../src/ir/module.ts";
import { createNetwork, type CreateOptions, type DenseOutput, type FeatOutput, type Network } from "../../src/runtime/index.ts";

export type AnyNetwork = Network<Readonly<Record<string, unknown>>, Readonly<Record<string, FeatOutput | DenseOutput>>>;

/** A fused module as a network on a device. */
export async function networkOf(fused: Module, options: CreateOptions): Promise<AnyNetwork> {
  const program = buildProgram(lowerToPlan(fused));
  return await createNetwork(program.plan, Object.fromEntries(program.kernels.map((k) => [k.name, k.code])), options);
}

/** The numbers of an output. */
export const dataOf = (output: FeatOutput | DenseOutput): Float32Array => ("features" in output ? output.features : output.data);
