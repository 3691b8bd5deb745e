import { afterAll, expect, test } from "vitest";
import type { PredictionReport } from "../../src/cli/prediction.ts";
import { SLICED_NET, SLICED_ROWS, slicedPairs, writeScene } from "../cli/sliced.ts";
import { Folder, SMALL_NET, spnet } from "../cli/support.ts";

const folder = new Folder();
afterAll(() => folder.remove());
const net = folder.write("small.spnet", SMALL_NET);

const run = (...more: readonly string[]) => spnet("run", net, "--target", "webgpu", "--simulate", "tracks", "--random-weights", "2", ...more);

for (const level of ["-O0", "-O2"]) {
  test(`run --check ${level} agrees with the interpreter and names the adapter`, async () => {
    const { status, out, err } = await run(level, "--check", "--profile");
    expect(err).toMatch(/^adapter {2}\S+/);
    const errors = [...err.matchAll(/^(fine|coarse) {2}error (\S+)/gm)].map((m) => Number(m[2]));
    expect(errors).toHaveLength(2);
    expect(Math.max(...errors)).toBeLessThan(1e-5);
    expect(err).toMatch(/k00_(?:conv|pair)_a +\d+ +\d+ +[\d.]+ ms {2}\S+:6:/);
    expect(out).toMatch(/^fine {2}\d+ sites × 8/);
    expect(status).toBe(0);
  });
}

test("all targets give the same scene's outputs", async () => {
  const sites = (out: string): readonly string[] => [...out.matchAll(/^\S+ {2}\d+ sites × \d+/gm)].map((m) => m[0]);
  const gpu = sites((await run()).out);
  expect(gpu).toHaveLength(2);
  for (const target of ["wasm", "reference"]) expect(gpu).toEqual(sites((await run("--target", target)).out));
});

test.each(["0", "2"])("report -O%s: what was predicted is what ran, slices of rulebooks included", async (level) => {
  const file = folder.write("sliced.spnet", SLICED_NET);
  const { status, out } = await spnet("report", file, "--input", writeScene(folder, SLICED_ROWS, 4), "--random-weights", "1", "--target", "webgpu", "-O", level, "--json");
  const { steps, predicted, measured, wrong } = JSON.parse(out) as PredictionReport;
  expect([status, wrong]).toEqual([0, []]);
  expect([measured.searches, measured.pairs, measured.macs]).toEqual([predicted.searches, predicted.pairs, predicted.macs]);
  expect(steps.map((s) => s.measured.pairs)).toContain(slicedPairs());
});
