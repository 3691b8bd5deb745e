import { parsePipeline, type Pipeline } from "./pipeline.ts";

export type Preset = "O0" | "O1" | "O2";

/**
 * The standard pipelines, as text, from the network as written to the form that is planned.
 *
 * - `O0`: one kernel per network operation, no reuse, no fusion: the baseline that everything is measured against.
 * - `O1`: the certain gains: each rulebook once, norms in the weights, pointwise work in its kernel.
 * - `O2`: everything that was measured to pay; where a form may lose, a cost model decides. On-chip pairs are off: on every
 *   device measured so far two kernels are faster (docs/OPTIMISER.md); `pairs=model` and a tuning switch them on.
 */
export const presets: Readonly<Record<Preset, string>> = {
  O0: "ground,lower",
  O1: "ground,lower,reuse-rulebooks,fold-bn,fuse-epilogue,cse,dce",
  O2: "ground,lower,reuse-rulebooks,fuse-cat,fold-bn,fold-scale,compose-pointwise,fuse-shortcut,fuse-epilogue,fuse-siblings,fuse-pointwise-chain,fuse-pairs,skip-zeros,defer-dense,cse,dce,schedule",
};

/** The pipeline of a preset. */
export function presetPipeline(preset: Preset): Pipeline {
  const { pipeline } = parsePipeline(presets[preset]);
  if (pipeline === undefined) throw new Error(`internal: preset ${preset} is malformed`);
  return pipeline;
}

/** The pipeline with some options of one pass changed wherever it occurs, e.g. `pairs=always` of `fuse-pairs`. */
export function withOptions(pipeline: Pipeline, pass: string, options: Pipeline[number]["options"]): Pipeline {
  return pipeline.map((step) => (step.pass.name === pass ? { ...step, options: { ...step.options, ...options } } : step));
}
