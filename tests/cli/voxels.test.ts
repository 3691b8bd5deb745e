import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseSafetensors } from "../../src/cli/files/safetensors.ts";
import { toFloat32, toInt32 } from "../../src/cli/files/tensor.ts";
import { KITTI_POINTS, parsePoints, type PointFormat } from "../../src/cli/files/points.ts";
import { gridExtents, voxelize, type VoxelGrid } from "../../src/cli/files/voxels.ts";

const DATA = "../shared/data";

interface GridFacts {
  readonly grid: string;
  readonly rangeMin?: readonly number[];
  readonly rangeMax?: readonly number[];
  readonly voxelSize?: readonly number[];
  readonly extentXYZ?: readonly number[];
  readonly pointsInRange?: number;
  readonly voxels: number;
}

interface ScanCase {
  readonly file: string;
  readonly facts: { readonly points?: number; readonly grids?: readonly GridFacts[] };
}

/** The grid a case describes: by range and voxel size, or by a formula over p. */
function gridOf(facts: GridFacts): VoxelGrid {
  if (facts.voxelSize !== undefined) return { voxel: facts.voxelSize, range: { min: facts.rangeMin!, max: facts.rangeMax! } };
  const formula = /^(round|floor)\(p\/([\d.]+)\)/.exec(facts.grid);
  const edge = Number(formula![2]);
  return { voxel: [edge, edge, edge], rounding: formula![1] === "round" ? "nearest" : "floor" };
}

const points = (rows: readonly (readonly number[])[]): ReturnType<typeof parsePoints> => {
  const data = Float32Array.from(rows.flat());
  return parsePoints("test", new Uint8Array(data.buffer), { columns: rows[0]!.length, scalar: "f32" });
};

// The scans are not part of the project; where they lie beside it, their counts are checked.
if (existsSync(`${DATA}/cases.json`)) publishedScans();

function publishedScans(): void {
  describe("published scans", () => {
    const cases = JSON.parse(readFileSync(`${DATA}/cases.json`, "utf8")) as readonly ScanCase[];
    const scans = cases.filter((c) => c.file.endsWith(".bin"));

    test("are all listed here", () => {
      expect(scans.map((s) => s.file)).toHaveLength(5);
    });

    for (const scan of scans) {
      const format: PointFormat = scan.file.startsWith("nuscenes/") ? { columns: 5, scalar: "f16" } : KITTI_POINTS;
      for (const facts of scan.facts.grids ?? []) {
        test(`${scan.file} on ${facts.grid} has ${facts.voxels} voxels`, () => {
          const cloud = parsePoints(scan.file, readFileSync(`${DATA}/${scan.file}`), format);
          expect(cloud.count).toBe(scan.facts.points);
          const grid = gridOf(facts);
          if (facts.extentXYZ !== undefined) expect(gridExtents(grid)).toEqual(facts.extentXYZ);
          const result = voxelize(cloud, grid);
          expect(result.count).toBe(facts.voxels);
          if (facts.pointsInRange !== undefined) expect(result.pointsInRange).toBe(facts.pointsInRange);
        });
      }
    }

    test("spconv's benchmark cloud gives spconv's voxels, row by row", () => {
      const file = `${DATA}/spconv-benchmark/benchmark-pc.safetensors`;
      const tensors = parseSafetensors(file, readFileSync(file));
      const data = toFloat32(tensors.get("input.points")!);
      const cloud = { columns: 3, count: data.length / 3, data };
      const result = voxelize(cloud, { voxel: [0.1, 0.1, 0.1], range: { min: [-80, -80, -2], max: [80, 80, 6] } });
      const expected = toInt32(tensors.get("expect.coords")!);
      const mine = Int32Array.from({ length: result.count * 4 }, (_, i) => (i % 4 === 0 ? 0 : result.indices[3 * (i >> 2) + 3 - (i % 4)]!));
      expect(mine).toEqual(expected);
    });
  });
}

describe("voxelize", () => {
  test("averages every column of a voxel's points", () => {
    const cloud = points([[0.1, 0.2, 0.3, 1], [0.3, 0.4, 0.9, 0], [1.5, 0.1, 0.1, 0.25]]);
    const result = voxelize(cloud, { voxel: [1, 1, 1] });
    expect([...result.indices]).toEqual([0, 0, 0, 1, 0, 0]);
    expect(result.means).toEqual(Float32Array.from([0.2, 0.3, 0.6, 0.5, 1.5, 0.1, 0.1, 0.25].map(Math.fround)));
  });

  test("float32 decides a border: 0.3 / 0.1 is 3 in float32, below 3 in float64", () => {
    expect(0.3 / 0.1).toBeLessThan(3);
    expect([...voxelize(points([[0.3, 0, 0]]), { voxel: [0.1, 0.1, 0.1] }).indices]).toEqual([3, 0, 0]);
  });

  test("rounds halves to even when asked for the nearest", () => {
    const result = voxelize(points([[0.5, 1.5, -0.5]]), { voxel: [1, 1, 1], rounding: "nearest" });
    expect([...result.indices]).toEqual([0, 2, 0]);
  });

  test("caps keep the first points and the first voxels of the scan", () => {
    const cloud = points([[0, 0, 0, 1], [0.5, 0, 0, 3], [0.5, 0, 0, 100], [1, 0, 0, 5]]);
    const result = voxelize(cloud, { voxel: [1, 1, 1], maxPoints: 2, maxVoxels: 1 });
    expect(result.count).toBe(1);
    expect(result.means[3]).toBe(2);
  });

  test("refuses voxels without size and ranges turned around", () => {
    const cloud = points([[0, 0, 0, 1]]);
    expect(() => voxelize(cloud, { voxel: [0, 1, 1] })).toThrow(/SP0833.*above 0/);
    expect(() => voxelize(cloud, { voxel: [1, 1, 1], range: { min: [0, 0, 1], max: [1, 1, 0] } })).toThrow(/SP0833.*below its maximum/);
  });

  test("refuses a scan that holds no whole points, or infinities", () => {
    expect(() => parsePoints("a.bin", new Uint8Array(17), KITTI_POINTS)).toThrow(/SP0831: a.bin has 17 bytes/);
    expect(() => points([[0, 1, 2, 3], [0, Infinity, 0, 0]])).toThrow(/SP0832: point 1 of test holds Infinity in column 1/);
  });
});
