/** Real scans as points of a network: the voxels that are known of them, where the files lie beside the project. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readTables } from "../../src/cli/formats/read-table.ts";
import { gridExtents } from "../../src/runtime/points/index.ts";
import type { FeatOutput } from "../../src/runtime/index.ts";
import { cpuTarget } from "../support/cpu-target.ts";
import { netFromText } from "../support/source-net.ts";
import { openNet } from "../support/target.ts";
import { OPTIONS } from "../cli/formats/support.ts";

const DATA = "../shared/data";

interface ScanCase {
  readonly file: string;
  readonly facts: {
    readonly points: number;
    readonly grids: readonly { readonly grid: string; readonly rangeMin?: readonly number[]; readonly rangeMax?: readonly number[]; readonly voxelSize?: readonly number[]; readonly pointsInRange?: number; readonly voxels: number }[];
  };
}

const here = existsSync(`${DATA}/cases.json`);
if (!here) console.warn("skipped: the folder shared/data is not beside this checkout");
const scans = here ? (JSON.parse(readFileSync(`${DATA}/cases.json`, "utf8")) as readonly ScanCase[]).filter((c) => c.file.endsWith(".bin")) : [];

/** The voxels of a grid, as the language has them. */
function voxelsOf({ grid, rangeMin, rangeMax, voxelSize }: ScanCase["facts"]["grids"][number]): string {
  if (rangeMin === undefined || rangeMax === undefined || voxelSize === undefined) {
    const [, rule, edge] = /^(round|floor)\(\w+\/([\d.]+)\)/.exec(grid)!;
    return `(x, y, z) = voxels(P, size=${edge}, rounding=${rule === "round" ? "nearest" : "floor"})`;
  }
  const extents = gridExtents({ voxel: voxelSize, range: { min: rangeMin, max: rangeMax } })!;
  return `(${["x", "y", "z"].map((axis, a) => `${axis}: ${extents[a]}`).join(", ")}) = voxels(P, size=[${voxelSize.join(", ")}], origin=[${rangeMin.join(", ")}], outside=drop)`;
}

describe.skipIf(!here)(`points of real scans${here ? "" : " (skipped: the folder shared/data is not here)"}`, () => {
  test.each(scans.map((c) => [c.file, c] as const))("%s", async (file, { facts }) => {
    const options = file.startsWith("nuscenes/") ? { columns: 5, scalar: "f16" as const } : {};
    const [table] = await readTables(`${DATA}/${file}`, { ...OPTIONS, ...options });
    const columns = ["x", "y", "z"].map((name) => table!.columns.find((c) => c.name === name)!.values);
    const positions = Float32Array.from({ length: 4 * table!.rows }, (_, i) => (i % 4 === 0 ? 0 : columns[(i % 4) - 1]![Math.floor(i / 4)]!));
    const target = await cpuTarget();
    for (const known of facts.grids) {
      const net = netFromText(`spnet 1\nnet Scan {\n  sites P : (x, y, z) = points\n  sites V : ${voxelsOf(known)}\n  input ones : feat[P, 1]\n  let v = ones |> voxelize(onto=V, reduce=sum)\n  output counts = v\n  output inside = v |> devoxelize\n}\n`);
      const network = await openNet(target, net);
      const { counts, inside } = (await network.run({ ones: { coords: positions, features: new Float32Array(table!.rows).fill(1) } })) as Readonly<Record<string, FeatOutput>>;
      network.dispose();
      const taken = counts!.features.reduce((a, b) => a + b, 0);
      expect([counts!.rows, taken], known.grid).toEqual([known.voxels, known.pointsInRange ?? facts.points]);
      expect(inside!.features.filter((n) => n > 0).length, known.grid).toBe(taken);
    }
    target.close();
  });
});
