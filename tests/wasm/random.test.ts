import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../../src/ir/interp/value.ts";
import type { Module } from "../../src/ir/module.ts";
import { expectRun, randomInputs, wantedOf } from "../gpu/differential/support.ts";
import { cpuNetworkOf } from "../support/cpu-networks.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { netModules } from "../support/random-module.ts";
import { netFromModule } from "../support/source-net.ts";

/** Empty extents leave nothing to compute, and deep chains of products grow until numbers say nothing about rounding. */
const roomy = (module: Module): boolean => module.sites.ids.every((id) => module.sites.extents(id)?.every((n) => n > 0) !== false);
const sane = (values: ReadonlyMap<string, Value>): boolean =>
  [...values.values()].every((v) => v.kind !== "rulebook" && v.data.length < 200_000 && v.data.every((x) => Math.abs(x) < 1e6));
const work = (module: Module): number => module.ops.filter((op) => op.name !== "param" && op.name !== "input").length;

const COUNT = 120;
const cases = fc
  .sample(netModules, { seed: 20262, numRuns: 1200 })
  .filter((module) => work(module) >= 4 && roomy(module))
  .slice(0, COUNT + 40)
  .map((module, i) => {
    const net = netFromModule(module, i);
    const inputs = randomInputs(module, i, 20 + ((i * 37) % 231), 2);
    return { net, inputs, wanted: wantedOf(net, inputs, 2) };
  })
  .filter(({ wanted }) => sane(wanted))
  .slice(0, COUNT);

describe("random networks on the CPU", () => {
  it("are as many as they should be, of every kind of operation", () => {
    expect(cases.length).toBe(COUNT);
    const kinds = new Set(cases.flatMap(({ net }) => net.module.ops.map((op) => op.name)));
    for (const name of ["subm", "conv", "up", "linear", "bn", "relu", "leaky_relu", "sigmoid", "add", "mul", "cat", "pool", "global_pool", "to_dense"]) expect(kinds, name).toContain(name);
  });

  describe.each(pipelines)("%s", (_name, pipeline) => {
    it.each(cases.map((c, i) => [`network ${i}`, c] as const))("%s", async (name, { net, inputs, wanted }) => {
      const network = await cpuNetworkOf(fuse(net.module, pipeline), { weights: net.weights });
      await expectRun(network, inputs, 2, wanted, name);
      network.dispose();
    });
  });
});
