import { describe, expect, it } from "vitest";
import type { GeometrySpec } from "../../src/codegen/plan/geometry-spec.ts";
import { cloud } from "../geometry/clouds.ts";
import { combinedCase, randomCase } from "../geometry/random-spec.ts";
import { minkUNet, second, SpecWriter } from "../geometry/specs.ts";
import { checkCpuGeometry, type GeometryOptions } from "../support/cpu-geometry.ts";

/** Bitmaps, hashed tables, and both joined; on the calling thread and on several. */
const WAYS: readonly (readonly [string, GeometryOptions])[] = [
  ["bitmaps", {}],
  ["hashed tables", { bitmapCells: 0 }],
  ["hashed tables for grids of more than 2000 cells", { bitmapCells: 2000 }],
];

/** All sets of this target are sorted: it has no sorted copies. */
function unsorted({ sites, rulebooks }: GeometrySpec): GeometrySpec {
  const kept = sites.filter((s) => s.kind !== "sorted");
  return { sites: kept, rulebooks: rulebooks.filter((r) => kept.some((s) => s.id === r.from) && kept.some((s) => s.id === r.to)) };
}

describe.each(WAYS)("sites, orders and pairs by %s", (_, options) => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))("random geometry %i", async (seed) => {
    const { spec, inputs } = randomCase(seed);
    await checkCpuGeometry(unsorted(spec), inputs, { ...options, threads: seed % 10 === 9 ? 3 : 0 });
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))("unions and generated sets %i", async (seed) => {
    const { spec, inputs } = combinedCase(seed);
    await checkCpuGeometry(spec, inputs, { ...options, threads: seed % 10 === 9 ? 3 : 0 });
  });

  it.each([0, 2])("SECOND's five levels and MinkUNet's, with negative coordinates, on %i threads", async (threads) => {
    await checkCpuGeometry(second([41, 200, 176]), { S: cloud({ seed: 7, dim: 3, rows: 1500, extents: [41, 200, 176], batch: 2 }) }, { ...options, threads });
    await checkCpuGeometry(minkUNet(), { S: cloud({ seed: 8, dim: 3, rows: 1500, extents: [60, 50, 40], batch: 2, low: -25 }) }, { ...options, threads });
  });

  it.each([0, 1, 63, 64, 65, 128, 129])("%i rows: around the tiles of 64", async (rows) => {
    for (const extents of [undefined, [20, 30]]) {
      const spec = new SpecWriter(2).input("S", extents).subm("s", "S", 3).reach("A", "S", { k: 3, s: 2, p: 1 })
        .rulebook("r", "S", "A", { k: 3, s: 2, p: 1 }, { transposed: true }).floor("F", "S", 2).rulebook("f", "S", "F", { k: 2, s: 2 }, { transposed: true }).spec;
      await checkCpuGeometry(spec, { S: cloud({ seed: rows, dim: 2, rows, extents: [20, 30], batch: 3 }) }, options);
    }
  });

  it("a full grid, its corners, and one site alone", async () => {
    const spec = new SpecWriter(2).input("S", [20, 30]).subm("s", "S", 3).reach("A", "S", { k: 3, s: 2, p: 1 }).rulebook("r", "S", "A", { k: 3, s: 2, p: 1 }, { transposed: true }).spec;
    for (const rows of [
      Array.from({ length: 600 }, (_, i) => [0, Math.floor(i / 30), i % 30]),
      [[0, 0, 0], [1, 0, 29], [2, 19, 0], [2, 19, 29]],
      [[4, 19, 29]],
    ]) await checkCpuGeometry(spec, { S: rows }, options);
  });

  it("one site reaches 3^d outputs, in 1D to 4D, and stays one under a submanifold kernel", async () => {
    for (const dim of [1, 2, 3, 4]) {
      const spec = new SpecWriter(dim).input("S").reach("A", "S", { k: 3, p: 1 }).reach("B", "A", { k: 3, p: 1 }).subm("s", "S", 3).spec;
      expect(await checkCpuGeometry(spec, { S: [[0, ...Array.from({ length: dim }, () => -5)]] }, options)).toEqual([1, 3 ** dim, 5 ** dim]);
    }
  });

  it("kernels longer than one word of a bitmap, dilated and not, across words and lines", async () => {
    const rows = cloud({ seed: 4, dim: 2, rows: 150, extents: [6, 300], batch: 2, low: -3 });
    for (const shape of [{ k: [1, 57], p: [0, 28] }, { k: [1, 58], p: [0, 28] }, { k: [3, 3], d: [1, 28], p: [1, 28] }, { k: [3, 3], d: [1, 29], p: [1, 29] }, { k: [2, 130], s: [1, 7], p: [1, 64] }]) {
      const spec = new SpecWriter(2).input("S").rulebook("same", "S", "S", { ...shape, s: 1 }, { transposed: true }).reach("A", "S", shape).rulebook("to", "S", "A", shape, { transposed: true }).spec;
      await checkCpuGeometry(spec, { S: rows }, options);
    }
  });

  it("rows that fall between the taps of a level, or out of it, do not come back at the next", async () => {
    const given = { S: Array.from({ length: 12 }, (_, c) => [0, c]) };
    for (const extents of [undefined, [12]]) {
      const spec = new SpecWriter(1).input("S", extents).reach("A", "S", { k: 1, s: 4 }).reach("B", "A", { k: 3, p: 1 }).reach("C", "B", { k: 3, p: 0 }).subm("c", "C", 3).spec;
      await checkCpuGeometry(spec, given, options);
      await checkCpuGeometry(spec, { S: [[0, 5], [0, 11]] }, options);
    }
    const clipped = new SpecWriter(1).input("S", [12]).reach("A", "S", { k: 5, p: 0 }).reach("B", "A", { k: 3, p: 1 }).reach("C", "B", { k: 1, p: 1 }).spec;
    await checkCpuGeometry(clipped, { S: [[0, 11]] }, options);
  });

  it.each([1, 2, 3, 4])("beyond 2 GiB of memory, random geometry %i", async (seed) => {
    const { spec, inputs } = randomCase(seed);
    await checkCpuGeometry(unsorted(spec), inputs, { ...options, ballast: 2 ** 31 });
  });

  it("two inputs of different dimensions, more rows than one unit marks", async () => {
    const a = new SpecWriter(2).input("P", [200, 90]).reach("P/2", "P", { k: 2, s: 2 }).subm("p", "P/2", 3).spec;
    const b = new SpecWriter(3).input("Q").floor("Q/2", "Q", 2).rulebook("q", "Q", "Q/2", { k: 2, s: 2 }).spec;
    const spec = { sites: [...a.sites, ...b.sites], rulebooks: [...a.rulebooks, ...b.rulebooks] };
    const inputs = { P: cloud({ seed: 1, dim: 2, rows: 5000, extents: [200, 90] }), Q: cloud({ seed: 2, dim: 3, rows: 4200, extents: [40, 40, 40], low: -20 }) };
    for (const threads of [0, 2]) await checkCpuGeometry(spec, inputs, { ...options, threads });
  });
});

it("coordinates far from the origin, and a gap too wide for any bitmap", async () => {
  const spec = new SpecWriter(2).input("S").subm("s", "S", 3).floor("A", "S", 2).rulebook("r", "S", "A", { k: 2, s: 2 }, { transposed: true }).spec;
  const far = [[0, -(2 ** 30) + 5, 2 ** 30 - 5], [0, 2 ** 30 - 5, 2 ** 30 - 6], [0, 2 ** 30 - 6, 2 ** 30 - 6], [1, 0, 0], [0, -1, -1]];
  await checkCpuGeometry(spec, { S: far });
});
