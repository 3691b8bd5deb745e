import { join } from "node:path";
import { buildProgram } from "../../codegen/plan/program.ts";
import { withTiles } from "../../codegen/tuning/tiles.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../codegen/wasm/program.ts";
import type { Module } from "../../ir/module.ts";
import { printModule } from "../../ir/print.ts";
import { parseSource } from "../../parser/parse.ts";
import { dumping } from "../../passes/instrument/dump.ts";
import type { Args, Command } from "../command.ts";
import { GPU_CODE_OPTIONS, planWebgpu, refuseStorage } from "../compile.ts";
import { UsageError } from "../errors.ts";
import { writeFile } from "../files/read.ts";
import type { Io } from "../io.ts";
import { reportPasses } from "../pass-report.ts";
import { fuse, PASS_OPTIONS } from "../passes.ts";
import { chosen, reportTuning } from "../tuning/files.ts";
import { TUNING_OPTIONS } from "../tuning-options.ts";
import { loadNet, readText, SOURCE_OPTIONS } from "../source.ts";

const STAGES = ["ast", "net", "fused", "plan", "wgsl", "cpu-plan", "wat"] as const;

export const dump: Command = {
  usage: "FILE --stage STAGE | --after PASS | --all DIR",
  options: {
    stage: { value: STAGES.join("|"), doc: "which stage to print" },
    after: { value: "PASS", doc: "print the module as this pass leaves it" },
    all: { value: "DIR", doc: "write every stage, the module after every pass, and the code of both targets" },
    "no-locations": { doc: "leave out where in the source each op comes from" },
    ...GPU_CODE_OPTIONS,
    ...SOURCE_OPTIONS,
    ...PASS_OPTIONS,
    ...TUNING_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    refuseStorage(args, "both");
    const [stage, after, all] = [args.text("stage"), args.text("after"), args.text("all")];
    if ([stage, after, all].filter((v) => v !== undefined).length !== 1) throw new UsageError("give one of --stage, --after and --all");
    if (stage !== undefined && args.choice("stage", STAGES, "net") === "ast") {
      io.out(printAst(args));
      return 0;
    }
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const until = all !== undefined ? "wat" : after !== undefined ? "pass" : args.choice("stage", STAGES, "net");
    const made = await artifacts(net, until, args, io);
    if (all !== undefined) {
      for (const { file, text } of made) writeFile(join(all, file), text());
      io.out(`${made.length} files in ${all}\n`);
      return 0;
    }
    const chosen = after === undefined ? made.filter((artifact) => artifact.stage === stage) : [afterPass(made, after)];
    io.out(chosen.map(({ text }) => text()).join("\n"));
    return 0;
  },
};

/** In the order of compilation. */
const ORDER = ["ast", "net", "pass", "fused", "plan", "wgsl", "cpu-plan", "wat"] as const;

/** One text that the compiler can show; made when asked for. */
interface Artifact {
  /** Name in the folder of `--all`; they sort in the order of compilation. */
  readonly file: string;
  readonly stage: (typeof ORDER)[number];
  /** Of the pass or kernel. */
  readonly name: string;
  text(): string;
}

/** The artifacts up to a stage: what comes after it is not computed, so that a fault there does not hide it. */
async function artifacts(net: Module, until: Artifact["stage"], args: Args, io: Io): Promise<readonly Artifact[]> {
  const made: Artifact[] = [];
  for await (const artifact of allArtifacts(net, args, io)) {
    if (ORDER.indexOf(artifact.stage) > ORDER.indexOf(until)) break;
    made.push(artifact);
  }
  return made;
}

async function* allArtifacts(net: Module, args: Args, io: Io): AsyncGenerator<Artifact> {
  const module = (file: string, stage: Artifact["stage"], name: string, value: Module): Artifact => ({
    file: `${file}.spir`,
    stage,
    name,
    text: () => printModule(value, { locations: !args.flag("no-locations") }),
  });
  if (args.file.endsWith(".spnet")) yield { file: "00-ast.json", stage: "ast", name: "", text: () => printAst(args) };
  yield module("00-net", "net", "", net);
  const passes: Artifact[] = [];
  const choices = chosen(args, io, net, "webgpu", undefined);
  const fused = fuse(net, choices.pipeline, [dumping((name, value) => passes.push(module(name, "pass", name.replace(/^\d+-/, ""), value)))]);
  reportPasses(fused.steps, args, io);
  reportTuning(choices, "webgpu", fused.module, args, io);
  yield* passes;
  yield module("90-fused", "fused", "", fused.module);
  const plan = await planWebgpu(fused.module, args, choices.tiles);
  yield module("91-plan", "plan", "", plan);
  for (const { name, code } of buildProgram(plan).kernels) yield { file: `kernels/${name}.wgsl`, stage: "wgsl", name, text: () => code };
  const cpuPlan = args.text("tuning") === undefined ? lowerToCpuPlan(fused.module) : tunedCpuPlan(net, args, io);
  yield module("92-cpu-plan", "cpu-plan", "", cpuPlan);
  yield { file: "93-cpu.wat", stage: "wat", name: "", text: () => buildCpuProgram(cpuPlan).wat };
}

/** The CPU's plan by its own entry of the tuning file. */
function tunedCpuPlan(net: Module, args: Args, io: Io): Module {
  const choices = chosen(args, io, net, "wasm", undefined);
  const { module } = fuse(net, choices.pipeline);
  reportTuning(choices, "wasm", module, args, io);
  return withTiles(lowerToCpuPlan(module), choices.tiles, "wasm");
}

/** The module after the last run of a pass. */
function afterPass(made: readonly Artifact[], pass: string): Artifact {
  const ran = made.filter(({ stage }) => stage === "pass");
  const found = ran.findLast(({ name }) => name === pass);
  if (found === undefined) throw new UsageError(`--after is ${pass}, the pipeline runs ${ran.map(({ name }) => name).join(", ")}`);
  return found;
}

function printAst(args: Args): string {
  const { unit } = parseSource({ name: args.file, text: readText(args.file) });
  return `${JSON.stringify(unit, null, 2)}\n`;
}
