import { expect, it } from "vitest";
import { registerCandidates, tileKey, tilesOf, tileText, withTiles, sameTile } from "../../src/codegen/tuning/tiles.ts";
import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import { knownAnswer } from "../../src/runtime/cpu/known-answer.ts";
import type { DenseOutput, FeatOutput } from "../../src/runtime/index.ts";
import { openCpu } from "../../src/runtime/cpu/open.ts";
import { findProblems } from "../../src/ir/verify.ts";
import { bitsOf, PROBE, probeInputs } from "../support/bits.ts";
import { STANDARD } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";

const net = netFromText(PROBE, 3);
const plan = lowerToCpuPlan(fuse(net.module, STANDARD));
const lanes = process.env["SPNET_LANES"] === "wide" ? "wide" : "auto";

/** Bits of all outputs, and the names of the functions that multiplied. */
async function run(of: typeof plan): Promise<{ readonly bits: string; readonly names: readonly string[] }> {
  const { plan: data, wat } = buildCpuProgram(of);
  const network = await openCpu<Readonly<Record<string, unknown>>, Readonly<Record<string, FeatOutput | DenseOutput>>>(data, await assembleWat(wat), { threads: 0, lanes, weights: net.weights });
  try {
    expect(knownAnswer(network.engine, network.plan, false, new Map())).toBe(true);
    return { bits: bitsOf(await network.run({ v: probeInputs(0) }, { batch: 2 }), 0), names: data.checks.map((c) => c.name) };
  } finally {
    network.dispose();
  }
}

it("every register tile gives the same bits, with odd channels, odd columns, column groups and lists of any length", async () => {
  const standard = await run(plan);
  expect(standard.names.some((name) => /_r\d$/.test(name))).toBe(false);
  const all = [2, 3, 4, 6].flatMap((rows) => [4, 8, 16].map((columns) => ({ rows, columns })));
  let tried = 0;
  for (const tile of all) {
    const steps = plan.ops.filter((op) => tilesOf(op, "wasm").some((t) => sameTile(t, tile)));
    if (steps.length === 0) continue;
    const chosen = withTiles(plan, Object.fromEntries(steps.map((op) => [tileKey(op)!, tile])), "wasm");
    expect(findProblems(chosen)).toEqual([]);
    const found = await run(chosen);
    expect(found.names.some((name) => name.endsWith(`_r${tile.rows}`)), tileText(tile)).toBe(true);
    expect(found.bits, tileText(tile)).toEqual(standard.bits);
    tried++;
  }
  expect(tried).toBeGreaterThanOrEqual(7);
});

it("register tiles are no wider than a layer's columns need, and no more than registers hold", () => {
  const texts = (columns: number): readonly string[] => registerCandidates({ columns: [0, columns] }).map(tileText);
  expect(texts(3)).toEqual(["2 rows × 4 columns", "3 rows × 4 columns", "4 rows × 4 columns", "6 rows × 4 columns"]);
  expect(texts(8)).toEqual(["2 rows × 8 columns", "3 rows × 8 columns", "4 rows × 8 columns", "6 rows × 8 columns"]);
  expect(texts(64)).toEqual([...texts(8), "2 rows × 16 columns", "3 rows × 16 columns", "4 rows × 16 columns"]);
});
