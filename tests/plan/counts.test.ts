import { describe, expect, it } from "vitest";
import { NETWORKS } from "../../bench/ablation/networks.ts";
import { inputSpecs } from "../../src/cli/files/scene.ts";
import { madeUpInput } from "../../src/cli/scan/made-up.ts";
import { countPlan, type PlanCounts } from "../../src/codegen/plan/counts.ts";
import { executeGeometry } from "../../src/codegen/plan/geometry-executor.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import type { TileForm } from "../../src/codegen/plan/map-counts.ts";
import { PlanReader } from "../../src/codegen/plan/plan-reader.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import type { Module } from "../../src/ir/module.ts";
import { moduleStats } from "../../src/ir/stats.ts";
import { presetPipeline } from "../../src/passes/presets.ts";
import { example } from "../support/examples.ts";
import { fuse } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";

function counted(plan: Module, coords: Int32Array, tiles: TileForm): PlanCounts {
  const reader = new PlanReader(plan);
  return countPlan(plan, executeGeometry(reader.geometry, new Map(reader.inputs.map((i) => [i.site, coords]))), 1, tiles);
}

describe("what is counted of a plan on a scene", () => {
  const net = netFromText(`spnet 1
net Probe {
  sites S : (y: 64, x: 9)
  input v : feat[S, 8]
  output out = v |> subm(12, k=3, w="a") |> relu
}
`).module;
  // A column of 33 sites, so two tiles, and one site apart from them in the second.
  const coords = Int32Array.from(Array.from({ length: 33 }, (_, y) => [0, y, 0]).concat([[0, 60, 7]]).flat());

  it("is what a person counts: pairs, rows by dataflow, products, bytes", () => {
    const plan = lowerToPlan(fuse(net, presetPipeline("O2")));
    const { steps, searches } = counted(plan, coords, "records");
    expect(searches).toBe(1);
    // 33 centres, 32 neighbours each way, one alone. Packed by fours: tile 1 has 31, 32 and 32 rows, tile 2 has 1, 2 and 0.
    const [pairs, packed] = [33 + 2 * 32 + 1, 32 + 32 + 32 + 4 + 4];
    const record = 4 * (1 + 32 * 9);
    const bytes = 4 * (9 * 8 * 12) + 4 * 34 * 8 + 2 * record + 4 * pairs * 8 + 4 * 34 * 12;
    expect(steps).toEqual([{ kind: "conv", rows: 34, pairs, multiplied: packed, macs: pairs * 8 * 12, bytes }]);
    expect(counted(lowerToCpuPlan(fuse(net, presetPipeline("O2"))), coords, "lists").steps[0]).toMatchObject({ pairs, multiplied: pairs, macs: pairs * 8 * 12 });
  });

  it("of -O0 are the same products in more steps and more bytes", () => {
    const [o0, o2] = [counted(lowerToPlan(fuse(net, presetPipeline("O0"))), coords, "records"), counted(lowerToPlan(fuse(net, presetPipeline("O2"))), coords, "records")];
    expect([o0.macs, o0.pairs, o0.steps.length]).toEqual([o2.macs, o2.pairs, 2]);
    expect(o0.bytes).toBe(o2.bytes + 2 * 4 * 34 * 12);
  });
});

/** What -O2 may cost at most, exact and the same on every machine: `bytes` is that of the feature phase over -O0's. */
const BUDGETS = [
  { name: "second", dispatches: 1.35, waste: 1.1, bytes: 0.71, searches: 8 },
  { name: "centerpoint", dispatches: 1.25, waste: 1.22, bytes: 0.71, searches: 8 },
  { name: "minkunet18", dispatches: 1, waste: 1.31, bytes: 0.8, searches: 9 },
] as const;

describe("budgets of -O2 on made-up scenes", () => {
  it.each(BUDGETS)("$name: dispatches per convolution, rows multiplied per pair, bytes moved, searches", ({ name, dispatches, waste, bytes, searches }) => {
    const { scene, grid } = NETWORKS.find((n) => n.name === name)!;
    const net = example(name);
    const { coords } = madeUpInput(scene, 1, inputSpecs(net)[0]!, grid);
    const plan = lowerToPlan(fuse(net, presetPipeline("O2")));
    const [o2, o0] = [counted(plan, Int32Array.from(coords), "records"), counted(lowerToPlan(fuse(net, presetPipeline("O0"))), Int32Array.from(coords), "records")];
    const found = {
      dispatches: (o2.steps.length + buildProgram(plan).plan.geometry.stages.length) / moduleStats(net).convolutions,
      waste: o2.multiplied / o2.pairs,
      bytes: o2.bytes / o0.bytes,
      searches: o2.searches,
    };
    console.log(`${name}: ${JSON.stringify(found)}`);
    expect(found.dispatches).toBeLessThanOrEqual(dispatches);
    expect(found.waste).toBeLessThanOrEqual(waste);
    expect(found.bytes).toBeLessThanOrEqual(bytes);
    expect(found.searches).toBe(searches);
  }, 120_000);
});
