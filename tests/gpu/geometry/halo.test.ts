import { describe, expect, test } from "vitest";
import { cloud } from "../../geometry/clouds.ts";
import { SpecWriter } from "../../geometry/specs.ts";
import { checkGeometry } from "./check.ts";
import { checkHalo } from "./check-halo.ts";
import { GeometryRunner } from "./harness.ts";

const runner = GeometryRunner.ofFile();

describe("halo tables", () => {
  test.each([
    { what: "sparse rows fit whole records", extents: [30, 30, 30], rows: 300, capacity: 256 },
    { what: "dense rows split", extents: [9, 9, 9], rows: 400, capacity: 128 },
    { what: "the least capacity splits to single rows", extents: [6, 6, 6], rows: 190, capacity: 27 },
    { what: "one row", extents: [6, 6, 6], rows: 1, capacity: 27 },
    { what: "no rows", extents: [6, 6, 6], rows: 0, capacity: 27 },
    { what: "a full record and one row", extents: [4, 4, 4], rows: 33, capacity: 64 },
  ])("$what", async ({ extents, rows, capacity }) => {
    const spec = new SpecWriter(3).input("S", extents).subm("rb", "S", 3, { halo: { capacity } }).spec;
    const run = await checkGeometry(runner, spec, { S: cloud({ seed: rows, dim: 3, rows, extents }) });
    expect(run.dispatches).toBe(rows === 0 ? 1 : 3);
    checkHalo(run, spec, "rb");
  });

  test("two rulebooks of different kernels, one of an even kernel, on sorted rows", async () => {
    const spec = new SpecWriter(2).input("S").floor("F", "S", 2)
      .subm("a", "F", 5, { halo: { capacity: 60 } })
      .subm("b", "F", [1, 3], { halo: { capacity: 1000 } })
      .rulebook("c", "F", "F", { k: 2 }, { halo: { capacity: 7 } }).spec;
    const run = await checkGeometry(runner, spec, { S: cloud({ seed: 4, dim: 2, rows: 700, extents: [50, 50], low: -20, batch: 2 }) });
    const splits = ["a", "b", "c"].map((name) => checkHalo(run, spec, name));
    expect(Math.max(...splits[0]!)).toBeGreaterThan(1);
    expect(splits[1]!.every((n) => n === 1)).toBe(true);
    expect(Math.max(...splits[2]!)).toBeGreaterThan(8);
  });

  test("many taps and long lists", async () => {
    const spec = new SpecWriter(3).input("S", [12, 12, 12]).subm("rb", "S", 5, { halo: { capacity: 4096 } }).spec;
    const run = await checkGeometry(runner, spec, { S: cloud({ seed: 9, dim: 3, rows: 900, extents: [12, 12, 12] }) });
    expect(Math.max(...checkHalo(run, spec, "rb"))).toBeGreaterThan(1);
  });
});
