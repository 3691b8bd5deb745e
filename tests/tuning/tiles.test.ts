import { describe, expect, it } from "vitest";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import { tileKey, tilesOf, withTiles } from "../../src/codegen/tuning/tiles.ts";
import { WORKGROUP_BYTES } from "../../src/codegen/wgsl/kernels/shape.ts";
import { findProblems } from "../../src/ir/verify.ts";
import { presetPipeline } from "../../src/passes/presets.ts";
import { example, EXAMPLES } from "../support/examples.ts";
import { fuse } from "../support/plan-runs.ts";

describe.each(EXAMPLES)("the tiles of %s", (name) => {
  const plan = lowerToPlan(fuse(example(name), presetPipeline("O2")));
  const steps = plan.ops.filter((op) => op.name === "step.conv");

  it("are candidates under one key for equal steps, and none for other steps", () => {
    expect(steps.length).toBeGreaterThan(5);
    for (const op of steps) expect(tilesOf(op).map((t) => JSON.stringify(t))).toEqual(tilesOf(steps.find((other) => tileKey(other) === tileKey(op))!).map((t) => JSON.stringify(t)));
    expect(plan.ops.filter((op) => op.name !== "step.conv" && (tileKey(op) !== undefined || tilesOf(op).length > 0))).toEqual([]);
  });

  it("make valid plans whose kernels stay within portable limits; what does not fit changes nothing", () => {
    for (const pick of [0, -1]) {
      const tiles = Object.fromEntries(steps.flatMap((op) => (tilesOf(op).length === 0 ? [] : [[tileKey(op)!, tilesOf(op).at(pick)!]])));
      const chosen = withTiles(plan, tiles);
      expect(findProblems(chosen)).toEqual([]);
      expect(chosen.ops.filter((op, i) => op !== plan.ops[i]).length).toBe(steps.filter((op) => tilesOf(op).length > 0).length);
      for (const kernel of buildProgram(chosen).kernels) expect(kernel.workgroupBytes, kernel.name).toBeLessThanOrEqual(WORKGROUP_BYTES);
    }
    const odd = withTiles(plan, Object.fromEntries(steps.map((op) => [tileKey(op)!, { threads: 3, perThread: 5 }])));
    expect(odd.ops).toEqual(plan.ops);
  });
});

describe.each(EXAMPLES)("the register tiles of %s", (name) => {
  it("are candidates under one key for equal steps, and make valid plans for the CPU", () => {
    const plan = lowerToCpuPlan(fuse(example(name), presetPipeline("O2")));
    const steps = plan.ops.filter((op) => op.name === "step.conv");
    for (const op of steps) expect(tilesOf(op, "wasm").length).toBeGreaterThan(3);
    const chosen = withTiles(plan, Object.fromEntries(steps.map((op) => [tileKey(op)!, tilesOf(op, "wasm").at(-1)!])), "wasm");
    expect(findProblems(chosen)).toEqual([]);
    expect(chosen.ops.filter((op, i) => op !== plan.ops[i]).length).toBe(steps.length);
    // What is a tile of the other target changes nothing.
    expect(withTiles(plan, Object.fromEntries(steps.map((op) => [tileKey(op)!, { threads: 1, perThread: 1 }])), "wasm").ops).toEqual(plan.ops);
  });
});
