import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { DenseValue, FeatValue } from "../../src/ir/interp/value.ts";
import { rowsAt } from "../support/compare.ts";
import { batchOf, denseOutputs, forward, goldenModule, inputsOf, largestDifference, weightOf, type GoldenCase } from "../support/golden-modules.ts";
import { recordParity } from "../support/parity.ts";
import { fixtureFolder, readFixture, tensorOf } from "../support/safetensors.ts";

const folder = fixtureFolder("spconv-golden");

describe.skipIf(folder === undefined)(`recorded outputs of spconv${folder === undefined ? " (skipped: the shared folder fixtures/spconv-golden is not here)" : ""}`, () => {
  const cases = folder === undefined ? [] : (JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as GoldenCase[]);

  it.each(cases.filter((c) => forward[c.file] !== undefined).map((c) => [c.file, c] as const))("%s", (file, c) => {
    const tensors = readFixture(`${folder}${file}`);
    const outputs = interpret(goldenModule(c, tensors), { inputs: inputsOf(tensors), params: (name) => weightOf(tensors, name), batch: batchOf(c) });
    const y = outputs.get("y")!;
    if (y.kind === "dense") {
      for (const [name, wanted] of Object.entries(denseOutputs(tensors))) {
        const dense = outputs.get(name) as DenseValue;
        expect(dense.shape.slice(-wanted.shape.length)).toEqual(wanted.shape);
        expect(largestDifference(dense.data, wanted.data)).toBe(0);
      }
      recordParity({ folder: "spconv-golden", file, target: "interpreter", error: 0, tolerance: 0, relative: false });
      return;
    }
    const error = largestDifference(rowsAt(y as FeatValue, tensorOf(tensors, "expect.coords").data), tensorOf(tensors, "expect.features").data);
    recordParity({ folder: "spconv-golden", file, target: "interpreter", error, tolerance: c.tolerance.abs, relative: false });
    expect(error).toBeLessThanOrEqual(c.tolerance.abs);
  });
});
