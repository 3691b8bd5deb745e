import { cpus } from "node:os";
import type { Choices } from "../../codegen/tuning/choices.ts";
import { withTiles } from "../../codegen/tuning/tiles.ts";
import { lowerToPlan } from "../../codegen/plan/lower.ts";
import { buildProgram } from "../../codegen/plan/program.ts";
import { assembleWat } from "../../codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../codegen/wasm/program.ts";
import type { Module } from "../../ir/module.ts";
import { runPipeline } from "../../passes/manager.ts";
import { expectedLanes } from "../../runtime/cpu/lanes.ts";
import { openCpu, startedThreads } from "../../runtime/cpu/open.ts";
import { createNetwork } from "../../runtime/network.ts";
import type { OpenedDevice } from "../adapter.ts";
import { compareOutputs } from "../compare-outputs.ts";
import { givenOf, readOutputs, type AnyNetwork } from "../execute.ts";
import type { CpuOptions } from "../execute-wasm.ts";
import type { WeightLookup } from "../execute-reference.ts";
import type { Outputs, OutputValue, SceneInputs } from "../files/scene.ts";
import type { Subject, Workbench } from "./search.ts";

/** How far results may be apart where a candidate adds in another order, as `run --check` measures it. */
export const TUNING_TOLERANCE = 1e-5;

/** What a network runs on while it is tuned. */
export type Machine =
  | { readonly target: "webgpu"; readonly opened: OpenedDevice }
  | { readonly target: "wasm"; readonly options: Pick<CpuOptions, "threads" | "lanes" | "onNotice"> };

/** The machine in words, as caches know it: for the CPU with the threads that are started and the lanes that the engine can join. SP0623. */
export function machineName(machine: Machine): string {
  if (machine.target === "webgpu") return machine.opened.description;
  const { threads, lanes } = machine.options;
  return `${cpus()[0]?.model.trim() ?? "unknown processor"}, Node ${process.versions.node.split(".")[0]}, ${startedThreads(threads)} threads, ${expectedLanes(lanes)} lanes`;
}

/** The plan that choices make of a network for a target. */
export function planOf(net: Module, target: "webgpu" | "wasm", { pipeline, tiles }: Choices): Module {
  const { module } = runPipeline(net, pipeline);
  return withTiles(target === "webgpu" ? lowerToPlan(module) : lowerToCpuPlan(module), tiles, target);
}

/** The bench of a real machine, with a scene and weights. `change` is what happens to the kernels' text before it is compiled. */
export function workbench(
  net: Module, machine: Machine, scene: SceneInputs, weights: WeightLookup, say: (line: string) => void, change: (code: string) => string = (code) => code,
): Workbench<Outputs> {
  const { coords, features, batch } = givenOf(scene);
  const inputs = Object.fromEntries([...scene].map(([name, input]) => [name, input.dense === true ? input.features : { coords: input.coords, features: input.features }]));
  return {
    target: machine.target,
    subgroups: machine.target === "webgpu" && machine.opened.device.features.has("subgroups"),
    plan: (choices) => planOf(net, machine.target, choices),
    async open(choices): Promise<Subject<Outputs>> {
      const plan = planOf(net, machine.target, choices);
      const network = await openPlan(plan, machine, weights, change);
      try {
        const kept = await network.prepare(coords, { batch });
        return {
          plan,
          results: readOutputs(network.plan, await kept.run(features)),
          run: async () => void (await network.run(inputs)),
          profile: async () => (await kept.profile(features)).steps.map((s) => s.milliseconds),
          dispose: () => network.dispose(),
        };
      } catch (cause) {
        network.dispose();
        throw cause;
      }
    },
    difference: (found, wanted, sameBits) => (sameBits ? otherBits(found, wanted) : tooFar(found, wanted)),
    now: () => performance.now(),
    say,
  };
}

async function openPlan(plan: Module, machine: Machine, weights: WeightLookup, change: (code: string) => string): Promise<AnyNetwork> {
  if (machine.target === "wasm") {
    const { plan: data, wat } = buildCpuProgram(plan);
    return await openCpu(data, await assembleWat(change(wat)), { ...machine.options, weights });
  }
  const program = buildProgram(plan);
  return await createNetwork(program.plan, Object.fromEntries(program.kernels.map((k) => [k.name, change(k.code)])), { weights, device: machine.opened.device });
}

function otherBits(found: Outputs, wanted: Outputs): string | undefined {
  for (const [name, value] of wanted) {
    const other = found.get(name);
    if (other === undefined) return `${name} is missing`;
    const [a, b] = [wordsOf(other), wordsOf(value)];
    const at = a.length === b.length ? a.findIndex((word, i) => word !== b[i]) : 0;
    if (at >= 0) return `${name}, element ${at}`;
  }
  return undefined;
}

/** Bits of an output, the sign of a zero apart: compilers of kernels may leave out a sum that begins with 0. */
const wordsOf = (value: OutputValue): Uint32Array => {
  const data = Float32Array.from(value.kind === "feat" ? value.features : value.data);
  return new Uint32Array(data.buffer).map((word) => (word === 0x8000_0000 ? 0 : word));
};

function tooFar(found: Outputs, wanted: Outputs): string | undefined {
  const far = compareOutputs(found, wanted).find((e) => !(e.relative <= TUNING_TOLERANCE));
  return far === undefined ? undefined : `${far.name}: ${far.problem ?? `${far.relative.toExponential(1)} of its largest value`}`;
}
