import { basename } from "node:path";
import type { Module } from "../../ir/module.ts";
import { restartWithVulkan } from "../adapter.ts";
import { compareOutputs } from "../compare-outputs.ts";
import type { Args, Command } from "../command.ts";
import { executeReference, type WeightLookup } from "../execute-reference.ts";
import { writeFile } from "../files/read.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { inputSpecs, outputTensors, type Outputs, type SceneInputs } from "../files/scene.ts";
import type { Io } from "../io.ts";
import { describeErrors, describeOutputs } from "../outputs-report.ts";
import { reportPasses } from "../pass-report.ts";
import { chosenPipeline, PASS_OPTIONS } from "../passes.ts";
import { readScene, SCENE_OPTIONS } from "../scene-options.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { describeExecution } from "../step-report.ts";
import { readWeights, WEIGHT_OPTIONS } from "../weights-options.ts";

/** Error against the interpreter above which `--check` fails. */
export const TOLERANCE = 1e-4;

export const run: Command = {
  usage: "FILE --input F --weights F | --random-weights SEED [--target webgpu|reference] [--output F]",
  options: {
    ...SCENE_OPTIONS,
    ...WEIGHT_OPTIONS,
    target: { value: "webgpu|reference", doc: "a GPU or its software stand-in (default), or the float64 interpreter" },
    output: { value: "FILE", short: "o", doc: "safetensors with the outputs (default: they are summed up)" },
    profile: { doc: "show each step with its sites, pairs and time" },
    check: { doc: `compare with the interpreter; an error above ${TOLERANCE} fails` },
    ...SOURCE_OPTIONS,
    ...PASS_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    const target = args.choice("target", ["webgpu", "reference"], "webgpu");
    const restarted = target === "webgpu" ? await restartWithVulkan() : undefined;
    if (restarted !== undefined) return restarted;

    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const scene = readScene(args, inputSpecs(net));
    const weights = readWeights(args, net, io);
    if (weights === undefined) return 1;
    const reference = target === "reference" || args.flag("check") ? executeReference(net, scene, weights) : undefined;
    const outputs = target === "webgpu" ? await runWebgpu(net, scene, weights, args, io) : reference;
    if (outputs === undefined) throw new Error("internal: nothing ran");

    const file = args.text("output");
    if (file === undefined) io.out(describeOutputs(outputs));
    else writeFile(file, writeSafetensors(outputTensors(outputs)));
    if (!args.flag("check") || reference === undefined) return 0;
    const errors = compareOutputs(outputs, reference);
    io.err(describeErrors(errors));
    return errors.every((e) => e.relative <= TOLERANCE) ? 0 : 1;
  },
};

/** The interpreter needs neither kernels nor WebGPU: they are loaded here. */
async function runWebgpu(net: Module, scene: SceneInputs, weights: WeightLookup, args: Args, io: Io): Promise<Outputs> {
  const [{ compileNet }, { executeWebgpu }] = await Promise.all([import("../compile.ts"), import("../execute.ts")]);
  const compiled = compileNet(net, chosenPipeline(args), basename(args.file));
  reportPasses(compiled.steps, args, io);
  const execution = await executeWebgpu(compiled.program, scene, weights, { profile: args.flag("profile") });
  io.err(describeExecution(execution));
  return execution.outputs;
}
