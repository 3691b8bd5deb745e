import { describe, expect, it } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import { WASM_STEPS } from "../../src/codegen/wasm/program.ts";
import { relativeError } from "../support/compare.ts";
import { wantedOf } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { pointInputs, pointNet } from "../support/point-nets.ts";

describe("points and their voxels, by the executor of plans", () => {
  it.each(pipelines)("%s: as the interpreter says", (_name, pipeline) => {
    const net = pointNet({ dim: 3, bounded: true, rounding: "floor" });
    const inputs = pointInputs(3, 90, 2, 5);
    const fused = fuse(net.module, pipeline);
    const plan = lowerToPlan(fused);
    for (const [storage, module, tolerance, tile] of [["f32", plan, 1e-5, Infinity], ["f16", storeHalves(plan), 1e-2, Infinity], ["cpu", lowerToPlan(fused, { ...WASM_STEPS, sortedInputs: false }), 1e-5, WASM_STEPS.columnTile]] as const) {
      const outputs = executePlan(module, inputs, net.weights, 2, tile);
      for (const [output, value] of wantedOf(net, inputs, 2)) {
        if (value.kind === "rulebook") throw new Error("a rulebook is no output");
        expect(relativeError(outputs[output]!.data, value.data), `${storage} ${output}`).toBeLessThanOrEqual(tolerance);
      }
    }
  });
});
