import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { NETWORKS, type BenchNetwork } from "../../bench/ablation/networks.ts";
import { scenesOf } from "../../bench/ablation/scenes.ts";
import { inputSpecs } from "../../src/cli/files/scene.ts";
import { madeUpInput } from "../../src/cli/scan/made-up.ts";
import { countPlan, type PlanCounts } from "../../src/codegen/plan/counts.ts";
import { executeGeometry } from "../../src/codegen/plan/geometry-executor.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import type { TileForm } from "../../src/codegen/plan/map-counts.ts";
import { PlanReader } from "../../src/codegen/plan/plan-reader.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
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
  { name: "second", dispatches: 1.35, searches: 8, madeUp: { waste: 1.1, bytes: 0.71 }, cloud: { waste: 1.1, bytes: 0.73 } },
  { name: "centerpoint", dispatches: 1.25, searches: 8, madeUp: { waste: 1.22, bytes: 0.71 }, cloud: { waste: 1.25, bytes: 0.73 } },
  { name: "minkunet18", dispatches: 1, searches: 9, madeUp: { waste: 1.06, bytes: 0.8 }, cloud: { waste: 1.07, bytes: 0.76 } },
] as const;

const CLOUDS = fileURLToPath(new URL("../../../shared/data/bench/", import.meta.url));

/** What -O2 counts of a network of the bench on a scene, beside -O0. */
function expectWithin({ name, dispatches, searches }: (typeof BUDGETS)[number], { waste, bytes }: { readonly waste: number; readonly bytes: number }, sceneName: string, coords: Int32Array): void {
  const net = example(name);
  const plan = lowerToPlan(fuse(net, presetPipeline("O2")));
  const [o2, o0] = [counted(plan, coords, "records"), counted(lowerToPlan(fuse(net, presetPipeline("O0"))), coords, "records")];
  const found = {
    dispatches: (o2.steps.length + buildProgram(plan).plan.geometry.stages.length) / moduleStats(net).convolutions,
    waste: o2.multiplied / o2.pairs,
    bytes: o2.bytes / o0.bytes,
    halves: counted(storeHalves(plan), coords, "records").bytes / o0.bytes,
    searches: o2.searches,
  };
  console.log(`${name}, ${sceneName}: ${JSON.stringify(found)}`);
  expect(found.dispatches).toBeLessThanOrEqual(dispatches);
  expect(found.waste).toBeLessThanOrEqual(waste);
  expect(found.bytes).toBeLessThanOrEqual(bytes);
  expect(found.halves).toBeLessThanOrEqual(0.45);
  expect(found.searches).toBe(searches);
}

describe("budgets of -O2: dispatches per convolution, rows multiplied per pair, bytes moved, searches", () => {
  const network = (name: string): BenchNetwork => NETWORKS.find((n) => n.name === name)!;

  it.each(BUDGETS)("$name on a made-up scene", (budget) => {
    const { scene, grid } = network(budget.name);
    expectWithin(budget, budget.madeUp, scene, Int32Array.from(madeUpInput(scene, 1, inputSpecs(example(budget.name))[0]!, grid).coords));
  }, 120_000);

  it.skipIf(!existsSync(CLOUDS)).each(BUDGETS)(`$name on the first cloud of the bench${existsSync(CLOUDS) ? "" : " (skipped: the shared folder data is not here)"}`, (budget) => {
    const { clouds } = network(budget.name);
    const [scene] = scenesOf(network(budget.name), example(budget.name), CLOUDS, clouds[0], (line) => expect.fail(line));
    expect(scene!.rows).toBeGreaterThan(20_000);
    expectWithin(budget, budget.cloud, `${scene!.name}, ${scene!.rows} sites`, scene!.coords);
  }, 240_000);
});
