/** Real files of the formats, where they lie beside the project: their stated facts, exactly. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cloudScene, type CloudGrid } from "../../../src/cli/formats/cloud.ts";
import { chooseFields } from "../../../src/cli/formats/fields.ts";
import { readTables } from "../../../src/cli/formats/read-table.ts";
import type { ReadOptions, Table } from "../../../src/cli/formats/table.ts";
import type { InputSpec } from "../../../src/cli/files/scene.ts";
import { writeSafetensors } from "../../../src/cli/files/safetensors.ts";
import { float32Tensor } from "../../../src/cli/files/tensor.ts";
import { gridExtents } from "../../../src/runtime/points/index.ts";
import { readFixture, tensorOf } from "../../support/safetensors.ts";
import { Folder, spnet } from "../support.ts";
import { OPTIONS, readOne } from "./support.ts";

const DATA = "../shared/data";

interface GridFacts {
  readonly grid: string;
  readonly rangeMin?: readonly number[];
  readonly rangeMax?: readonly number[];
  readonly voxelSize?: readonly number[];
  readonly extentXYZ?: readonly number[];
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
    readonly indexMin?: readonly number[];
    readonly indexMax?: readonly number[];
    readonly featureMin?: readonly number[];
    readonly featureMax?: readonly number[];
    readonly labelledCharacters?: Readonly<Record<string, number>>;
  };
}

const SPEC: InputSpec = { name: "points", axes: ["z", "y", "x"], extents: undefined, channels: 3 };
const here = existsSync(`${DATA}/cases.json`);
if (!here) console.warn("skipped: the folder shared/data is not beside this checkout");
const cases = here ? (JSON.parse(readFileSync(`${DATA}/cases.json`, "utf8")) as readonly DataCase[]) : [];
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

/** The grid of a case: by range and edges, or by a formula. */
function gridOf(facts: GridFacts): CloudGrid {
  if (facts.voxelSize !== undefined) return { voxel: facts.voxelSize, range: { min: facts.rangeMin!, max: facts.rangeMax! } };
  const formula = /^(round|floor)\(\w+\/([\d.]+)\)/.exec(facts.grid)!;
  return { voxel: Array<number>(3).fill(Number(formula[2])), rounding: formula[1] === "round" ? "nearest" : "floor" };
}

function voxelsOn(table: Table, grid: CloudGrid): ReturnType<typeof cloudScene> {
  const fields = chooseFields(table, SPEC, { coordinates: undefined, features: ["x", "y", "z"] });
  return cloudScene([{ table, fields, origin: [0, 0, 0] }], grid, SPEC, false);
}

describe.skipIf(!here)(`real files${here ? "" : " (skipped: the folder shared/data is not here)"}`, () => {
  const scans = cases.filter((c) => c.file.endsWith(".bin"));

  test.each(scans.map((c) => [c.file, c] as const))("%s", async (file, { facts }) => {
    const options: Partial<ReadOptions> = file.startsWith("nuscenes/") ? { columns: 5, scalar: "f16" } : {};
    const table = await readOne(`${DATA}/${file}`, options);
    expect(table.rows).toBe(facts.points);
    expectLimits(table, facts);
    for (const known of facts.grids ?? []) {
      const grid = gridOf(known);
      if (known.extentXYZ !== undefined) expect(gridExtents(grid)).toEqual(known.extentXYZ);
      const scene = voxelsOn(table, grid);
      expect([scene.input.rows, scene.inRange], known.grid).toEqual([known.voxels, known.pointsInRange ?? facts.points]);
    }
  });

  test("are five scans", () => expect(scans).toHaveLength(5));

  test("spconv's cloud as .npz: spconv's voxels, row by row", async () => {
    const { facts } = find("spconv-benchmark/");
    const table = await readOne(`${DATA}/spconv-benchmark/benchmark-pc.npz`);
    expect(table.rows).toBe(facts.points);
    expectLimits(table, facts);
    const { input } = voxelsOn(table, { voxel: [0.1, 0.1, 0.1], range: { min: [-80, -80, -2], max: [80, 80, 6] } });
    expect(input.rows).toBe(facts.voxels);
    expect(input.coords).toEqual(tensorOf(readFixture(`${DATA}/spconv-benchmark/benchmark-pc.safetensors`), "expect.coords").data);
  });

  test("a mesh packed by gzip: voxels by the float32 rule", async () => {
    const { file, facts } = find("meshes/");
    const table = await readOne(`${DATA}/${file}`);
    expect(table.rows).toBe(facts.vertices);
    expectLimits(table, facts);
    for (const grid of facts.grids!) expect(voxelsOn(table, gridOf(grid)).input.rows, grid.grid).toBe(grid.voxelsIfFloat32);
  });

  test("the input of CenterPoint's encoder, in two tensors of libspconv", async () => {
    const { file, facts } = find("centerpoint/");
    const folder = new Folder();
    const source = folder.write("n.spnet", "spnet 1\nexport net N {\n  dialect spconv\n  sites S : (z: 41, y: 1440, x: 1440)\n  input voxels : feat[S, 5]\n  output same = voxels |> linear(5, w=\"one\")\n}\n");
    folder.write("one.safetensors", writeSafetensors([float32Tensor("one.weight", [5, 5], Float32Array.from({ length: 25 }, (_, i) => (i % 6 === 0 ? 1 : 0)))]));
    const { status, err } = await spnet("run", source, "--target", "reference", "--weights", folder.at("one.safetensors"), "--input", `${DATA}/${file}`, "--input", `${DATA}/centerpoint/in_indices_zyx.torch.int32.tensor`, "--output", folder.at("out.safetensors"));
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const out = readFixture(folder.at("out.safetensors"));
    folder.remove();
    const limits = (name: string, columns: number): readonly (readonly number[])[] => {
      const { data } = tensorOf(out, name);
      const column = (c: number): Float32Array => Float32Array.from({ length: data.length / columns }, (_, r) => data[r * columns + c]!);
      return [Math.min, Math.max].map((most) => Array.from({ length: columns }, (_, c) => column(c).reduce((a, b) => most(a, b))));
    };
    expect(tensorOf(out, "same.coords").shape).toEqual([facts.voxels, 4]);
    expect(limits("same.coords", 4)).toEqual([facts.indexMin, facts.indexMax]);
    expect(limits("same.features", 5).map((l) => l.map((v) => Number(v.toFixed(4))))).toEqual([facts.featureMin, facts.featureMax]);
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
});
