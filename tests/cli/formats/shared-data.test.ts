/** Real files of the formats, where they lie beside the project: their stated facts, exactly. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cloudScene } from "../../../src/cli/formats/cloud.ts";
import { chooseFields } from "../../../src/cli/formats/fields.ts";
import { readTables } from "../../../src/cli/formats/read-table.ts";
import type { ReadOptions, Table } from "../../../src/cli/formats/table.ts";
import type { InputSpec } from "../../../src/cli/files/scene.ts";
import { OPTIONS, readOne } from "./support.ts";

const DATA = "../shared/data";

interface GridFacts {
  readonly grid: string;
  readonly rangeMin?: readonly number[];
  readonly rangeMax?: readonly number[];
  readonly voxelSize?: readonly number[];
  readonly pointsInRange?: number;
  readonly voxels: number;
  readonly voxelsIfFloat32?: number;
}

interface DataCase {
  readonly file: string;
  readonly facts: {
    readonly points?: number;
    readonly vertices?: number;
    readonly strokes?: number;
    readonly voxels?: number;
    readonly min?: readonly number[];
    readonly max?: readonly number[];
    readonly grids?: readonly GridFacts[];
    readonly labelledCharacters?: Readonly<Record<string, number>>;
  };
}

const SPEC: InputSpec = { name: "points", axes: ["z", "y", "x"], extents: undefined, channels: 3 };
const cases = existsSync(`${DATA}/cases.json`) ? (JSON.parse(readFileSync(`${DATA}/cases.json`, "utf8")) as readonly DataCase[]) : [];
const find = (start: string): DataCase => cases.find((c) => c.file.startsWith(start))!;

/** Rounds as the facts do: to the number of decimals that they have. */
function expectLimits(table: Table, { min, max }: DataCase["facts"]): void {
  min!.forEach((_, c) => {
    const { name, values } = table.columns[c]!;
    let [least, most] = [Infinity, -Infinity];
    for (const v of values) [least, most] = [Math.min(least, v), Math.max(most, v)];
    expect(Math.abs(least - min![c]!), `least ${name}`).toBeLessThanOrEqual(5.1e-4);
    expect(Math.abs(most - max![c]!), `greatest ${name}`).toBeLessThanOrEqual(5.1e-4);
  });
}

function voxelsOn(table: Table, facts: GridFacts): ReturnType<typeof cloudScene> {
  const fields = chooseFields(table, SPEC, { coordinates: undefined, features: ["x", "y", "z"] });
  const formula = /^(round|floor)\(\w+\/([\d.]+)\)/.exec(facts.grid);
  const grid =
    facts.voxelSize !== undefined
      ? { voxel: facts.voxelSize, range: { min: facts.rangeMin!, max: facts.rangeMax! } }
      : { voxel: Array<number>(3).fill(Number(formula![2])), rounding: formula![1] === "round" ? ("nearest" as const) : ("floor" as const) };
  return cloudScene([{ table, fields, origin: [0, 0, 0] }], grid, SPEC, false);
}

function realFiles(): void {
  const scans = cases.filter((c) => c.file.endsWith(".bin"));

  test.each(scans.map((c) => [c.file, c] as const))("%s", async (file, { facts }) => {
    const options: Partial<ReadOptions> = file.startsWith("nuscenes/") ? { columns: 5, scalar: "f16" } : {};
    const table = await readOne(`${DATA}/${file}`, options);
    expect(table.rows).toBe(facts.points);
    expectLimits(table, facts);
    for (const grid of facts.grids ?? []) {
      const scene = voxelsOn(table, grid);
      expect([scene.input.rows, scene.inRange], grid.grid).toEqual([grid.voxels, grid.pointsInRange ?? facts.points]);
    }
  });

  test("spconv's cloud as .npz", async () => {
    const { facts } = find("spconv-benchmark/");
    const table = await readOne(`${DATA}/spconv-benchmark/benchmark-pc.npz`);
    expect(table.rows).toBe(facts.points);
    expectLimits(table, facts);
    expect(voxelsOn(table, { grid: "", voxelSize: [0.1, 0.1, 0.1], rangeMin: [-80, -80, -2], rangeMax: [80, 80, 6], voxels: 0 }).input.rows).toBe(facts.voxels);
  });

  test("a mesh packed by gzip: voxels by the float32 rule", async () => {
    const { file, facts } = find("meshes/");
    const table = await readOne(`${DATA}/${file}`);
    expect(table.rows).toBe(facts.vertices);
    expectLimits(table, facts);
    for (const grid of facts.grids!) expect(voxelsOn(table, grid).input.rows, grid.grid).toBe(grid.voxelsIfFloat32);
  });

  test("strokes of a pen, and the characters that are labelled", async () => {
    const { file, facts } = find("unipen/");
    const table = await readOne(`${DATA}/${file}`);
    expect(table.rows).toBe(facts.points);
    expectLimits(table, facts);
    expect(new Set(table.columns[2]!.values).size).toBe(facts.strokes);
    const counts = await Promise.all(["1a", "1b", "1c"].map(async (part) => (await readTables(`${DATA}/unipen/data/${part}/aga/crlmtchl.dat`, OPTIONS)).length));
    expect(counts).toEqual(Object.values(facts.labelledCharacters!));
  });
}

if (cases.length > 0) describe("real files", realFiles);
else {
  test("real files are left out: 8 tests, the folder shared/data is not beside the project", () => {
    console.log("skipped 8 tests of real files: no shared/data beside the project");
    expect(cases).toEqual([]);
  });
}
