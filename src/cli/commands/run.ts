import type { Module } from "../../ir/module.ts";
import { compareOutputs } from "../compare-outputs.ts";
import type { Args, Command } from "../command.ts";
import { CODE_OPTIONS, compileWasm, compileWebgpu, GPU_CODE_OPTIONS, refuseStorage } from "../compile.ts";
import { refuseCpuOptions } from "../cpu-options.ts";
import type { Execution } from "../execute.ts";
import { CPU_OPTIONS, cpuOptions, executeWasm } from "../execute-wasm.ts";
import { executeReference, type WeightLookup } from "../execute-reference.ts";
import { inputSpecs, type SceneInputs } from "../files/scene.ts";
import type { Io } from "../io.ts";
import { describeErrors, describeOutputs } from "../outputs-report.ts";
import { checkOutputName, writeOutputs } from "../outputs/write-outputs.ts";
import { reportPasses } from "../pass-report.ts";
import { chosenPipeline, fuse, PASS_OPTIONS } from "../passes.ts";
import type { Chosen } from "../tuning/files.ts";
import { TUNING_OPTIONS } from "../tuning-options.ts";
import { chooseRunTarget, type RunTarget } from "../run-target.ts";
import { readScene, SCENE_OPTIONS } from "../scene-options.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { describeExecution } from "../step-report.ts";
import { readWeights, WEIGHT_OPTIONS } from "../weights-options.ts";

/** Error against the interpreter above which `--check` fails. */
export const TOLERANCE = 1e-4;
/** The same where rows between layers are float16. */
const HALF_TOLERANCE = 2e-2;
/** What `--check` allows. */
export const toleranceOf = (args: Args): number => (args.text("storage") === "f16" ? HALF_TOLERANCE : TOLERANCE);

export const run: Command = {
  usage: "FILE --input F --weights F | --random-weights SEED [--target webgpu|wasm|reference] [--output F]",
  options: {
    ...SCENE_OPTIONS,
    ...WEIGHT_OPTIONS,
    target: { value: "webgpu|wasm|reference", doc: "a GPU or its software stand-in, the CPU, or the float64 interpreter (default: a GPU if there is one, else the CPU)" },
    ...CPU_OPTIONS,
    ...CODE_OPTIONS,
    ...GPU_CODE_OPTIONS,
    output: { value: "FILE", short: "o", doc: "where the outputs go: .safetensors, .npy (one file per tensor), .ply (points or sites coloured by argmax); default: they are summed up" },
    label: { value: "NAME", doc: "the output that a .ply shows (default: the only sparse one)" },
    profile: { doc: "show each step with its sites, pairs and time" },
    check: { doc: `compare with the interpreter; an error above ${TOLERANCE} (${HALF_TOLERANCE} with --storage f16) fails` },
    ...SOURCE_OPTIONS,
    ...PASS_OPTIONS,
    ...TUNING_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    const target = await chooseRunTarget(args, io, ["reference"]);
    if (typeof target === "number") return target;
    if (target !== "wasm") refuseCpuOptions(args, { ...CPU_OPTIONS, ...CODE_OPTIONS }, target);
    refuseStorage(args, target);
    const file = args.text("output");
    if (file !== undefined) checkOutputName(file);

    // The assembler gets ready while the network is read; whether it did shows where it is used.
    if (target === "wasm") void import("../../codegen/wasm/assemble.ts").then(({ assembler }) => assembler()).catch(() => undefined);
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const { inputs: scene, clouds } = await readScene(args, inputSpecs(net), io);
    const weights = readWeights(args, net, io);
    if (weights === undefined) return 1;
    const reference = target === "reference" || args.flag("check") ? executeReference(net, scene, weights) : undefined;
    const outputs = target === "reference" ? reference : (await runCompiled(target, net, scene, weights, args, io)).outputs;
    if (outputs === undefined) throw new Error("internal: nothing ran");

    if (file === undefined) io.out(describeOutputs(outputs));
    else writeOutputs(file, outputs, clouds, args.text("label"), io);
    if (!args.flag("check") || reference === undefined) return 0;
    const errors = compareOutputs(outputs, reference);
    io.err(describeErrors(errors));
    return errors.every((e) => e.relative <= toleranceOf(args)) ? 0 : 1;
  },
};

/** What the network is made by; a tuning is read with what it needs only where one is given. */
async function choose(target: RunTarget, net: Module, args: Args, io: Io): Promise<Chosen> {
  if (args.text("tuning") === undefined) return { pipeline: chosenPipeline(args), tiles: {} };
  const [{ chosen }, { machineName }] = await Promise.all([import("../tuning/files.ts"), import("../tuning/workbench.ts")]);
  if (target === "wasm") return chosen(args, io, net, target, machineName({ target, options: { ...cpuOptions(args), onNotice: () => undefined } }));
  const opened = await (await import("../adapter.ts")).openDevice({ optional: ["timestamp-query"] });
  opened.close();
  return chosen(args, io, net, target, machineName({ target, opened }));
}

/** The interpreter needs no kernels, and the CPU nothing of WebGPU: each is loaded where it runs. */
async function runCompiled(target: RunTarget, net: Module, scene: SceneInputs, weights: WeightLookup, args: Args, io: Io): Promise<Execution> {
  const options = { profile: args.flag("profile") };
  const choices = await choose(target, net, args, io);
  const { module, steps } = fuse(net, choices.pipeline);
  reportPasses(steps, args, io);
  if (args.text("tuning") !== undefined) (await import("../tuning/files.ts")).reportTuning(choices, target, module, args, io);
  const execution =
    target === "wasm"
      ? await executeWasm(await compileWasm(module, args, choices.tiles), scene, weights, { ...options, ...cpuOptions(args), onNotice: (line) => io.err(`${line}\n`) })
      : await (await import("../execute-webgpu.ts")).executeWebgpu(await compileWebgpu(module, args, choices.tiles), scene, weights, options);
  io.err(describeExecution(execution));
  return execution;
}
