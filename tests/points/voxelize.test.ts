import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { voxelize, voxelPoints, type VoxelizeOptions } from "../../src/runtime/points/index.ts";
import { recordParity } from "../support/parity.ts";
import { fixtureFolder, readFixture, tensorOf } from "../support/safetensors.ts";

interface GoldenVoxels {
  readonly file: string;
  readonly parameters: { readonly voxelSize: readonly number[]; readonly range: readonly number[]; readonly maxVoxels: number; readonly maxPointsPerVoxel: number; readonly pointFeatures: number };
}

const folder = fixtureFolder("spconv-golden");
/** Every number of the case came out. */
const exact = (file: string): void => recordParity({ folder: "spconv-golden", file, target: "spnet/points", error: 0, tolerance: 0, relative: false });
const sorted = (coords: ArrayLike<number>, width: number): string[] => Array.from({ length: coords.length / width }, (_, r) => Array.from({ length: width }, (__, c) => coords[r * width + c]).join()).sort();

describe.skipIf(folder === undefined)(`spconv's voxels${folder === undefined ? " (skipped: the shared folder fixtures/spconv-golden is not here)" : ""}`, () => {
  const cases = folder === undefined ? [] : (JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as GoldenVoxels[]).filter((c) => c.file.startsWith("voxelize"));

  it("are four cases", () => expect(cases).toHaveLength(4));

  it.each(cases.map((c) => [c.file, c] as const))("%s", (file, { parameters: p }) => {
    const tensors = readFixture(`${folder}${file}`);
    const axes = p.voxelSize.length;
    const points = { columns: p.pointFeatures, data: tensorOf(tensors, "input.points").data as Float32Array };
    const voxels = voxelize(points, { voxel: p.voxelSize, range: { min: p.range.slice(0, axes), max: p.range.slice(axes) }, maxPoints: p.maxPointsPerVoxel, maxVoxels: p.maxVoxels, order: "reversed" });
    const slots = voxelPoints(points, voxels, p.maxPointsPerVoxel);
    const wanted = (name: string): ArrayLike<number> => tensorOf(tensors, `expect.${name}`).data;
    if (tensors.has("expect.point_voxel")) {
      expect([...voxels.coords]).toEqual([...Array.from(wanted("coords"))]);
      expect([...voxels.counts]).toEqual([...Array.from(wanted("num_points"))]);
      expect([...voxels.pointRow]).toEqual([...Array.from(wanted("point_voxel"))]);
      expect([...slots]).toEqual([...Array.from(wanted("voxels"))]);
      exact(file);
      return;
    }
    // Made without an order: rows and the points in them are compared as sets.
    expect(sorted(voxels.coords, axes + 1)).toEqual(sorted(wanted("coords"), axes + 1));
    const countOf = new Map(Array.from({ length: voxels.rows }, (_, r) => [voxels.coords.subarray(r * (axes + 1), (r + 1) * (axes + 1)).join(), r]));
    const order = wanted("coords") as Int32Array;
    const inOrder = Array.from({ length: voxels.rows }, (_, r) => countOf.get(order.subarray(r * (axes + 1), (r + 1) * (axes + 1)).join())!);
    expect(inOrder.map((r) => voxels.counts[r])).toEqual([...Array.from(wanted("num_points"))]);
    exact(file);
    // Which points an over-full voxel keeps is arbitrary there.
    if (file !== "voxelize4d.safetensors") return;
    const size = p.maxPointsPerVoxel * p.pointFeatures;
    const theirs = wanted("voxels") as Float32Array;
    inOrder.forEach((r, i) => expect(sorted(slots.subarray(r * size, (r + 1) * size), p.pointFeatures)).toEqual(sorted(theirs.subarray(i * size, (i + 1) * size), p.pointFeatures)));
  });
});

const options = fc.record({
  axes: fc.integer({ min: 1, max: 4 }),
  extra: fc.integer({ min: 0, max: 2 }),
  points: fc.integer({ min: 0, max: 60 }),
  seed: fc.nat(),
  bounded: fc.boolean(),
  reduce: fc.constantFrom("mean", "sum", "max", "first"),
  maxPoints: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  maxVoxels: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
  batch: fc.nat(3),
});

describe("voxels", () => {
  it("are the points of each cell, first come first served, on 1 to 4 axes", () => {
    fc.assert(fc.property(options, ({ axes, extra, points: count, seed, bounded, reduce, maxPoints, maxVoxels, batch }) => {
      let state = seed;
      // Quarters are exact in float32, so that the oracle may divide as it likes.
      const random = (): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24;
      const columns = axes + extra;
      const data = Float32Array.from({ length: count * columns }, () => Math.floor(random() * 33 - 16) / 4);
      const given: VoxelizeOptions = {
        voxel: Array(axes).fill(1.5) as number[], reduce: reduce as "mean", batch,
        ...(bounded ? { range: { min: Array(axes).fill(-3) as number[], max: Array(axes).fill(3) as number[] } } : {}),
        ...(maxPoints === undefined ? {} : { maxPoints }), ...(maxVoxels === undefined ? {} : { maxVoxels }),
      };
      const cells = new Map<string, number[]>();
      const rows: number[] = [];
      for (let p = 0; p < count; p++) {
        const cell = Array.from({ length: axes }, (_, a) => Math.floor((data[p * columns + a]! - (bounded ? -3 : 0)) / 1.5));
        if (bounded && cell.some((c) => c < 0 || c >= 4)) {
          rows.push(-1);
          continue;
        }
        const name = cell.join();
        if (!cells.has(name) && cells.size >= (maxVoxels ?? Infinity)) {
          rows.push(-1);
          continue;
        }
        if (!cells.has(name)) cells.set(name, []);
        cells.get(name)!.push(p);
        rows.push([...cells.keys()].indexOf(name));
      }
      const found = voxelize({ columns, data }, given);
      expect([...found.pointRow]).toEqual(rows);
      expect([...found.coords]).toEqual([...cells.keys()].flatMap((name) => [batch, ...name.split(",").map(Number)]));
      const taken = [...cells.values()].map((list) => list.slice(0, maxPoints ?? Infinity));
      expect([...found.counts]).toEqual(taken.map((list) => list.length));
      const wanted = taken.flatMap((list) => Array.from({ length: columns }, (_, c) => {
        const values = list.map((p) => data[p * columns + c]!);
        const sum = values.reduce((a, b) => a + b, 0);
        return Math.fround(reduce === "mean" ? sum / values.length : reduce === "sum" ? sum : reduce === "max" ? Math.max(...values) : values[0]!);
      }));
      expect(found.features).toEqual(Float32Array.from(wanted));
      const reversed = voxelize({ columns, data }, { ...given, order: "reversed" });
      expect([...reversed.coords]).toEqual([...cells.keys()].flatMap((name) => [batch, ...name.split(",").map(Number).reverse()]));
    }), { numRuns: 400 });
  });

  it("float32 decides a border: 0.3 / 0.1 is 3 in float32, below 3 in float64", () => {
    expect(0.3 / 0.1).toBeLessThan(3);
    expect([...voxelize({ columns: 3, data: Float32Array.of(0.3, 0, 0) }, { voxel: [0.1, 0.1, 0.1] }).coords]).toEqual([0, 3, 0, 0]);
  });

  it("are the nearest when asked, halves to even", () => {
    expect([...voxelize({ columns: 3, data: Float32Array.of(0.5, 1.5, -0.5) }, { voxel: [1, 1, 1], rounding: "nearest" }).coords]).toEqual([0, 0, 2, 0]);
  });

  it("are refused with a code where grid, points or limits make no sense", () => {
    const points = { columns: 3, data: Float32Array.of(1, 2, 3) };
    const code = (call: () => unknown): string => {
      try {
        call();
      } catch (e) {
        return (e as Error).message;
      }
      return "nothing was refused";
    };
    expect(code(() => voxelize(points, { voxel: [] }))).toMatch(/^SP0833: voxel edges must be 1 to 4/);
    expect(code(() => voxelize(points, { voxel: [1, 0, 1] }))).toMatch(/^SP0833.*above 0/);
    expect(code(() => voxelize(points, { voxel: [1, 1, 1, 1] }))).toMatch(/^SP0833: points have 3 columns/);
    expect(code(() => voxelize(points, { voxel: [1, 1], range: { min: [0, 0], max: [0, 1] } }))).toMatch(/^SP0833.*below its maximum/);
    expect(code(() => voxelize({ columns: 2, data: points.data }, { voxel: [1] }))).toMatch(/^SP0833.*whole number of points/);
    expect(code(() => voxelize({ columns: 1, data: Float32Array.of(0, Number.NaN) }, { voxel: [1] }))).toMatch(/^SP0832: point 1: coordinate 0 is NaN/);
    expect(code(() => voxelize({ columns: 1, data: Float32Array.of(1e20) }, { voxel: [1] }))).toMatch(/^SP0833: point 0 lies/);
    expect(code(() => voxelize(points, { voxel: [1, 1, 1], maxPoints: 0 }))).toMatch(/^SP0833: maxPoints is 0/);
    expect(code(() => voxelize(points, { voxel: [1, 1, 1], maxVoxels: 1.5 }))).toMatch(/^SP0833: maxVoxels is 1.5/);
    expect(code(() => voxelize({ columns: 4, data: Float32Array.of(-2e9, -2e9, -2e9, -2e9, 2e9, 2e9, 2e9, 2e9) }, { voxel: [1, 1, 1, 1] }))).toMatch(/^SP0833: the points span/);
  });
});
