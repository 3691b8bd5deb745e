import { describe, expect, test } from "vitest";
import { Random } from "../../src/cli/random.ts";
import { roomFrame } from "../../src/cli/scan/room.ts";
import type { Cells } from "../../src/cli/scan/cells.ts";
import { penStrokes } from "../../src/cli/scan/strokes.ts";
import { particleTracks } from "../../src/cli/scan/tracks.ts";
import { voxelize } from "../../src/runtime/points/index.ts";

function expectCells(cells: Cells, extents: readonly number[], least: number): void {
  const dim = extents.length;
  const rows = cells.indices.length / dim;
  expect(rows).toBeGreaterThan(least);
  expect(cells.values).toHaveLength(rows * cells.columns);
  const keys = new Set<string>();
  for (let r = 0; r < rows; r++) {
    const cell = [...cells.indices.subarray(r * dim, (r + 1) * dim)];
    expect(cell.every((v, axis) => v >= 0 && v < extents[axis]!)).toBe(true);
    keys.add(cell.join());
  }
  expect(keys.size).toBe(rows);
}

describe("random numbers", () => {
  test("are repeatable, a stream per name", () => {
    const a = new Random(1, "a");
    const b = new Random(1, "b");
    const c = new Random(1, "a");
    const [first, second] = [a.next(), a.next()];
    expect([c.next(), c.next()]).toEqual([first, second]);
    expect(b.next()).not.toBe(first);
  });

  test("are even and, where asked, normal", () => {
    const random = new Random(3);
    const bins = new Array<number>(10).fill(0);
    let [sum, squares] = [0, 0];
    for (let i = 0; i < 100_000; i++) {
      bins[random.below(10)]!++;
      const n = random.normal();
      sum += n;
      squares += n * n;
    }
    for (const bin of bins) expect(Math.abs(bin - 10_000)).toBeLessThan(500);
    expect(Math.abs(sum / 100_000)).toBeLessThan(0.02);
    expect(Math.abs(squares / 100_000 - 1)).toBeLessThan(0.02);
  });
});

describe("made-up scenes", () => {
  test("pen strokes lie on the paper, each cell once", () => {
    const cells = penStrokes(new Random(1), [64, 96]);
    expectCells(cells, [64, 96], 100);
    for (let i = 0; i < cells.values.length; i += 3) expect(Math.hypot(cells.values[i + 1]!, cells.values[i + 2]!)).toBeCloseTo(1, 5);
  });

  for (const extents of [[500], [64, 64], [40, 40, 40], [24, 24, 24, 16]]) {
    test(`tracks in ${extents.length} dimensions stay in the detector`, () => {
      expectCells(particleTracks(new Random(2), extents), extents, 60);
    });
  }

  test("a room is seen from inside: every ray of the camera ends at something", () => {
    const frame = roomFrame(1, { width: 64, height: 48 });
    expect(frame.data.length / frame.columns).toBeGreaterThan(0.95 * 64 * 48);
    for (let i = 0; i < frame.data.length; i += 6) {
      expect(frame.data[i]!).toBeGreaterThan(0);
      expect(Math.max(...frame.data.subarray(i + 3, i + 6))).toBeLessThanOrEqual(1);
    }
    expect(roomFrame(1, { width: 64, height: 48 })).toEqual(frame);
    expect(roomFrame(2, { width: 64, height: 48 }).data).not.toEqual(frame.data);
  });

  test("a whole frame has some ten thousand voxels of 2 cm", () => {
    const { rows } = voxelize(roomFrame(1), { voxel: [0.02, 0.02, 0.02] });
    expect(rows).toBeGreaterThan(10_000);
  });
});
