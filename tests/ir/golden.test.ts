import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { DenseValue, FeatValue } from "../../src/ir/interp/value.ts";
import { rowsAt } from "../support/compare.ts";
import { batchOf, denseOutputs, forward, goldenModule, inputsOf, largestDifference, weightOf, type GoldenCase } from "../support/golden-modules.ts";
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
      return;
    }
    const rows = rowsAt(y as FeatValue, tensorOf(tensors, "expect.coords").data);
    expect(largestDifference(rows, tensorOf(tensors, "expect.features").data)).toBeLessThanOrEqual(c.tolerance.abs);
  });
});
