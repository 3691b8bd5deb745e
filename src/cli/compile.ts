/** The compiler's last stages as the commands run them. What a target does not need is not loaded. */
import type { Program, WasmProgram } from "../codegen/plan/emit-module.ts";
import type { Module } from "../ir/module.ts";

/** A fused module down to plan and WGSL kernels. */
export async function compileWebgpu(fused: Module): Promise<Program> {
  const [{ lowerToPlan }, { buildProgram }] = await Promise.all([import("../codegen/plan/lower.ts"), import("../codegen/plan/program.ts")]);
  return buildProgram(lowerToPlan(fused));
}

/** A fused module down to the CPU's plan and WebAssembly module. */
export async function compileWasm(fused: Module): Promise<WasmProgram> {
  const [{ buildCpuProgram, lowerToCpuPlan }, { assembleWat }] = await Promise.all([import("../codegen/wasm/program.ts"), import("../codegen/wasm/assemble.ts")]);
  const { plan, wat } = buildCpuProgram(lowerToCpuPlan(fused));
  return { plan, code: await assembleWat(wat) };
}
