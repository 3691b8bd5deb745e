import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import type { Module } from "../../src/ir/module.ts";
import { openCpu } from "../../src/runtime/cpu/open.ts";
import type { CreateOptions } from "../../src/runtime/index.ts";
import type { AnyNetwork } from "./network-runs.ts";

/** Lanes that the tests run with; `SPNET_LANES=wide` joins them where the engine can. */
const lanes = process.env["SPNET_LANES"] === "wide" ? "wide" : "auto";

/** A fused module as a network on the CPU. */
export async function cpuNetworkOf(fused: Module, options: CreateOptions): Promise<AnyNetwork> {
  const { plan, wat } = buildCpuProgram(lowerToCpuPlan(fused));
  return await openCpu(plan, await assembleWat(wat), { threads: 0, lanes, ...options });
}
