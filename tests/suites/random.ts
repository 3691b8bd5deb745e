import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../../src/ir/interp/value.ts";
import type { Module } from "../../src/ir/module.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { PlanReader } from "../../src/codegen/plan/plan-reader.ts";
import { SpnetError } from "../../src/runtime/errors.ts";
import { runLoadPhase } from "../../src/runtime/load.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { roomy } from "../support/random-fused.ts";
import { netModules } from "../support/random-module.ts";
import { netFromModule, type SourceNet } from "../support/source-net.ts";
import { expectRun, randomInputs, wantedOf } from "../support/differential.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

/** Deep chains of products grow until numbers say nothing about rounding. */
const sane = (values: ReadonlyMap<string, Value>): boolean =>
  [...values.values()].every((v) => v.kind !== "rulebook" && v.data.length < 200_000 && v.data.every((x) => Math.abs(x) < 1e6));
const work = (module: Module): number => module.ops.filter((op) => op.name !== "param" && op.name !== "input").length;

/** Whether its weights are numbers once they are folded: variances of random arithmetic may be negative. */
function folds({ module, weights }: SourceNet): boolean {
  try {
    runLoadPhase(new PlanReader(lowerToPlan(fuse(module, pipelines[0]![1]))).load, weights);
    return true;
  } catch (cause) {
    if (cause instanceof SpnetError && cause.code === "SP0508") return false;
    throw cause;
  }
}

/** `count` random networks of at most `rows` rows under every pipeline. */
export function randomSuite(open: OpenTarget, count: number, rows: number, seed: number): void {
  const target = useTarget(open);
  const cases = fc
    .sample(netModules, { seed, numRuns: 10 * count })
    .filter((module) => work(module) >= 4 && roomy(module))
    // Some of them will not be sane.
    .slice(0, 2 * count)
    .map((module, i) => {
      const net = netFromModule(module, i);
      const inputs = randomInputs(module, i, 20 + ((i * 37) % (rows - 19)), 2);
      return { net, inputs, wanted: wantedOf(net, inputs, 2) };
    })
    .filter(({ net, wanted }) => sane(wanted) && folds(net))
    .slice(0, count);

  describe("random networks", () => {
    it("are as many as they should be, of every kind of operation", () => {
      expect(cases.length).toBe(count);
      const kinds = new Set(cases.flatMap(({ net }) => net.module.ops.map((op) => op.name)));
      for (const name of ["subm", "conv", "up", "linear", "bn", "normalise", "softmax", "broadcast", "relu", "leaky_relu", "prelu", "sigmoid", "silu", "tanh", "gelu", "gelu_tanh", "softplus", "elu", "add", "mul", "cat", "pool", "unpool", "global_pool", "to_dense", "to_grid", "union", "active", "prune", "voxelize", "devoxelize", "quantise", "clip", "rescale", "saturate", "scale"]) expect(kinds, name).toContain(name);
    });

    describe.each(pipelines)("%s", (_name, pipeline) => {
      it.each(cases.map((c, i) => [`network ${i}`, c] as const))("%s", async (name, { net, inputs, wanted }) => {
        const network = await openNet(target(), net, pipeline);
        await expectRun(network, inputs, 2, wanted, name);
        network.dispose();
      });
    });
  });
}
