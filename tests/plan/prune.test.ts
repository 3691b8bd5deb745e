import { describe, expect, it } from "vitest";
import { float32Below } from "../../src/codegen/plan/float32.ts";
import { expectPlan } from "../support/expect-plan.ts";
import { pipelines } from "../support/plan-runs.ts";
import { pruneInputs, pruneNet } from "../support/prune-nets.ts";

describe("sites that depend on data, by the executor of plans", () => {
  it.each(pipelines)("%s: as the interpreter says, with rows in the caller's order", (_name, pipeline) => {
    expectPlan(pruneNet(2, true), pipeline, pruneInputs(2, 60, 0.1, 9, 0), 3);
  });
});

describe("a threshold as float32", () => {
  it.each([0.1, -0.7, 0, -0, 1e-60, -1e-60, 1e60, -1e60, 16777217, -16777217, 0.5, 2 ** -149])("%d: a float32 is greater than the one where it is greater than the other", (x) => {
    const below = float32Below(x);
    expect(Math.fround(below)).toBe(below);
    const words = new Int32Array(1);
    for (let bits = -3; bits <= 3; bits++) {
      for (const from of [below, Math.fround(x), 0]) {
        if (!Number.isFinite(from)) continue;
        words[0] = new Int32Array(Float32Array.of(from).buffer)[0]! + bits;
        const value = new Float32Array(words.buffer)[0]!;
        // Below all float32 there is no other threshold than the least.
        if (Number.isNaN(value) || x < -3.4e38) continue;
        expect(value > below, `${value}`).toBe(value > x);
      }
    }
    expect(below).toBeGreaterThanOrEqual(-3.5e38);
  });
});
