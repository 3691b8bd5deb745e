import { describe, expect, test } from "vitest";
import { cloud } from "../../geometry/clouds.ts";
import { minkUNet, second, SpecWriter } from "../../geometry/specs.ts";
import { checkGeometry } from "./check.ts";
import { GeometryRunner } from "./harness.ts";

const runner = GeometryRunner.ofFile();

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

  test("MinkUNet by hash tables", async () => {
    const rows = cloud({ seed: 8, dim: 3, rows: 1500, extents: [60, 50, 40], batch: 2, low: -25 });
    const run = await checkGeometry(runner, minkUNet(), { S: rows }, { bitmapCells: 0 });
    expect(run.dispatches).toBe(5);
  });
  test("a row that falls between the taps of one level, or out of it, does not come back at the next", async () => {
    const given = { S: Array.from({ length: 12 }, (_, c) => [0, c]) };
    for (const extents of [undefined, [12]]) {
      const spec = new SpecWriter(1).input("S", extents).reach("A", "S", { k: 1, s: 4 }).reach("B", "A", { k: 3, p: 1 }).reach("C", "B", { k: 3, p: 0 }).spec;
      await checkGeometry(runner, spec, given);
      await checkGeometry(runner, spec, { S: [[0, 5], [0, 11]] });
    }
    const clipped = new SpecWriter(1).input("S", [12]).reach("A", "S", { k: 5, p: 0 }).reach("B", "A", { k: 3, p: 1 }).reach("C", "B", { k: 1, p: 1 }).spec;
    await checkGeometry(runner, clipped, { S: [[0, 11]] });
    await checkGeometry(runner, new SpecWriter(1).input("S", [9]).reach("A", "S", { k: 2, s: 2 }).reach("B", "A", { k: 3, p: 1 }).spec, { S: [[0, 8]] });
  });

  test("dilated kernels start a round from their parent's rows", async () => {
    const shape = { k: 3, s: 2, p: 2, d: 2 };
    for (const extents of [undefined, [30, 30]]) {
      const spec = new SpecWriter(2).input("S", extents).reach("A", "S", shape).reach("B", "A", shape).reach("C", "B", { k: 2, s: 2 })
        .rulebook("a", "S", "A", shape, { transposed: true }).rulebook("b", "A", "B", shape).subm("c", "C", 3).spec;
      const given = cloud({ seed: 3, dim: 2, rows: 60, extents: [30, 30] });
      const run = await checkGeometry(runner, spec, { S: given });
      expect(run.dispatches).toBe(10);
      await checkGeometry(runner, spec, { S: given }, { bitmapCells: 0 }, { bitmapCells: 0 });
    }
  });

  test("a chain that grows too much for one row starts a round in between", async () => {
    const grow = { k: 3, p: 1 };
    const spec = new SpecWriter(3).input("S").reach("A", "S", grow).reach("B", "A", grow).reach("C", "B", grow).spec;
    const run = await checkGeometry(runner, spec, { S: cloud({ seed: 5, dim: 3, rows: 10, extents: [9, 9, 9], low: -4 }) });
    expect(run.dispatches).toBe(6);
  });
});
