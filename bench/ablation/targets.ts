import { randomWeights } from "../../src/cli/weights/random-weights.ts";
import { weightLookup } from "../../src/cli/weights-options.ts";
import { WEBGPU_STEPS } from "../../src/codegen/plan/lower-steps.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import type { TileForm } from "../../src/codegen/plan/map-counts.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import type { Module } from "../../src/ir/module.ts";
import { openCpu } from "../../src/runtime/cpu/open.ts";
import { createNetwork, type DenseOutput, type FeatOutput, type Network } from "../../src/runtime/index.ts";
import type { Lanes } from "../../src/runtime/cpu/lanes.ts";
import type { NeededLimits } from "../../src/runtime/device.ts";
import type { Variant } from "./variants.ts";

export type AnyNetwork = Network<Readonly<Record<string, unknown>>, Readonly<Record<string, FeatOutput | DenseOutput>>>;

/** What the bench runs networks on. */
export interface BenchTarget {
  readonly name: "wasm" | "webgpu";
  readonly tiles: TileForm;
  readonly description: string;
  /** Whether rows can be stored in float16. */
  readonly halves: boolean;
  /** A fused module as a plan, as the variant has it. */
  lower(fused: Module, variant: Pick<Variant, "masked" | "half">): Module;
  /** Dispatches of the geometry phase; the CPU has none. */
  geometryDispatches(plan: Module): number;
  open(plan: Module, net: Module): Promise<AnyNetwork>;
  /** Submits an empty command buffer; nothing on the CPU. */
  nothing(): void;
  /** Ends when all that was submitted is done; the CPU is then done anyway. */
  idle(): Promise<unknown>;
  close(): void;
}

const made = new WeakMap<Module, ReturnType<typeof weightLookup>>();

/** Random weights, made once per network. */
function weightsOf(net: Module): ReturnType<typeof weightLookup> {
  const weights = made.get(net) ?? weightLookup(randomWeights(net, 1));
  made.set(net, weights);
  return weights;
}

export const cpuTarget = (threads: number, lanes: Lanes): BenchTarget => ({
  name: "wasm",
  tiles: "lists",
  description: `CPU, ${threads} threads, ${lanes} lanes`,
  halves: false,
  lower: (fused) => lowerToCpuPlan(fused),
  geometryDispatches: () => 0,
  async open(plan, net) {
    const { plan: data, wat } = buildCpuProgram(plan);
    return await openCpu(data, await assembleWat(wat), { threads, lanes, weights: weightsOf(net) });
  },
  nothing: () => undefined,
  idle: () => Promise.resolve(),
  close: () => undefined,
});

/** `limits`: what is asked of the adapter beyond the defaults. */
export async function gpuTarget(limits: NeededLimits = {}): Promise<BenchTarget> {
  const { openDevice } = await import("../../src/cli/adapter.ts");
  const opened = await openDevice({ optional: ["shader-f16", "subgroups", "timestamp-query"], requiredLimits: limits });
  return {
    name: "webgpu",
    tiles: "records",
    description: opened.description,
    halves: opened.device.features.has("shader-f16"),
    lower: (fused, { masked, half }) => {
      const plan = lowerToPlan(fused, { ...WEBGPU_STEPS, dataflows: masked !== true });
      return half === true ? storeHalves(plan) : plan;
    },
    geometryDispatches: (plan) => buildProgram(plan).plan.geometry.stages.length,
    async open(plan, net) {
      const program = buildProgram(plan);
      return await createNetwork(program.plan, Object.fromEntries(program.kernels.map((k) => [k.name, k.code])), { weights: weightsOf(net), device: opened.device });
    },
    nothing: () => opened.device.queue.submit([opened.device.createCommandEncoder().finish()]),
    idle: () => opened.device.queue.onSubmittedWorkDone(),
    close: () => opened.close(),
  };
}
