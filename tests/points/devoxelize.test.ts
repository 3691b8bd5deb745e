import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpolatedFeatures, nearestFeatures, voxelize } from "../../src/runtime/points/index.ts";

describe("features of points", () => {
  it("nearest: those of the voxel that a point lies in, 0 for points left out", () => {
    const points = { columns: 2, data: Float32Array.of(0.2, 0.2, 5, 5, 0.8, 0.1, 1.5, 0.5) };
    const { pointRow, rows } = voxelize(points, { voxel: [1, 1], range: { min: [0, 0], max: [2, 2] } });
    expect(rows).toBe(2);
    expect([...nearestFeatures(pointRow, { features: Float32Array.of(1, 2, 3, 4), channels: 2 })]).toEqual([1, 2, 0, 0, 1, 2, 3, 4]);
    expect(nearestFeatures(new Int32Array(0), { features: new Float32Array(0), channels: 2 })).toHaveLength(0);
  });

  const cases = fc.record({ axes: fc.integer({ min: 1, max: 4 }), stride: fc.constantFrom(1, 2, 4), seed: fc.nat(), fill: fc.constantFrom(0.3, 1), weights: fc.constantFrom("present", "all") });

  it("interpolated: the sum over all sites of their weights, product of 1 − distance", () => {
    fc.assert(fc.property(cases, ({ axes, stride, seed, fill, weights }) => {
      let state = seed;
      const random = (): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24;
      const sites: number[][] = [];
      for (let i = 0; i < 4 ** axes; i++) if (random() < fill) sites.push([1, ...Array.from({ length: axes }, (_, a) => (Math.floor(i / 4 ** a) % 4) - 1)]);
      // Another batch item, which must not be met.
      sites.push([0, ...Array<number>(axes).fill(0)]);
      const channels = 3;
      const features = Float32Array.from({ length: sites.length * channels }, () => random() * 2 - 1);
      const positions = Float32Array.from({ length: 20 * axes }, () => (random() * 6 - 2) * stride);
      positions.set(Array<number>(axes).fill(stride), 0);
      const found = interpolatedFeatures(positions, { coords: Int32Array.from(sites.flat()), features, channels }, { batch: 1, stride, weights: weights as "all" });
      for (let p = 0; p < 20; p++) {
        const weightOf = ([batch, ...site]: number[]): number => (batch !== 1 ? 0 : site.reduce((w, c, a) => w * Math.max(0, 1 - Math.abs(positions[p * axes + a]! / stride - c)), 1));
        const all = sites.map(weightOf);
        const total = all.reduce((a, b) => a + b, 0);
        for (let c = 0; c < channels; c++) {
          const sum = all.reduce((s, w, row) => s + w * features[row * channels + c]!, 0);
          expect(found[p * channels + c]!).toBeCloseTo(total === 0 ? 0 : weights === "present" ? sum / total : sum, 5);
        }
      }
    }), { numRuns: 150 });
  });

  it("are refused with SP0880 where numbers do not fit; without sites there is nothing", () => {
    const sites = { coords: Int32Array.of(0, 0, 0), features: Float32Array.of(1), channels: 1 };
    expect(() => interpolatedFeatures(Float32Array.of(1, 2, 3), sites)).toThrow(/SP0880: 3 numbers are not a whole number of positions on 2 axes/);
    expect(() => interpolatedFeatures(Float32Array.of(1, 2), { ...sites, coords: Int32Array.of(0) })).toThrow(/SP0880/);
    expect(() => interpolatedFeatures(Float32Array.of(1, 2), sites, { stride: 0 })).toThrow(/SP0880: stride is 0/);
    expect(() => interpolatedFeatures(Float32Array.of(1, 2), sites, { stride: [1] })).toThrow(/SP0880: stride is 1/);
    expect([...interpolatedFeatures(Float32Array.of(1, 2), { coords: new Int32Array(0), features: new Float32Array(0), channels: 1 })]).toEqual([0, 0]);
  });
});
