import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { DenseOutput, FeatOutput } from "../../src/runtime/index.ts";
import { batchOf, denseOutputs, forward, goldenModule, inputsOf, largestDifference, weightOf, type GoldenCase } from "../support/golden-modules.ts";
import { outputRowsAt } from "../support/compare.ts";
import { recordParity } from "../support/parity.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { fixtureFolder, readFixture, tensorOf } from "../support/safetensors.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";

const folder = fixtureFolder("spconv-golden");

/** Recorded outputs of spconv. */
export function goldenSuite(open: OpenTarget): void {
  const target = useTarget(open);

  describe.skipIf(folder === undefined)(`recorded outputs of spconv${folder === undefined ? " (skipped: the shared folder fixtures/spconv-golden is not here)" : ""}`, () => {
    const cases = folder === undefined ? [] : (JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as GoldenCase[]);

    it.each(cases.filter((c) => forward[c.file] !== undefined).map((c) => [c.file, c] as const))("%s", async (file, c) => {
      const tensors = readFixture(`${folder}${file}`);
      const network = await target().open(fuse(goldenModule(c, tensors), pipelines[2]![1]), { weights: (name) => weightOf(tensors, name) });
      const outputs = await network.run(inputsOf(tensors), { batch: batchOf(c) });
      const y = outputs["y"];
      network.dispose();
      if ("shape" in y!) {
        for (const [name, wanted] of Object.entries(denseOutputs(tensors))) expect(largestDifference((outputs[name] as DenseOutput).data, wanted.data)).toBe(0);
        recordParity({ folder: "spconv-golden", file, target: target().name, error: 0, tolerance: 0, relative: false });
        return;
      }
      const error = largestDifference(outputRowsAt(y as FeatOutput, tensorOf(tensors, "expect.coords").data), tensorOf(tensors, "expect.features").data);
      recordParity({ folder: "spconv-golden", file, target: target().name, error, tolerance: c.tolerance.abs, relative: false });
      expect(error).toBeLessThanOrEqual(c.tolerance.abs);
    });
  });
}
