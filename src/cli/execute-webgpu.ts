import type { Program } from "../codegen/plan/emit-module.ts";
import { createNetwork } from "../runtime/network.ts";
import { openDevice } from "./adapter.ts";
import { execute, type ExecuteOptions, type Execution } from "./execute.ts";
import type { WeightLookup } from "./execute-reference.ts";
import type { SceneInputs } from "./files/scene.ts";

/** Runs a program on WebGPU. */
export async function executeWebgpu(program: Program, scene: SceneInputs, weights: WeightLookup, options: ExecuteOptions): Promise<Execution> {
  const opened = await openDevice({ features: program.plan.features ?? [], requiredLimits: program.plan.limits ?? {}, optional: ["timestamp-query"] });
  try {
    const kernels = Object.fromEntries(program.kernels.map((kernel) => [kernel.name, kernel.code]));
    const execution = await execute(() => createNetwork(program.plan, kernels, { weights, device: opened.device }), scene, options);
    return { ...execution, adapter: opened.description, software: opened.software };
  } finally {
    opened.close();
  }
}
