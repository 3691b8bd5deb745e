import { afterAll, describe, expect, test } from "vitest";
import { compare, type PredictionReport } from "../../src/cli/prediction.ts";
import { describePrediction } from "../../src/cli/prediction-report.ts";
import { SLICED_NET, SLICED_ROWS, slicedPairs, writeScene } from "./sliced.ts";
import { Folder, SMALL_NET, spnet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const small = folder.write("small.spnet", SMALL_NET);
const smallScene = writeScene(folder, [[0, 1, 2, 3], [0, 1, 2, 4], [1, 7, 15, 15]], 4);
const sliced = folder.write("sliced.spnet", SLICED_NET);
const slicedScene = writeScene(folder, SLICED_ROWS, 4);

async function report(...argv: readonly string[]): Promise<PredictionReport> {
  const { status, out, err } = await spnet("report", ...argv, "--random-weights", "1", "--target", "wasm", "--threads", "0", "--json");
  expect({ status, err: err.replace(/^.*lanes.*\n/gm, "") }).toEqual({ status: 0, err: "" });
  return JSON.parse(out) as PredictionReport;
}

describe("report", () => {
  test.each(["0", "2"])("-O%s: what was predicted is what ran", async (level) => {
    const { steps, predicted, measured, wrong } = await report(small, "--input", smallScene, "-O", level);
    expect(wrong).toEqual([]);
    expect(steps.length).toBe(predicted.steps);
    expect([measured.steps, measured.searches, measured.pairs, measured.macs]).toEqual([predicted.steps, predicted.searches, predicted.pairs, predicted.macs]);
    // Two neighbours and one alone: five pairs in each submanifold layer.
    expect(steps[0]!.predicted).toMatchObject({ rows: 3, pairs: 5, multiplied: 5, macs: 5 * 4 * 8 });
    expect(steps[0]!.measured).toMatchObject({ rows: 3, pairs: 5, macs: 5 * 4 * 8 });
  });

  test("a layer on a slice of a rulebook has the pairs of its taps alone", async () => {
    const { steps, wrong } = await report(sliced, "--input", slicedScene);
    expect(wrong).toEqual([]);
    expect(steps.map((s) => s.measured.pairs)).toContain(slicedPairs());
  });

  test("where sites depend on data, no more ran than can", async () => {
    const text = SMALL_NET.replace(/output (\w+) = ([^\n]*)/, "let last = $2\n  output $1 = last |> prune(last |> linear(1), above=-0.01) |> subm(2, k=3)");
    expect(text).toContain("prune");
    const pruning = folder.write("pruning.spnet", text);
    const found = await report(pruning, "--input", smallScene);
    expect(found.wrong).toEqual([]);
    const [early, late] = [found.steps.filter((s) => s.predicted.most !== true), found.steps.filter((s) => s.predicted.most === true)];
    expect(early.length).toBeGreaterThan(0);
    expect(late.length).toBe(2);
    for (const { predicted, measured } of late) expect(measured.rows).toBeLessThanOrEqual(predicted.rows);
    const fewer = { ...found, steps: found.steps.map((s) => ({ ...s, measured: { ...s.measured, rows: s.measured.rows - 1 } })) };
    const lines = describePrediction(fewer).split("\n").filter((line) => line.includes("spnet:"));
    expect([lines.filter((line) => line.includes("≥")).length, lines.filter((line) => line.includes("≠")).length]).toEqual([late.length, early.length]);
  });

  test("a table names both numbers where they differ", () => {
    const step = { kernel: "k", source: "a.spnet:1:1", rows: 4, pairs: 9, macs: 90, milliseconds: 1 };
    const counts = { steps: [{ kind: "conv" as const, rows: 4, pairs: 8, multiplied: 12, macs: 90, bytes: 2 ** 20 }], searches: 1, pairs: 8, multiplied: 12, macs: 90, bytes: 2 ** 20 };
    const found = compare(counts, { steps: [step], report: { batch: 1, sites: [], rulebooks: [], memory: { planned: 2 ** 20, lowerBound: 2 ** 20 } } });
    expect(found.wrong).toEqual([0]);
    expect(describePrediction(found)).toMatch(/^k\s+4\s+8≠9\s+1\.50\s+90\s+1\.00\s+1\.00/m);
    expect(describePrediction(found)).toContain("searches 1≠0");
  });

  test("asks for a scene and for weights", async () => {
    expect(await spnet("report", small, "--target", "wasm", "--random-weights", "1")).toMatchObject({ status: 2, err: expect.stringContaining("either --input or --simulate") });
  });
});
