import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import type { Module } from "../../src/ir/module.ts";
import type { CpuNetwork } from "../../src/runtime/cpu/network.ts";
import { openCpu } from "../../src/runtime/cpu/open.ts";
import type { CreateOptions, DenseOutput, FeatOutput } from "../../src/runtime/index.ts";

/** Lanes that the tests run with; `SPNET_LANES=wide` joins them where the engine can. */
const lanes = process.env["SPNET_LANES"] === "wide" ? "wide" : "auto";

export type AnyCpuNetwork = CpuNetwork<Readonly<Record<string, unknown>>, Readonly<Record<string, FeatOutput | DenseOutput>>>;

/** A fused module as a network on the CPU. */
export async function cpuNetworkOf(fused: Module, options: CreateOptions): Promise<AnyCpuNetwork> {
  const { plan, wat } = buildCpuProgram(lowerToCpuPlan(fused));
  return await openCpu(plan, await assembleWat(wat), { threads: 0, lanes, ...options });
}
