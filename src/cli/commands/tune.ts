import type { Args, Command } from "../command.ts";
import { CPU_OPTIONS, cpuOptions } from "../execute-wasm.ts";
import { refuseCpuOptions } from "../cpu-options.ts";
import { UsageError } from "../errors.ts";
import { inputSpecs } from "../files/scene.ts";
import type { Io } from "../io.ts";
import { chooseRunTarget } from "../run-target.ts";
import { readScene, SCENE_OPTIONS } from "../scene-options.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { entryFor, standardChoices, storeEntry } from "../tuning/files.ts";
import { tune as search } from "../tuning/search.ts";
import { describeChoices, runsText } from "../tuning/words.ts";
import { machineName, workbench, type Machine } from "../tuning/workbench.ts";
import { readWeights, WEIGHT_OPTIONS } from "../weights-options.ts";

const SECONDS = 120;

export const tune: Command = {
  usage: "FILE --cache FILE --input F | --simulate KIND --weights F | --random-weights SEED",
  options: {
    cache: { value: "FILE", doc: "where what is found goes; entries for other networks and machines stay" },
    seconds: { value: "N", doc: `nothing new is tried after so long (default ${SECONDS}); what was chosen is then compared once more` },
    ...SCENE_OPTIONS,
    ...WEIGHT_OPTIONS,
    target: { value: "webgpu|wasm", doc: "what it is tuned for (default: a GPU if there is one, else the CPU)" },
    ...CPU_OPTIONS,
    ...SOURCE_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    const cache = args.required("cache");
    const seconds = args.wholeNumber("seconds", 1) ?? SECONDS;
    const target = await chooseRunTarget<never>(args, io);
    if (typeof target === "number") return target;
    if (target !== "wasm") refuseCpuOptions(args, CPU_OPTIONS, target);
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    if (net.level !== "net") throw new UsageError("tuning begins with a network as it was written");
    const scene = (await readScene(args, inputSpecs(net), io)).inputs;
    const weights = readWeights(args, net, io);
    if (weights === undefined) return 1;
    const machine = await openMachine(target, args, io);
    try {
      const found = await search(workbench(net, machine, scene, weights, (line) => io.err(`${line}\n`)), standardChoices(), seconds);
      storeEntry(cache, entryFor(net, target, machineName(machine), found), io);
      io.out(`${net.name} on ${machineName(machine)}: ${found.milliseconds.standard.toFixed(1)} ms as compiled without tuning, ${found.milliseconds.tuned.toFixed(1)} ms tuned; medians of ${found.samples.rounds} rounds of ${runsText(found.samples.repetitions)}\n`);
      for (const line of describeChoices(found.choices)) io.out(`  ${line}\n`);
      if (found.dropped.length > 0) io.out(`  dropped, because they do not run here or their results differ: ${found.dropped.join(", ")}\n`);
      return 0;
    } finally {
      if (machine.target === "webgpu") machine.opened.close();
    }
  },
};

async function openMachine(target: "webgpu" | "wasm", args: Args, io: Io): Promise<Machine> {
  if (target === "wasm") return { target, options: { ...cpuOptions(args), onNotice: (line) => io.err(`${line}\n`) } };
  return { target, opened: await (await import("../adapter.ts")).openDevice({ optional: ["timestamp-query", "subgroups"] }) };
}
