import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { EMPTY_CACHE, findEntry, isEntryFound, printCache, readCache, withEntry, type TuningEntry } from "../../codegen/tuning/cache.ts";
import type { Choices } from "../../codegen/tuning/choices.ts";
import { tuningRemarks } from "../../codegen/tuning/remarks.ts";
import { lowerToPlan } from "../../codegen/plan/lower.ts";
import { buildProgram } from "../../codegen/plan/program.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../codegen/wasm/program.ts";
import type { Module } from "../../ir/module.ts";
import { parsePipeline, printPipeline } from "../../passes/pipeline.ts";
import { presetPipeline } from "../../passes/presets.ts";
import type { Args } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readBytes, writeFile } from "../files/read.ts";
import type { Io } from "../io.ts";
import { reportRemarks } from "../pass-report.ts";
import { chosenPipeline } from "../passes.ts";
import type { Tuned } from "./search.ts";
import { planOf } from "./workbench.ts";

/** What a network is made by when nothing was measured. */
export const standardChoices = (): Choices => ({ pipeline: presetPipeline("O2"), tiles: {} });

/** Digest of the kernels that a network has without tuning; of what they compute, not of comments, which name files and lines. */
export function kernelsDigest(net: Module, target: "webgpu" | "wasm"): string {
  const plan = planOf(net, target, standardChoices());
  const text = target === "webgpu" ? buildProgram(plan).kernels.map((k) => k.code).join("\n") : buildCpuProgram(plan).wat;
  const code = text.split("\n").filter((line) => !/^\s*(\/\/|;;)/.test(line)).join("\n");
  return createHash("sha256").update(code).digest("hex").slice(0, 16);
}

/** Choices, and the entry of a tuning file that they come from. */
export interface Chosen extends Choices {
  readonly entry?: TuningEntry;
}

/** The choices for a command: those of the options, or of the tuning file where it fits. What is ignored is said. */
export function chosen(args: Args, io: Io, net: Module, target: "webgpu" | "wasm", here: string | undefined): Chosen {
  const file = args.text("tuning");
  if (file === undefined) return { pipeline: chosenPipeline(args), tiles: {} };
  if (args.text("optimize") !== undefined || args.text("pairs") !== undefined) throw new UsageError("--tuning chooses the passes: leave out -O and --pairs");
  const ignored = (why: string): Chosen => {
    io.err(`warning[SP0704]: the tuning in ${file} is ignored: ${why}\n`);
    return standardChoices();
  };
  const cache = readCache(new TextDecoder().decode(readBytes(file)));
  if (typeof cache === "string") return ignored(`it cannot be read: ${cache}`);
  const entry = findEntry(cache, { target, kernels: kernelsDigest(net, target), named: args.text("adapter"), here });
  if (!isEntryFound(entry)) {
    if (entry.because === "unfit") return ignored(entry.why);
    io.err(`note[SP0705]: the tuning in ${file} is not taken for ${target}: ${entry.why}\n`);
    return standardChoices();
  }
  const { pipeline } = parsePipeline(entry.pipeline);
  if (pipeline === undefined) return ignored("its pipeline is none of this version's");
  io.err(`tuned for ${entry.adapter}: ${entry.milliseconds.standard.toFixed(1)} ms became ${entry.milliseconds.tuned.toFixed(1)} ms there\n`);
  return { pipeline, tiles: entry.tiles, entry };
}

/** What `--remarks` says of choices that came from a tuning file, of a network that their passes have fused. */
export function reportTuning({ entry, pipeline, tiles }: Chosen, target: "webgpu" | "wasm", fused: Module, args: Args, io: Io): void {
  if (entry === undefined || !args.flag("remarks")) return;
  const plan = target === "webgpu" ? lowerToPlan(fused) : lowerToCpuPlan(fused);
  reportRemarks(tuningRemarks(entry.adapter, { pipeline, tiles }, standardChoices().pipeline, target, plan), io);
}

/** Puts an entry into a cache file; one that cannot be read is begun anew, and that is said. */
export function storeEntry(file: string, entry: TuningEntry, io: Io): void {
  let cache = EMPTY_CACHE;
  if (existsSync(file)) {
    const found = readCache(new TextDecoder().decode(readBytes(file)));
    if (typeof found === "string") io.err(`warning[SP0704]: ${file} is begun anew: it cannot be read: ${found}\n`);
    else cache = found;
  }
  writeFile(file, printCache(withEntry(cache, entry)));
}

/** The entry of what was found. */
export const entryFor = (net: Module, target: "webgpu" | "wasm", adapter: string, { choices, milliseconds, samples }: Omit<Tuned, "dropped">): TuningEntry => ({
  target, adapter, kernels: kernelsDigest(net, target), network: net.name, pipeline: printPipeline(choices.pipeline), tiles: choices.tiles, milliseconds, samples,
});
