/** The compiler's last stages as the commands run them. What a target does not need is not loaded. */
import type { Program, WasmProgram } from "../codegen/plan/emit-module.ts";
import type { Choices } from "../codegen/tuning/choices.ts";
import type { Module } from "../ir/module.ts";
import { DESKTOP_WORKGROUP_BYTES } from "../passes/cost/machine.ts";
import type { Args, OptionDefs } from "./command.ts";
import { UsageError } from "./errors.ts";

const ARITHMETIC = ["strict", "fused"] as const;
const STORAGE = ["f32", "f16"] as const;

const LIMITS = ["portable", "desktop"] as const;

export const CODE_OPTIONS: OptionDefs = {
  arithmetic: { value: ARITHMETIC.join("|"), doc: "CPU: round every product and sum, the same bits everywhere (default), or add products unrounded where the machine can: faster" },
};

export const GPU_CODE_OPTIONS: OptionDefs = {
  storage: { value: STORAGE.join("|"), doc: "GPU: rows between layers in float32 (default), or in float16 where the device has shader-f16; sums are float32 either way" },
  limits: { value: LIMITS.join("|"), doc: "GPU: the workgroup memory that every device has, 16 KiB (default), or that of desktop GPUs, 32 KiB: large kernels are faster with it, and the module says SP0603 where a device has less" },
};

/** Refuses `--storage` and `--limits` where no GPU runs, and `--storage` with a tuning, which was measured on float32. */
export function refuseStorage(args: Args, target: string): void {
  if (args.text("limits") !== undefined && target !== "webgpu" && target !== "both") throw new UsageError(`--limits is an option of the GPU's, and the target is ${target}: leave it out, or choose --target webgpu`);
  if (args.text("storage") === undefined) return;
  if (target !== "webgpu" && target !== "both") throw new UsageError(`--storage is an option of the GPU's, and the target is ${target}: leave it out, or choose --target webgpu`);
  if (args.text("tuning") !== undefined) throw new UsageError("--tuning was measured with rows in float32: leave out --storage or --tuning");
}

/** A fused module down to the plan for WebGPU, with tiles that were chosen by measurement. */
export async function planWebgpu(fused: Module, args: Args, tiles: Choices["tiles"] = {}): Promise<Module> {
  const [{ lowerToPlan }, { WEBGPU_STEPS }, { storeHalves }, { withTiles }] = await Promise.all([
    import("../codegen/plan/lower.ts"), import("../codegen/plan/lower-steps.ts"), import("../codegen/plan/store-halves.ts"), import("../codegen/tuning/tiles.ts"),
  ]);
  const desktop = args.choice("limits", LIMITS, "portable") === "desktop";
  const plan = withTiles(lowerToPlan(fused, desktop ? { ...WEBGPU_STEPS, workgroupBytes: DESKTOP_WORKGROUP_BYTES } : WEBGPU_STEPS), tiles);
  return args.choice("storage", STORAGE, "f32") === "f16" ? storeHalves(plan) : plan;
}

/** A fused module down to plan and WGSL kernels. */
export async function compileWebgpu(fused: Module, args: Args, tiles: Choices["tiles"] = {}): Promise<Program> {
  const [plan, { buildProgram }] = await Promise.all([planWebgpu(fused, args, tiles), import("../codegen/plan/program.ts")]);
  return buildProgram(plan);
}

/** A fused module down to the CPU's plan and WebAssembly module, with register tiles that were chosen by measurement. */
export async function compileWasm(fused: Module, args: Args, tiles: Choices["tiles"] = {}): Promise<WasmProgram> {
  const arithmetic = args.choice("arithmetic", ARITHMETIC, "strict");
  const [{ buildCpuProgram, lowerToCpuPlan }, { assembleWat }, { withTiles }] = await Promise.all([import("../codegen/wasm/program.ts"), import("../codegen/wasm/assemble.ts"), import("../codegen/tuning/tiles.ts")]);
  const { plan, wat } = buildCpuProgram(withTiles(lowerToCpuPlan(fused), tiles, "wasm"), arithmetic);
  return { plan, code: await assembleWat(wat) };
}
