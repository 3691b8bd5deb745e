/** Every example network computes the same after every pass. */
import { describe, expect, test } from "vitest";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import type { Module } from "../../src/ir/module.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import { presetPipeline, withOptions } from "../../src/passes/presets.ts";
import { count, evaluate, example, examples, expectSame, features } from "./support.ts";

const always = withOptions(presetPipeline("O2"), "fuse-pairs", { pairs: "always" });

describe.each(examples)("%s", (name, params) => {
  const net = example(name, params);
  const wanted = evaluate(net, 8, 2);

  test("says something", () => {
    for (const value of wanted.values()) expect(value.kind !== "rulebook" && value.data.some((v) => v !== 0)).toBe(true);
  });

  test("means the same after every pass of -O2 with pairs always", () => {
    let seen: Module = net;
    runPipeline(net, always, {
      instruments: [
        {
          afterPass({ step }, before, after) {
            if (after === before) return;
            seen = after;
            expectSame(evaluate(after, 8, 2), wanted, step.pass.name);
          },
        },
      ],
    });
    expect(seen).not.toBe(net);
  });

  test("means the same under -O0 and -O1", () => {
    for (const preset of ["O0", "O1"] as const) expectSame(evaluate(runPipeline(net, presetPipeline(preset)).module, 8, 2), wanted, preset);
  });

  test("-O2 leaves no norm and no activation a kernel of its own, and copies nothing", () => {
    const fused = runPipeline(net, presetPipeline("O2")).module;
    expect(features(fused).filter((f) => f.startsWith("pointwise"))).toEqual([]);
    // A step of this kind would be a copy.
    expect(count(lowerToPlan(fused), "step.pointwise")).toBe(0);
  });
});
