import { describe, expect, test } from "vitest";
import { KITTI_GRID } from "../../src/cli/files/kitti.ts";
import { simulateScan } from "../../src/cli/scan/lidar.ts";
import { voxelize } from "../../src/runtime/points/index.ts";
import { box, ellipsoid, post } from "../../src/cli/scan/shapes.ts";

describe("simulated scan", () => {
  test("is a function of its seed", () => {
    expect(simulateScan(7)).toEqual(simulateScan(7));
    expect(simulateScan(7)).not.toEqual(simulateScan(8));
  });

  for (const seed of [1, 2, 3]) {
    test(`seed ${seed} has the voxels of a KITTI frame as detectors see it`, () => {
      const started = performance.now();
      const scan = simulateScan(seed);
      expect(performance.now() - started).toBeLessThan(1000);
      const { rows } = voxelize(scan, KITTI_GRID);
      expect(rows).toBeGreaterThan(14_000);
      expect(rows).toBeLessThan(21_000);
    });
  }

  test("stays within the sensor's reach, above the road, with intensities of 0 to 1", () => {
    const { data } = simulateScan(4, { fieldOfView: 360 });
    let [behind, far, low, dull] = [0, 0, 0, 0];
    for (let p = 0; p < data.length; p += 4) {
      const [x, y, z, intensity] = [data[p]!, data[p + 1]!, data[p + 2]!, data[p + 3]!];
      if (x < 0) behind++;
      if (Math.hypot(x, y, z) > 80.01) far++;
      if (z < -1.9) low++;
      if (intensity < 0 || intensity >= 1) dull++;
    }
    expect({ far, low, dull }).toEqual({ far: 0, low: 0, dull: 0 });
    expect(behind).toBeGreaterThan(data.length / 4 / 3);
  });
});

describe("solids", () => {
  const s = { reflectance: 1 };
  const unit = (x: number, y: number, z: number): [number, number, number] => {
    const n = Math.hypot(x, y, z);
    return [x / n, y / n, z / n];
  };

  test("a box is hit on its near face, also when turned", () => {
    expect(box(10, 0, -1, 2, 2, 2, 0, s).hit(1, 0, 0)).toBeCloseTo(9, 12);
    expect(box(10, 0, -1, 2, 2, 2, Math.PI / 4, s).hit(1, 0, 0)).toBeCloseTo(10 - Math.SQRT2, 12);
    expect(box(10, 0, -1, 2, 2, 2, 0, s).hit(...unit(9, 1.01, 0))).toBe(Infinity);
    expect(box(10, 0, 0.5, 2, 2, 2, 0, s).hit(1, 0, 0)).toBe(Infinity);
    expect(box(-10, 0, -1, 2, 2, 2, 0, s).hit(1, 0, 0)).toBe(Infinity);
  });

  test("a post is hit within its height only", () => {
    expect(post(5, 0, -1, 0.5, 2, s).hit(1, 0, 0)).toBeCloseTo(4.5, 12);
    expect(post(5, 0, -1, 0.5, 2, s).hit(...unit(4.5, 0, 1.01))).toBe(Infinity);
    expect(post(5, 0.6, -1, 0.5, 2, s).hit(1, 0, 0)).toBe(Infinity);
  });

  test("an ellipsoid is as wide as its radius and as high as its half height", () => {
    const egg = ellipsoid(10, 0, 0, 1, 3, s);
    expect(egg.hit(1, 0, 0)).toBeCloseTo(9, 12);
    expect(egg.hit(...unit(10, 1.05, 0))).toBe(Infinity);
    expect(egg.hit(...unit(10, 0, 2.95))).toBeLessThan(Infinity);
    expect(egg.hit(...unit(10, 0, 3.1))).toBe(Infinity);
  });
});
