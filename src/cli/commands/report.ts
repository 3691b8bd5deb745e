import type { TileForm } from "../../codegen/plan/map-counts.ts";
import type { Module } from "../../ir/module.ts";
import type { Args, Command } from "../command.ts";
import { CODE_OPTIONS, compileWasm, GPU_CODE_OPTIONS, planWebgpu, refuseStorage } from "../compile.ts";
import { refuseCpuOptions } from "../cpu-options.ts";
import type { Execution } from "../execute.ts";
import { CPU_OPTIONS, cpuOptions, executeWasm } from "../execute-wasm.ts";
import type { WeightLookup } from "../execute-reference.ts";
import { inputSpecs, type SceneInputs } from "../files/scene.ts";
import type { Io } from "../io.ts";
import { reportPasses } from "../pass-report.ts";
import { chosenPipeline, fuse, PASS_OPTIONS } from "../passes.ts";
import { compare, predict } from "../prediction.ts";
import { describePrediction } from "../prediction-report.ts";
import { chooseRunTarget, type RunTarget } from "../run-target.ts";
import { readScene, SCENE_OPTIONS } from "../scene-options.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { readWeights, WEIGHT_OPTIONS } from "../weights-options.ts";

export const report: Command = {
  usage: "FILE --input F | --simulate KIND --weights F | --random-weights SEED [--target webgpu|wasm] [--json]",
  options: {
    ...SCENE_OPTIONS,
    ...WEIGHT_OPTIONS,
    target: { value: "webgpu|wasm", doc: "a GPU or its software stand-in, or the CPU (default: a GPU if there is one, else the CPU)" },
    ...CPU_OPTIONS,
    ...CODE_OPTIONS,
    ...GPU_CODE_OPTIONS,
    json: { doc: "print JSON instead of a table" },
    ...SOURCE_OPTIONS,
    ...PASS_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    const target = await chooseRunTarget<never>(args, io);
    if (typeof target === "number") return target;
    if (target !== "wasm") refuseCpuOptions(args, { ...CPU_OPTIONS, ...CODE_OPTIONS }, target);
    refuseStorage(args, target);
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const scene = (await readScene(args, inputSpecs(net), io)).inputs;
    const weights = readWeights(args, net, io);
    if (weights === undefined) return 1;
    const { module, steps } = fuse(net, chosenPipeline(args));
    reportPasses(steps, args, io);
    const { plan, tiles, execution } = await profile(target, module, scene, weights, args, io);
    const found = compare(predict(plan, scene, execution.report.batch, tiles), execution);
    io.out(args.flag("json") ? `${JSON.stringify({ network: net.name, target, adapter: execution.adapter, ...found }, undefined, 2)}\n` : `adapter ${execution.adapter}\n${describePrediction(found)}`);
    if (found.wrong.length === 0) return 0;
    io.err(`internal: ${found.wrong.length} steps ran otherwise than predicted: ${found.wrong.join(", ")}\n`);
    return 1;
  },
};

interface Profiled {
  readonly plan: Module;
  readonly tiles: TileForm;
  readonly execution: Execution;
}

async function profile(target: RunTarget, fused: Module, scene: SceneInputs, weights: WeightLookup, args: Args, io: Io): Promise<Profiled> {
  if (target === "wasm") {
    const { lowerToCpuPlan } = await import("../../codegen/wasm/program.ts");
    const options = { ...cpuOptions(args), profile: true, onNotice: (line: string): void => io.err(`${line}\n`) };
    return { plan: lowerToCpuPlan(fused), tiles: "lists", execution: await executeWasm(await compileWasm(fused, args), scene, weights, options) };
  }
  const [plan, { buildProgram }, { executeWebgpu }] = await Promise.all([planWebgpu(fused, args), import("../../codegen/plan/program.ts"), import("../execute-webgpu.ts")]);
  return { plan, tiles: "records", execution: await executeWebgpu(buildProgram(plan), scene, weights, { profile: true }) };
}
