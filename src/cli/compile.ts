/** The compiler's last stages as the commands run them. What a target does not need is not loaded. */
import type { Program, WasmProgram } from "../codegen/plan/emit-module.ts";
import type { Choices } from "../codegen/tuning/choices.ts";
import type { Module } from "../ir/module.ts";
import type { Args, OptionDefs } from "./command.ts";

const ARITHMETIC = ["strict", "fused"] as const;

export const CODE_OPTIONS: OptionDefs = {
  arithmetic: { value: ARITHMETIC.join("|"), doc: "CPU: round every product and sum, the same bits everywhere (default), or add products unrounded where the machine can: faster" },
};

/** A fused module down to plan and WGSL kernels, with tiles that were chosen by measurement. */
export async function compileWebgpu(fused: Module, tiles: Choices["tiles"] = {}): Promise<Program> {
  const [{ lowerToPlan }, { buildProgram }, { withTiles }] = await Promise.all([import("../codegen/plan/lower.ts"), import("../codegen/plan/program.ts"), import("../codegen/tuning/tiles.ts")]);
  return buildProgram(withTiles(lowerToPlan(fused), tiles));
}

/** A fused module down to the CPU's plan and WebAssembly module. */
export async function compileWasm(fused: Module, args: Args): Promise<WasmProgram> {
  const arithmetic = args.choice("arithmetic", ARITHMETIC, "strict");
  const [{ buildCpuProgram, lowerToCpuPlan }, { assembleWat }] = await Promise.all([import("../codegen/wasm/program.ts"), import("../codegen/wasm/assemble.ts")]);
  const { plan, wat } = buildCpuProgram(lowerToCpuPlan(fused), arithmetic);
  return { plan, code: await assembleWat(wat) };
}
