import { expect } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import type { Pipeline } from "../../src/passes/pipeline.ts";
import { relativeError } from "./compare.ts";
import { wantedOf, type Inputs } from "./differential.ts";
import { fuse } from "./plan-runs.ts";
import type { SourceNet } from "./source-net.ts";

/** The executor of plans gives what the interpreter gives, with rows stored as float32 and as float16. */
export function expectPlan(net: SourceNet, pipeline: Pipeline, inputs: Inputs, batch: number): void {
  const plan = lowerToPlan(fuse(net.module, pipeline));
  for (const [storage, module, tolerance] of [["f32", plan, 1e-5], ["f16", storeHalves(plan), 5e-3]] as const) {
    const outputs = executePlan(module, inputs, net.weights, batch);
    for (const [output, value] of wantedOf(net, inputs, batch)) {
      if (value.kind === "rulebook") throw new Error("a rulebook is no output");
      expect(relativeError(outputs[output]!.data, value.data), `${storage} ${output}`).toBeLessThanOrEqual(tolerance);
    }
  }
}
