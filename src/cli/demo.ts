/**
 * `npm run demo`: a LiDAR scan, simulated or read, through the SECOND backbone on a GPU or the CPU, checked against the
 * interpreter. Shows what runs, each step with sites, pairs and time, and the error of every output.
 */
import { basename, join, relative } from "node:path";
import { compareOutputs } from "./compare-outputs.ts";
import { Args, commandHelp, readArgs, type Command } from "./command.ts";
import { CODE_OPTIONS, compileWasm, compileWebgpu, GPU_CODE_OPTIONS, refuseStorage } from "./compile.ts";
import { toleranceOf } from "./commands/run.ts";
import { refuseCpuOptions } from "./cpu-options.ts";
import { executeReference } from "./execute-reference.ts";
import { CPU_OPTIONS, cpuOptions, executeWasm } from "./execute-wasm.ts";
import { checkScene } from "./files/check-scene.ts";
import { KITTI_GRID, sceneFromScans } from "./files/kitti.ts";
import { readBytes } from "./files/read.ts";
import { inputSpecs } from "./files/scene.ts";
import { readBin } from "./formats/bin.ts";
import { pointTable, type Table } from "./formats/table.ts";
import { guarded } from "./guard.ts";
import { processIo, type Io } from "./io.ts";
import { describeErrors } from "./outputs-report.ts";
import { reportPasses } from "./pass-report.ts";
import { chosenPipeline, fuse, PASS_OPTIONS } from "./passes.ts";
import { chooseRunTarget } from "./run-target.ts";
import { simulateScan } from "./scan/lidar.ts";
import { loadNet } from "./source.ts";
import { describeExecution } from "./step-report.ts";
import { packageRoot } from "./version.ts";
import { weightLookup } from "./weights-options.ts";
import { randomWeights } from "./weights/random-weights.ts";
import { requiredTensors } from "./weights/required.ts";

const demo: Command = {
  usage: "[--scan FILE.bin] [--seed N] [--target webgpu|wasm]",
  options: {
    scan: { value: "FILE", doc: "a KITTI scan (.bin) instead of a simulated one" },
    seed: { value: "N", doc: "of the simulated scan and of the weights (default 1)" },
    target: { value: "webgpu|wasm", doc: "a GPU or its software stand-in, or the CPU (default: a GPU if there is one, else the CPU)" },
    ...CPU_OPTIONS,
    ...CODE_OPTIONS,
    ...GPU_CODE_OPTIONS,
    help: { short: "h", doc: "show this" },
    ...PASS_OPTIONS,
  },
  files: 0,
  async run(args, io) {
    const target = await chooseRunTarget(args, io);
    if (typeof target === "number") return target;
    if (target !== "wasm") refuseCpuOptions(args, { ...CPU_OPTIONS, ...CODE_OPTIONS }, target);
    refuseStorage(args, target);
    const seed = args.wholeNumber("seed", 0) ?? 1;
    const file = relative(process.cwd(), join(packageRoot(), "examples", "second.spnet"));
    const net = loadNet(new Args([file], {}), io);
    if (net === undefined) return 1;

    const scan = readScan(args, seed);
    const specs = inputSpecs(net);
    const [spec] = specs;
    if (spec === undefined) throw new Error("internal: the demo's network has no input");
    const input = sceneFromScans([scan], KITTI_GRID, spec);
    const scene = checkScene(new Map([[spec.name, input]]), specs, "error");
    io.out(`scan     ${scan.file}: ${scan.rows} points, ${input.rows} voxels of ${KITTI_GRID.voxel.join(" × ")} m\n`);

    const started = performance.now();
    const { module, steps } = fuse(net, chosenPipeline(args));
    reportPasses(steps, args, io);
    const program = target === "wasm" ? await compileWasm(module, args) : await compileWebgpu(module, args);
    const { rulebooks } = program.plan.geometry;
    const made = "code" in program ? `${program.code.length} bytes of WebAssembly` : `${program.kernels.length} kernels`;
    io.out(`compile  ${basename(file)}: ${requiredTensors(net).length} weight tensors, ${rulebooks.length} rulebooks, ${program.plan.steps.length} steps, ${made} in ${(performance.now() - started).toFixed(0)} ms\n`);

    const weights = weightLookup(randomWeights(net, seed));
    const execution =
      "code" in program
        ? await executeWasm(program, scene, weights, { profile: true, ...cpuOptions(args), onNotice: (line) => io.out(`${line}\n`) })
        : await (await import("./execute-webgpu.ts")).executeWebgpu(program, scene, weights, { profile: true });
    io.out(describeExecution(execution));

    const before = performance.now();
    const reference = executeReference(net, scene, weights);
    io.out(`checked against the float64 interpreter (${((performance.now() - before) / 1000).toFixed(1)} s):\n`);
    const errors = compareOutputs(execution.outputs, reference);
    io.out(describeErrors(errors));
    const tolerance = toleranceOf(args);
    const good = errors.every(({ relative }) => relative <= tolerance);
    io.out(good ? `passed: every error is at most ${tolerance}\n` : `FAILED: an error is above ${tolerance}\n`);
    return good ? 0 : 1;
  },
};

function readScan(args: Args, seed: number): Table {
  const file = args.text("scan");
  return file === undefined ? pointTable(`simulated street, seed ${seed}`, simulateScan(seed)) : readBin(file, readBytes(file), { columns: undefined, scalar: "f32" })[0];
}

async function main(argv: readonly string[], io: Io): Promise<number> {
  return guarded(io, "npm run demo -- --help", async () => {
    const args = readArgs(demo, argv);
    if (args.flag("help")) {
      io.out(commandHelp("npm run demo --", "Runs examples/second.spnet on a LiDAR scan and checks it against the interpreter.", demo));
      return 0;
    }
    return await demo.run(args, io);
  });
}

process.exitCode = await main(process.argv.slice(2), processIo());
