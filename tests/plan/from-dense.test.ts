import { describe, expect, it } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import { relativeError } from "../support/compare.ts";
import { wantedOf } from "../support/differential.ts";
import { gridInputs, gridNet } from "../support/grid-nets.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";

describe("sparse features of dense tensors, by the executor of plans", () => {
  it.each(pipelines)("%s: as the interpreter says, also where rows are stored as halves", (_name, pipeline) => {
    for (const [dim, channels] of [[2, 3], [3, 4]] as const) {
      const net = gridNet(dim, channels);
      const inputs = gridInputs(dim, channels, 30, -0.2);
      const plan = lowerToPlan(fuse(net.module, pipeline));
      for (const [storage, module, tolerance] of [["f32", plan, 1e-5], ["f16", storeHalves(plan), 5e-3]] as const) {
        const outputs = executePlan(module, inputs, net.weights, 3);
        for (const [output, value] of wantedOf(net, inputs, 3)) {
          if (value.kind === "rulebook") throw new Error("a rulebook is no output");
          expect(relativeError(outputs[output]!.data, value.data), `${storage} ${output}`).toBeLessThanOrEqual(tolerance);
        }
      }
    }
  });
});
