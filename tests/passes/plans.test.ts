/** What the passes leave can be planned, and the plan computes what the network means, on every example and random networks. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import type { Module } from "../../src/ir/module.ts";
import { verify } from "../../src/ir/verify.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import type { Pipeline } from "../../src/passes/pipeline.ts";
import { relativeError } from "../support/compare.ts";
import { pipelines } from "../support/plan-runs.ts";
import { networks } from "./random-network.ts";
import { cloudOf, evaluate, example, examples, weightsOf } from "./support.ts";

/** Linear weights are stored as [Cout, Cin]; the layout of these networks stores all others as they are. */
function stored(module: Module): (name: string) => { readonly shape: readonly number[]; readonly data: Float32Array } {
  const weights = weightsOf(module);
  return (name) => {
    const { shape, data } = weights(name);
    const [cin, cout] = shape;
    if (shape.length !== 2 || cin === undefined || cout === undefined) return { shape, data: Float32Array.from(data) };
    return { shape: [cout, cin], data: Float32Array.from({ length: cin * cout }, (_, i) => data[(i % cin) * cout + Math.floor(i / cin)]!) };
  };
}

function check(net: Module, pipeline: Pipeline): void {
  const wanted = evaluate(net, 12);
  const plan = lowerToPlan(runPipeline(net, pipeline).module);
  expect(verify(plan)).toEqual([]);
  const { coords, features } = cloudOf(net, 12, 2)["x"]!;
  const got = executePlan(plan, { x: { coords: Int32Array.from(coords), features: Float32Array.from(features) } }, stored(net), 2);
  for (const [name, value] of wanted) {
    if (value.kind === "rulebook") throw new Error("a rulebook is no output");
    // Activations may leave little of a sum in f32; a wrong slice or a slot freed too early is off by its whole size.
    expect(relativeError(got[name]!.data, value.data), name).toBeLessThanOrEqual(2e-3);
  }
}

describe.each(pipelines)("planned after %s", (_, pipeline) => {
  test("random networks", () => {
    fc.assert(fc.property(networks, (net) => check(net, pipeline)), { numRuns: 60 });
  });

  test.each(examples)("%s", (name, params) => {
    expect(verify(lowerToPlan(runPipeline(example(name, params), pipeline).module))).toEqual([]);
  });
});
