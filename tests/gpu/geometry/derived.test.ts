import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openGpu, type TestGpu } from "../../support/gpu.ts";
import { cloud } from "../../geometry/clouds.ts";
import { minkUNet, second, SpecWriter } from "../../geometry/specs.ts";
import { checkGeometry } from "./check.ts";
import { GeometryRunner } from "./harness.ts";

let gpu: TestGpu;
let runner: GeometryRunner;
beforeAll(async () => {
  gpu = await openGpu();
  runner = new GeometryRunner(gpu);
});
afterAll(() => gpu.close());

describe("chains of site sets", () => {
  test("SECOND's five levels and eight rulebooks are four dispatches", async () => {
    const rows = cloud({ seed: 7, dim: 3, rows: 1500, extents: [41, 200, 176], batch: 2 });
    const run = await checkGeometry(runner, second([41, 200, 176]), { S: rows });
    expect(run.dispatches).toBe(4);
  });

  test("MinkUNet's five levels and nine rulebooks, both ways, with negative coordinates", async () => {
    const rows = cloud({ seed: 8, dim: 3, rows: 1500, extents: [60, 50, 40], batch: 2, low: -25 });
    const run = await checkGeometry(runner, minkUNet(), { S: rows });
    expect(run.dispatches).toBe(4);
  });

  test("the same by hash tables", async () => {
    const rows = cloud({ seed: 8, dim: 3, rows: 1500, extents: [60, 50, 40], batch: 2, low: -25 });
    const run = await checkGeometry(runner, minkUNet(), { S: rows }, { bitmapCells: 0 });
    expect(run.dispatches).toBe(5);
  });
  test("dilated", async () => {
    const spec = new SpecWriter(2).input("S", [30, 30]).reach("A", "S", { k: 3, s: 2, p: 2, d: 2 }).rulebook("r", "S", "A", { k: 3, s: 2, p: 2, d: 2 }, { transposed: true }).spec;
    await checkGeometry(runner, spec, { S: cloud({ seed: 3, dim: 2, rows: 60, extents: [30, 30] }) });
  });
});
