import type { Module } from "../../src/ir/module.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import type { Pipeline } from "../../src/passes/pipeline.ts";
import { presetPipeline, withOptions } from "../../src/passes/presets.ts";

/** The pipelines that every network is checked under: the baseline, the standard one, and pairs wherever they are legal. */
export const pipelines: readonly (readonly [name: string, pipeline: Pipeline])[] = [
  ["O0", presetPipeline("O0")],
  ["O1", presetPipeline("O1")],
  ["O2", presetPipeline("O2")],
  ["O2 with pairs always", withOptions(presetPipeline("O2"), "fuse-pairs", { pairs: "always" })],
];

/** The module with only some of its outputs: what fusion sees when nobody looks at the values between. */
export function withOutputs(module: Module, names: readonly string[]): Module {
  return { ...module, outputs: module.outputs.filter((o) => names.includes(o.name)) };
}

export const fuse = (module: Module, pipeline: Pipeline): Module => runPipeline(module, pipeline).module;
