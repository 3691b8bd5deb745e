import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { EMPTY_CACHE, findEntry, printCache, readCache, withEntry, type TuningEntry } from "../../codegen/tuning/cache.ts";
import type { Choices } from "../../codegen/tuning/choices.ts";
import { buildProgram } from "../../codegen/plan/program.ts";
import { buildCpuProgram } from "../../codegen/wasm/program.ts";
import type { Module } from "../../ir/module.ts";
import { parsePipeline, printPipeline } from "../../passes/pipeline.ts";
import { presetPipeline } from "../../passes/presets.ts";
import type { Args } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readBytes, writeFile } from "../files/read.ts";
import type { Io } from "../io.ts";
import { chosenPipeline } from "../passes.ts";
import { planOf } from "./workbench.ts";

/** What a network is made by when nothing was measured. */
export const standardChoices = (): Choices => ({ pipeline: presetPipeline("O2"), tiles: {} });

/** Digest of the kernels that a network has without tuning. */
export function kernelsDigest(net: Module, target: "webgpu" | "wasm"): string {
  const plan = planOf(net, target, standardChoices());
  const text = target === "webgpu" ? buildProgram(plan).kernels.map((k) => k.code).join("\n") : buildCpuProgram(plan).wat;
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** The choices for a command: those of the options, or of the tuning file where it fits. What is ignored is said. */
export function chosen(args: Args, io: Io, net: Module, target: "webgpu" | "wasm", adapter: string | undefined): Choices {
  const file = args.text("tuning");
  if (file === undefined) return { pipeline: chosenPipeline(args), tiles: {} };
  if (args.text("optimize") !== undefined || args.text("pairs") !== undefined) throw new UsageError("--tuning chooses the passes: leave out -O and --pairs");
  const entry = entryOf(file, net, target, args.text("adapter") ?? adapter);
  if (typeof entry === "string") {
    io.err(`warning[SP0704]: the tuning in ${file} is ignored: ${entry}\n`);
    return standardChoices();
  }
  const { pipeline } = parsePipeline(entry.pipeline);
  if (pipeline === undefined) {
    io.err(`warning[SP0704]: the tuning in ${file} is ignored: its pipeline is none of this version's\n`);
    return standardChoices();
  }
  io.err(`tuned for ${entry.adapter}: ${entry.milliseconds.standard.toFixed(1)} ms became ${entry.milliseconds.tuned.toFixed(1)} ms there\n`);
  return { pipeline, tiles: entry.tiles };
}

function entryOf(file: string, net: Module, target: "webgpu" | "wasm", adapter: string | undefined): TuningEntry | string {
  const cache = readCache(new TextDecoder().decode(readBytes(file)));
  if (typeof cache === "string") return `it cannot be read: ${cache}`;
  return findEntry(cache, { target, kernels: kernelsDigest(net, target), adapter });
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
export const entryFor = (net: Module, target: "webgpu" | "wasm", adapter: string, choices: Choices, milliseconds: TuningEntry["milliseconds"]): TuningEntry => ({
  target, adapter, kernels: kernelsDigest(net, target), network: net.name, pipeline: printPipeline(choices.pipeline), tiles: choices.tiles, milliseconds,
});
