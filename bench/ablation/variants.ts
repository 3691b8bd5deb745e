import { parsePipeline, type Pipeline } from "../../src/passes/pipeline.ts";
import { presets } from "../../src/passes/presets.ts";

/** A way to compile a network. */
export interface Variant {
  readonly name: string;
  readonly pipeline: Pipeline;
  /** One kernel for all convolutions, instead of a choice of dataflow. */
  readonly masked?: true;
  /** Rows between layers in float16. */
  readonly half?: true;
}

/** Passes without which the others have nothing to work on, or which only tidy up. */
const NEEDED = new Set(["ground", "lower", "cse", "dce"]);

/** Options that switch a part of a pass off, or on. */
const PARTS: Readonly<Record<string, readonly string[]>> = { "reuse-rulebooks": ["slices=false", "mirrored=false"], "fuse-pairs": ["pairs=model", "pairs=always"], "fuse-cat": ["sources=apart"] };

const made = (name: string, passes: readonly string[]): Variant => {
  const { pipeline } = parsePipeline(passes.join(","));
  if (pipeline === undefined) throw new Error(`${name} is no pipeline`);
  return { name, pipeline };
};

/** `O2` twice (what differs between them is noise), `O0`, `O2` with each optimisation off in turn, and with float16 where `halves` says so. */
export function allVariants(halves: boolean): readonly Variant[] {
  const passes = presets.O2.split(",");
  const off = passes.filter((pass) => !NEEDED.has(pass)).flatMap((pass) => [
    made(`without ${pass}`, passes.filter((p) => p !== pass)),
    ...(PARTS[pass] ?? []).map((option) => made(`${pass} ${option}`, passes.map((p) => (p === pass ? `${p}{${option}}` : p)))),
  ]);
  return [made("O2", passes), made("O2 again", passes), made("O1", presets.O1.split(",")), made("O0", presets.O0.split(",")), { ...made("one dataflow", passes), masked: true }, ...(halves ? [{ ...made("f16 storage", passes), half: true as const }] : []), ...off];
}
