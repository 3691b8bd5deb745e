import { describe, expect, test } from "vitest";
import { checkScene } from "../../src/cli/files/check-scene.ts";
import { sceneFromScans } from "../../src/cli/files/kitti.ts";
import { inputSpecs, outputTensors, sceneFromTensors, sceneTensors, type InputSpec } from "../../src/cli/files/scene.ts";
import { float32Tensor, int32Tensor, toInt32, type Tensor } from "../../src/cli/files/tensor.ts";
import { pointTable, type Table } from "../../src/cli/formats/table.ts";
import { ModuleBuilder } from "../../src/ir/builder.ts";
import { SiteTable } from "../../src/ir/sites.ts";

const grid: InputSpec = { name: "voxels", axes: ["z", "y", "x"], extents: [4, 8, 8], channels: 2 };
const other: InputSpec = { name: "b", axes: ["t"], extents: undefined, channels: 1 };

const byName = (...tensors: readonly Tensor[]): ReadonlyMap<string, Tensor> => new Map(tensors.map((t) => [t.name, t]));
const rows = (coords: readonly (readonly number[])[], features: readonly (readonly number[])[]): { rows: number; coords: Int32Array; features: Float32Array } => ({
  rows: coords.length,
  coords: Int32Array.from(coords.flat()),
  features: Float32Array.from(features.flat()),
});

describe("scenes in tensor files", () => {
  const coords = int32Tensor("coords", [1, 4], Int32Array.of(0, 1, 2, 3));
  const features = float32Tensor("features", [1, 2], Float32Array.of(5, 6));

  test("with one input plain names do, the input's own name wins", () => {
    const named = int32Tensor("voxels.coords", [1, 4], Int32Array.of(0, 3, 2, 1));
    expect(sceneFromTensors("s", byName(coords, features), [grid]).get("voxels")).toEqual(rows([[0, 1, 2, 3]], [[5, 6]]));
    expect(sceneFromTensors("s", byName(coords, named, features), [grid]).get("voxels")).toEqual(rows([[0, 3, 2, 1]], [[5, 6]]));
  });

  test("with two inputs each needs its name", () => {
    expect(() => sceneFromTensors("s", byName(coords, features), [grid, other])).toThrow(/SP0805: s has no tensor `voxels.coords`$/);
  });

  test("shapes and types are checked against the input", () => {
    expect(() => sceneFromTensors("s", byName(int32Tensor("coords", [1, 3], Int32Array.of(0, 1, 2)), features), [grid])).toThrow(/SP0806: `coords` in s is \[1, 3\], expected \[rows, 4\]: batch, z, y, x/);
    expect(() => sceneFromTensors("s", byName(coords, float32Tensor("features", [2, 1], Float32Array.of(1, 2))), [grid])).toThrow(/SP0806: `features` in s is \[2, 1\], expected \[1, 2\]/);
    expect(() => sceneFromTensors("s", byName({ ...features, name: "coords", shape: [1, 4], bytes: new Uint8Array(16) }, features), [grid])).toThrow(/SP0806: `coords` holds F32/);
  });

  test("a scene is written as it is read", () => {
    const scene = new Map([["voxels", rows([[0, 1, 2, 3]], [[5, 6]])], ["b", rows([[0, -9]], [[1]])]]);
    expect(sceneFromTensors("s", byName(...sceneTensors(scene, [grid, other])), [grid, other])).toEqual(scene);
  });

  test("outputs: coordinates and features of sparse ones, one tensor of dense ones", () => {
    const tensors = byName(
      ...outputTensors(
        new Map([
          ["seg", { kind: "feat", coords: Int32Array.of(0, 7, 0, 8), dim: 1, channels: 3, features: new Float32Array(6) }],
          ["bev", { kind: "dense", shape: [1, 2, 2], data: new Float32Array(4) }],
        ]),
      ),
    );
    expect([...tensors].map(([name, t]) => [name, t.dtype, t.shape])).toEqual([
      ["seg.coords", "I32", [2, 2]],
      ["seg.features", "F32", [2, 3]],
      ["bev", "F32", [1, 2, 2]],
    ]);
    expect([...toInt32(tensors.get("seg.coords")!)]).toEqual([0, 7, 0, 8]);
  });

  test("the inputs of a module in its order", () => {
    const table = new SiteTable();
    const s = table.addInput({ kind: "input", name: "S", axes: ["z", "y", "x"], extents: [4, 8, 8] });
    const t = table.addInput({ kind: "input", name: "T", axes: ["t"], extents: undefined });
    const b = new ModuleBuilder("net", "n", table);
    b.one("input", [], { name: "voxels", sites: s, channels: 2 }, []);
    b.one("input", [], { name: "b", sites: t, channels: 1 }, []);
    expect(inputSpecs(b.finish())).toEqual([{ ...grid, sites: s }, { ...other, sites: t }]);
  });
});

describe("checking a scene", () => {
  const check = (coords: readonly (readonly number[])[], features: readonly (readonly number[])[], policy: "error" | "sum" | "mean" | "first" | "last" = "error") =>
    checkScene(new Map([["voxels", rows(coords, features)]]), [grid], policy).get("voxels");

  test("an input that is missing is named", () => {
    expect(() => checkScene(new Map(), [grid], "error")).toThrow(/SP0805.*`voxels`/);
  });

  test("inputs of one site set have the same coordinates", () => {
    const [a, b] = [{ ...other, name: "a", sites: "S" }, { ...other, sites: "S" }];
    const scene = (second: readonly (readonly number[])[]) => new Map([["a", rows([[0, 1], [0, 2]], [[1], [2]])], ["b", rows(second, second.map(() => [1]))]]);
    expect(checkScene(scene([[0, 1], [0, 2]]), [a, b], "error").size).toBe(2);
    expect(() => checkScene(scene([[0, 1], [0, 3]]), [a, b], "error")).toThrow(/SP0817: `b` shares its site set/);
    expect(() => checkScene(scene([[0, 1]]), [a, b], "error")).toThrow(/SP0817/);
    expect(checkScene(scene([[0, 1]]), [a, { ...b, sites: "T" }], "error").size).toBe(2);
  });

  test("rows outside the extents are refused, with a hint when the axes look swapped", () => {
    expect(() => check([[0, 7, 2, 1]], [[1, 1]])).toThrow(/SP08.*row 0 \(0, 7, 2, 1\).*axes swapped/);
    expect(() => check([[0, 1, 9, 1]], [[1, 1]])).toThrow(/row 0 \(0, 1, 9, 1\)$/);
  });

  test("infinite features are refused", () => {
    expect(() => check([[0, 1, 1, 1]], [[1, NaN]])).toThrow(/channel 1: NaN is not finite/);
  });

  test("duplicates are an error, or merged by policy where the first stood", () => {
    const coords = [[0, 1, 1, 1], [0, 2, 2, 2], [0, 1, 1, 1]];
    const features = [[1, 2], [3, 4], [5, 7]];
    expect(() => check(coords, features)).toThrow(/SP0818: rows 0 and 2 of `voxels` are both at \(0, 1, 1, 1\)/);
    const merged = (first: readonly number[]) => rows(coords.slice(0, 2), [first, [3, 4]]);
    expect(check(coords, features, "sum")).toEqual(merged([6, 9]));
    expect(check(coords, features, "mean")).toEqual(merged([3, 4.5]));
    expect(check(coords, features, "first")).toEqual(merged([1, 2]));
    expect(check(coords, features, "last")).toEqual(merged([5, 7]));
  });
});

describe("scenes from scans", () => {
  const scan = (points: readonly (readonly number[])[]): Table => pointTable("a.bin", { columns: 4, data: Float32Array.from(points.flat()) });
  const unit = { voxel: [1, 1, 1], range: { min: [0, 0, 0], max: [8, 8, 4] } };

  test("columns follow the network's axes by name, features are the first channels, one batch item per scan", () => {
    const scene = sceneFromScans([scan([[1, 2, 3, 0.5]]), scan([[7, 6, 0, 0.5], [9, 0, 0, 0]])], unit, grid);
    expect(scene).toEqual(rows([[0, 3, 2, 1], [1, 0, 6, 7]], [[1, 2], [7, 6]]));
  });

  test("what does not fit is named", () => {
    expect(() => sceneFromScans([scan([])], unit, { ...grid, extents: [4, 8, 7] })).toThrow(/SP0834: the scan's grid has 8 voxels along x, input `voxels` has 7/);
    expect(() => sceneFromScans([scan([])], { voxel: [1, 1, 1] }, grid)).toThrow(/SP0834.*needs a range/);
    expect(() => sceneFromScans([scan([])], unit, { ...grid, axes: ["z", "y", "t"] })).toThrow(/SP0834.*axes x, y, z, but input `voxels` has z, y, t/);
    expect(() => sceneFromScans([scan([])], unit, { ...grid, channels: 5 })).toThrow(/SP0834: a.bin has 4 columns per point \(x, y, z, intensity\), input `voxels` needs 5/);
  });
});
