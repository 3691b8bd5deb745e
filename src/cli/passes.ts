/** The options of every command that runs passes, and running them. */
import type { Module } from "../ir/module.ts";
import type { Instrument, StepReport } from "../passes/instrument/instrument.ts";
import { runPipeline } from "../passes/manager.ts";
import type { Pipeline } from "../passes/pipeline.ts";
import { DESKTOP_WORKGROUP_BYTES } from "../passes/cost/machine.ts";
import { presetPipeline, withOptions, type Preset } from "../passes/presets.ts";
import type { Args, OptionDefs } from "./command.ts";
import { UsageError } from "./errors.ts";

const PAIRS = ["never", "model", "always"] as const;

/** Options of every command that runs passes. */
export const PASS_OPTIONS: OptionDefs = {
  optimize: { value: "0|1|2", short: "O", doc: "0: one kernel per operation; 1: the certain gains; 2: everything (default)" },
  pairs: { value: PAIRS.join("|"), doc: "on-chip pairs of submanifold convolutions: none (default), as the cost model says, or all that are legal" },
  remarks: { doc: "say what each pass did and what it left alone, and why" },
  stats: { doc: "show the counters and the time of each pass" },
};

export interface Fused {
  readonly module: Module;
  readonly steps: readonly StepReport[];
}

/** The pipeline that `-O` and `--pairs` ask for; pairs keep rows on chip as `--storage` and `--limits` have them. */
export function chosenPipeline(args: Args): Pipeline {
  const level = args.text("optimize") ?? "2";
  const preset = (["O0", "O1", "O2"] as const).find((name): name is Preset => name === `O${level}`);
  if (preset === undefined) throw new UsageError(`-O is ${level}, expected 0, 1 or 2`);
  const pipeline = presetPipeline(preset);
  if (args.text("pairs") === undefined) return pipeline;
  return withOptions(pipeline, "fuse-pairs", {
    pairs: args.choice("pairs", PAIRS, "model"),
    ...(args.text("storage") === "f16" ? { numbers: "f16" } : {}),
    ...(args.text("limits") === "desktop" ? { bytes: DESKTOP_WORKGROUP_BYTES } : {}),
  });
}

/** Runs the passes on a net-level module. */
export function fuse(net: Module, pipeline: Pipeline, instruments: readonly Instrument[] = []): Fused {
  return runPipeline(net, pipeline, { instruments, now: () => performance.now() });
}
