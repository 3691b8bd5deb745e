import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { simulateScan } from "../../../src/cli/scan/lidar.ts";
import type { Rows } from "../../geometry/oracle.ts";
import { minkUNet, second, SpecWriter } from "../../geometry/specs.ts";
import { checkGeometry } from "./check.ts";
import { GeometryRunner, type GeometryRun } from "./harness.ts";

const runner = GeometryRunner.ofFile();

interface Grid {
  readonly rangeMin: readonly number[];
  readonly rangeMax: readonly number[];
  readonly voxelSize: readonly number[];
}

const SECOND: Grid = { rangeMin: [0, -40, -3], rangeMax: [70.4, 40, 1], voxelSize: [0.05, 0.05, 0.1] };

/** Voxels (0, z, y, x) of points (x, y, z, …), every operation in float32, in order of first appearance. */
function voxels(points: Float32Array, stride: number, grid: Grid): Rows {
  const f = Math.fround;
  const found = new Map<string, readonly number[]>();
  const extents = grid.voxelSize.map((v, a) => Math.round((grid.rangeMax[a]! - grid.rangeMin[a]!) / v));
  for (let i = 0; i < points.length; i += stride) {
    const cell = [0, 1, 2].map((a) => Math.floor(f(f(points[i + a]! - f(grid.rangeMin[a]!)) / f(grid.voxelSize[a]!))));
    if (cell.some((c, a) => c < 0 || c >= extents[a]!)) continue;
    const row = [0, cell[2]!, cell[1]!, cell[0]!];
    found.set(row.join(), row);
  }
  return [...found.values()];
}

/** Runs until everything fits. */
async function fitted(spec: Parameters<GeometryRunner["run"]>[0], rows: Rows): Promise<GeometryRun> {
  let run = await runner.run(spec, { S: rows });
  for (let n = 0; run.counts.overflow && n < 4; n++) run = await runner.run(spec, { S: rows }, { room: Object.fromEntries(spec.sites.map((s, i) => [s.id, run.counts.rows[i]!])) });
  return run;
}

describe("a simulated scan", () => {
  const { data: scan } = simulateScan(3, { azimuthStep: 0.8 });
  test("SECOND on its full grid", async () => {
    const rows = voxels(scan, 4, SECOND);
    expect(rows.length).toBeGreaterThan(1500);
    const run = await checkGeometry(runner, second(), { S: rows });
    expect(run.dispatches).toBe(4);
  });

  test("MinkUNet without bounds", async () => {
    const rows = voxels(scan, 4, { rangeMin: [-50, -50, -5], rangeMax: [50, 50, 5], voxelSize: [0.2, 0.2, 0.2] }).map(([b, ...c]) => [b!, ...c.map((n) => n - 250)]);
    expect(rows.length).toBeGreaterThan(1000);
    const run = await checkGeometry(runner, minkUNet(), { S: rows });
    expect(run.dispatches).toBe(4);
  });
});

const data = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));
const here = existsSync(`${data}cases.json`);

const bytesOf = (file: string): ArrayBuffer => new Uint8Array(readFileSync(`${data}${file}`)).buffer;
const floats = (file: string): Float32Array => new Float32Array(bytesOf(file));

function halves(file: string): Float32Array {
  return Float32Array.from(new Uint16Array(bytesOf(file)), (h) => {
    const [sign, exponent, fraction] = [h >> 15 === 0 ? 1 : -1, (h >> 10) & 31, (h & 1023) / 1024];
    return sign * (exponent === 0 ? 2 ** -14 * fraction : 2 ** (exponent - 15) * (1 + fraction));
  });
}

interface ScanCase {
  readonly file: string;
  readonly facts: { readonly grids?: readonly (Grid & { readonly grid: string; readonly encoder?: { readonly levels: readonly { readonly cells: number; readonly shape: readonly number[] }[] } })[] };
}

describe.skipIf(!here)(`recorded scans${here ? "" : " (skipped: the shared folder data is not beside this checkout)"}`, () => {
  const cases = here ? (JSON.parse(readFileSync(`${data}cases.json`, "utf8")) as readonly ScanCase[]) : [];
  const withLevels = cases.flatMap((c) => (c.facts.grids ?? []).filter((g) => g.encoder !== undefined && g.voxelSize !== undefined).map((g) => ({ file: c.file, grid: g.grid, facts: g })));
  test.each(withLevels)("$file: every level of $grid has as many sites as counted elsewhere", async ({ file, facts }) => {
    const levels = facts.encoder!.levels;
    // Sweeps of nuScenes are kept as five halves a point, the others as four floats.
    const rows = file.startsWith("nuscenes") ? voxels(halves(file), 5, facts) : voxels(floats(file), 4, facts);
    const run = await fitted(second(levels[0]!.shape), rows);
    expect(run.counts.problems).toEqual([]);
    expect(run.counts.rows).toEqual(levels.map((l) => l.cells));
  });

  interface Recorded {
    readonly file: string;
    readonly VoxelBackBone8x?: Counted;
    readonly MinkUNet18?: Counted;
  }
  interface Counted {
    readonly sites: Readonly<Record<string, number>>;
    readonly map_entries: Readonly<Record<string, number>>;
  }
  const manifest = here ? (JSON.parse(readFileSync(`${data}bench/manifest.json`, "utf8")) as Readonly<Record<string, Recorded>>) : {};
  const rowsOf = (file: string, reversed: boolean): Rows => {
    const words = new Int32Array(bytesOf(`bench/${file}`));
    return Array.from({ length: words.length / 4 }, (_, r) => {
      const [b, x, y, z] = words.subarray(4 * r, 4 * r + 4);
      return reversed ? [b!, z!, y!, x!] : [b!, x!, y!, z!];
    });
  };

  test.each(["kitti50k", "kitti100k"])("%s: SECOND's sites and pairs", async (name) => {
    const { file, VoxelBackBone8x: counted } = manifest[name]!;
    const run = await fitted(second(), rowsOf(file, true));
    expect(run.counts.rows).toEqual([0, 1, 2, 3, 4].map((level) => counted!.sites[level]));
    const pairs = (kind: string, level: number, k: string): number => counted!.map_entries[`${kind} level${level} k${k}`]!;
    expect(run.counts.pairs).toEqual([
      pairs("subm", 0, "3x3x3"), pairs("conv", 0, "3x3x3"), pairs("subm", 1, "3x3x3"), pairs("conv", 1, "3x3x3"),
      pairs("subm", 2, "3x3x3"), pairs("conv", 2, "3x3x3"), pairs("subm", 3, "3x3x3"), pairs("conv", 3, "3x1x1"),
    ]);
  });

  test.each(["indoor50k", "indoor100k"])("%s: MinkUNet's sites and pairs", async (name) => {
    const { file, MinkUNet18: counted } = manifest[name]!;
    const run = await fitted(minkUNet(), rowsOf(file, false));
    expect(run.counts.rows).toEqual([0, 1, 2, 3, 4].map((level) => counted!.sites[level]));
    expect(run.counts.pairs).toEqual([
      counted!.map_entries["subm level0 k5x5x5"],
      ...[1, 2, 3, 4].map((level) => counted!.map_entries[`subm level${level} k3x3x3`]),
      ...[0, 1, 2, 3].map((level) => counted!.map_entries[`conv level${level} k2x2x2`]),
    ]);
  });

  test("a shuffled scan has the pairs of the ordered one", async () => {
    const spec = new SpecWriter(3).input("S").subm("s", "S", 3).spec;
    const run = await fitted(spec, rowsOf("indoor100k_shuffled.i32", false));
    expect(run.counts.pairs).toEqual([1323102]);
  });
});
