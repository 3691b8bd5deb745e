/** Files of points as `spnet run` takes them: fields, grids, refusals, and outputs in the other formats. */
import { existsSync, readFileSync } from "node:fs";
import { zipSync } from "fflate";
import { afterAll, describe, expect, test } from "vitest";
import { readTensor } from "../../../src/cli/formats/npy.ts";
import { colourOf } from "../../../src/cli/outputs/labelled-ply.ts";
import { writeNpy } from "../../../src/cli/outputs/npy.ts";
import { parseSafetensors } from "../../../src/cli/files/safetensors.ts";
import { int32Tensor, toFloat32, toInt32 } from "../../../src/cli/files/tensor.ts";
import { Folder, spnet, type Ran } from "../support.ts";
import { bytes, npy, pack, plain, readOne } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

/** A network that hands on what of its input is above 0. */
const net = (sites: string, channels: number, name = "net.spnet"): string =>
  folder.write(name, `spnet 1\nexport net N {\n  dialect spconv\n  sites S : (${sites})\n  input voxels : feat[S, ${channels}]\n  output same = voxels |> relu\n}\n`);
const run = (file: string, ...args: readonly string[]): Promise<Ran> => spnet("run", file, "--random-weights", "1", "--target", "reference", ...args);

/** Rows of the output, as text. */
async function rows(file: string, ...args: readonly string[]): Promise<readonly string[]> {
  const out = folder.at("rows.safetensors");
  const { status, err } = await run(file, "--output", out, ...args);
  expect(status, err).toBe(0);
  const tensors = parseSafetensors(out, readFileSync(out));
  const [coords, features] = [tensors.get("same.coords")!, tensors.get("same.features")!];
  const [c, f] = [toInt32(coords), toFloat32(features)];
  return Array.from({ length: coords.shape[0]! }, (_, r) => `${c.subarray(r * coords.shape[1]!, (r + 1) * coords.shape[1]!).join(",")}: ${f.subarray(r * features.shape[1]!, (r + 1) * features.shape[1]!).join(",")}`);
}

describe("fields", () => {
  const cloud = folder.write("c.csv", "Y,X,depth,i,red,green,blue\n1.5,2.5,3.5,9,1,2,3\n1.25,2.5,3.5,11,3,4,5\n7,6,5,1,0,0,0\n");

  test("by name in any case and by other names; printed", async () => {
    const file = net("z, y, x", 3);
    expect(await rows(file, "--input", `voxels=${cloud}`, "--fields", "x,y,z=depth:r,g,b", "--voxel", "1")).toEqual(["0,3,1,2: 2,3,4", "0,5,7,6: 0,0,0"]);
    expect((await run(file, "--input", cloud, "--fields", "x,y,z=depth:r,g,b", "--voxel", "1")).err).toContain("3 points, 2 sites; --fields x=X,y=Y,z=depth:red,green,blue, voxels of 1 × 1 × 1");
    expect(await run(file, "--input", cloud, "--voxel", "1")).toMatchObject({ status: 1, err: expect.stringMatching(/SP0842.*no column `z`[^]*columns Y, X, depth, i/) });
    expect(await run(file, "--input", cloud, "--fields", "x,y,z=depth:r", "--voxel", "1")).toMatchObject({ status: 1, err: expect.stringContaining("names 1 features, input `voxels` has 3 channels") });
    expect(await run(file, "--input", cloud, "--fields", "x,y:r,g,b", "--voxel", "1")).toMatchObject({ status: 1, err: expect.stringMatching(/SP0842.*axes z, y, x/) });
  });

  test("voxels and range follow the order of the coordinates; the constant, negated columns, the other reductions", async () => {
    const file = net("y: 8, x: 4", 2);
    const given = ["--input", cloud, "--fields", "y,x:1,-i", "--voxel", "1,2", "--range", "0,0,8,8"];
    expect(await rows(file, ...given, "--reduce", "sum")).toEqual(["0,1,1: 2,0", "0,7,3: 1,0"]);
    expect(await rows(file, "--input", cloud, "--fields", "y,x:i,red", "--voxel", "1,2", "--range", "0,0,8,8", "--reduce", "max")).toEqual(["0,1,1: 11,3", "0,7,3: 1,0"]);
  });

  test("several files of one or several formats are a batch", async () => {
    const bin = folder.write("c.bin", pack([["f32", 1], ["f32", 2], ["f32", 3], ["f32", 4]]));
    const xyz = folder.write("c.xyz", "5 6 7 8\n");
    expect(await rows(net("z, y, x", 1), "--input", bin, "--input", xyz, "--voxel", "1", "--fields", "x,y,z:intensity")).toEqual(["0,3,2,1: 4", "1,7,6,5: 8"]);
  });
});

describe("fields of several inputs", () => {
  const points = folder.write("p.csv", "x,y,z,i,red\n1,2,3,4,5\n");
  const two = folder.write("two.spnet", "spnet 1\nexport net N {\n  dialect spconv\n  sites S : (z, y, x)\n  sites T : (y, x)\n  sites U : (z, y, x)\n  input a : feat[S, 1]\n  input x : feat[T, 1]\n  input c : feat[U, 1]\n  output same = a |> relu\n  output flat = x |> relu\n  output third = c |> relu\n}\n");
  const rowsOf = async (...args: readonly string[]): Promise<readonly string[]> => {
    const out = folder.at("two.safetensors");
    const { status, err } = await run(two, "--input", `a=${points}`, "--input", `x=${points}`, "--input", `c=${points}`, "--voxel", "1", "--output", out, ...args);
    if (status !== 0) return [err.split("\n").slice(0, 2).join(" ")];
    const tensors = parseSafetensors(out, readFileSync(out));
    return ["same", "flat", "third"].map((name) => `${toInt32(tensors.get(`${name}.coords`)!).join()}: ${toFloat32(tensors.get(`${name}.features`)!).join()}`);
  };

  test("are said by name, others are for all that have none; an input called as one of its axes has no name here", async () => {
    expect(await rowsOf("--fields", "a=x,y=z,z=y:red", "--fields", ":i")).toEqual(["0,2,3,1: 5", "0,2,1: 4", "0,3,2,1: 4"]);
    expect(await rowsOf("--fields", "a=:red", "--fields", "c=:x")).toEqual(["0,3,2,1: 5", "0,2,1: 3", "0,3,2,1: 1"]);
    expect(await rowsOf("--fields", "a=x,y,z:red", "--fields", "c=x,y,z:red", "--fields", "x=z,y:x")).toEqual(["0,3,2,1: 5", "0,2,3: 1", "0,3,2,1: 5"]);
    const { err } = await run(two, "--input", `a=${points}`, "--input", `x=${points}`, "--input", `c=${points}`, "--voxel", "1", "--fields", ":i");
    expect(err).toContain("1 points, 1 sites; --fields a=x,y,z:i, voxels of 1 × 1 × 1");
  });

  test("are refused twice, and for inputs that are not made of points", async () => {
    expect(await rowsOf("--fields", "a=:red", "--fields", "a=:i")).toEqual([expect.stringMatching(/SP0842\]: --fields is given twice for input `a`/)]);
    expect(await rowsOf("--fields", ":red", "--fields", ":i")).toEqual([expect.stringMatching(/SP0842\]: --fields is given twice: :red and :i .*NAME=/)]);
    expect(await rowsOf("--fields", "q=:red")).toEqual([expect.stringMatching(/SP0842/)]);
    const one = net("z, y, x", 1);
    expect(await run(one, "--input", points, "--voxel", "1", "--fields", "voxels=:i", "--fields", ":red")).toMatchObject({ status: 1, err: expect.stringMatching(/SP0842\]: --fields :red is for no input/) });
    const tensors = folder.write("t.npz", zipSync({ "c.coords.npy": npy("'<i4'", [1, 4], pack([0, 1, 1, 1].map((v) => ["i32", v]))), "c.features.npy": npy("'<f4'", [1, 1], pack([["f32", 1]])) }));
    const given = [two, "--input", `a=${points}`, "--input", `x=${points}`, "--input", tensors, "--voxel", "1"] as const;
    expect(await run(...given, "--fields", ":i")).toMatchObject({ status: 0 });
    expect(await run(...given, "--fields", "c=:i")).toMatchObject({ status: 1, err: expect.stringMatching(/SP0842\]: --fields names input `c`, which is not made of points/) });
  });
});

describe("tensors of libspconv", () => {
  const file = net("z: 4, y: 8, x: 16", 2, "t.spnet");
  const header = (type: number, ...shape: readonly number[]): Uint8Array => pack([["u32", 0x33ff1101], ["i32", shape.length], ["i32", type], ...shape.map((n) => ["i32", n] as const)]);
  const coords = folder.write("in_indices_zyx.tensor", bytes(header(1, 2, 4), pack([0, 1, 2, 3, 0, 3, 7, 15].map((v) => ["i32", v]))));
  const halves = [0x3c00, 0x3800, 0x4000, 0x4400];
  const features = folder.write("in_features.tensor", bytes(header(2, 2, 2), pack(halves.map((v) => ["u16", v]))));

  test("are a scene in two files: whole numbers are coordinates", async () => {
    const wanted = ["0,1,2,3: 1,0.5", "0,3,7,15: 2,4"];
    expect(await rows(file, "--input", coords, "--input", features)).toEqual(wanted);
    expect(await rows(file, "--input", `voxels=${features}`, "--input", `voxels=${coords}`)).toEqual(wanted);
    const single = folder.write("f32.tensor", bytes(header(3, 2, 2), pack([1, 0.5, 2, 4].map((v) => ["f32", v]))));
    expect(await rows(file, "--input", coords, "--input", single)).toEqual(wanted);
  });

  test("broken ones are coded", async () => {
    const fails = async (content: Uint8Array): Promise<string> => (await run(file, "--input", folder.write("bad.tensor", content), "--input", features)).err;
    expect(await fails(bytes("no tensor here"))).toMatch(/SP0836.*01 11 ff 33 \(byte 0\)/);
    expect(await fails(new Uint8Array(3))).toMatch(/SP0836/);
    expect(await fails(bytes(header(1, 2, 4), new Uint8Array(31)))).toMatch(/SP0835.*\[2, 4\] elements of 4 bytes, 32 in all, from byte 20, and the file ends at byte 51/);
    expect(await fails(header(1, 2147483647, 2147483647))).toMatch(/SP0835/);
    expect(await fails(header(1, -2, 4))).toMatch(/SP0836.*axis 0 has -2 elements \(byte 12\)/);
    expect(await fails(pack([["u32", 0x33ff1101], ["i32", 1000000], ["i32", 1]]))).toMatch(/SP0836.*1000000 axes/);
    expect(await fails(header(7, 1))).toMatch(/SP0837.*type 7/);
    expect((await run(file, "--input", features, "--input", features)).err).toMatch(/SP0804.*features/);
    expect((await run(file, "--input", coords)).err).toMatch(/SP0805/);
  });
});

describe("events", () => {
  const records = [[5, 1, 10, 1], [5, 1, 20, 0], [5, 1, 30, 1], [0, 2, 40, 0]].flatMap(([x, y, t, p]) => [["u16", x!], ["u16", y!], ["u32", t!], ["u8", p!]] as const);
  const file = folder.write("e.npy", npy("[('x', '<u2'), ('y', '<u2'), ('t', '<u4'), ('p', '|u1')]", [4], pack(records)));

  test("are counted per pixel and polarity, off then on", async () => {
    expect(await rows(net("y: 4, x: 8", 2), "--input", file)).toEqual(["0,1,5: 1,2", "0,2,0: 1,0"]);
    expect(await rows(net("y: 4, x: 8", 1), "--input", file)).toEqual(["0,1,5: 3", "0,2,0: 1"]);
    expect(await rows(net("y: 4, x: 4", 1), "--input", file)).toEqual(["0,2,0: 1"]);
  });

  test("in slices of time where the network has an axis t", async () => {
    expect(await rows(net("t, y, x", 2), "--input", file, "--voxel", "1,1,25")).toEqual(["0,0,1,5: 1,1", "0,1,1,5: 0,1", "0,1,2,0: 1,0"]);
  });

  test("dense frames", async () => {
    const frames = folder.write("f.npy", npy("'<i4'", [2, 2, 3], pack([0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 7, 1].map((v) => ["i32", v]))));
    expect(await rows(net("y: 2, x: 3", 2), "--input", frames)).toEqual(["0,1,1: 5,7", "0,1,2: 0,1"]);
  });
});

test("arrays with coordinates among them are the scene itself", async () => {
  const npz = folder.write("s.npz", zipSync({ "coords.npy": npy("'<i4'", [1, 3], pack([["i32", 0], ["i32", 1], ["i32", 2]])), "features.npy": npy("'<f8'", [1, 1], pack([["f64", 0.5]])) }));
  expect(await rows(net("y: 4, x: 8", 1), "--input", npz)).toEqual(["0,1,2: 0.5"]);
  expect(await rows(net("y: 4, x: 8", 1), "--input", `voxels=${npz}`)).toEqual(["0,1,2: 0.5"]);
});

test("pen strokes are fitted to the grid", async () => {
  const ink = folder.write("i.dat", ".PEN_DOWN\n100 200\n170 200\n170 235\n.PEN_UP\n");
  expect(await rows(net("y: 4, x: 8", 1), "--input", ink)).toEqual([...Array.from({ length: 7 }, (_, x) => `0,0,${x}: 1`), ...[1, 2, 3].map((y) => `0,${y},6: 1`)]);
});

describe("points that do not do", () => {
  const file = net("z, y, x", 1, "points.spnet");
  const text = folder.write("n.xyz", "1 2 3 4\nnan 2 3 4\n1 2 3 inf\n");

  test("are counted and the first is shown; an option leaves them out", async () => {
    const given = ["--input", text, "--voxel", "1", "--fields", "x,y,z:intensity"];
    expect(await run(file, ...given)).toMatchObject({ status: 1, err: expect.stringMatching(/SP0832.*2 of 3 points of .*n\.xyz are not finite; the first is point 1 \(line 2\), where x is NaN[^]*--drop-invalid/) });
    expect(await rows(file, ...given, "--drop-invalid")).toEqual(["0,3,2,1: 4"]);
    expect(await rows(file, "--input", text, "--voxel", "1", "--fields", "x,y,z:1", "--drop-invalid")).toEqual(["0,3,2,1: 1"]);
  });

  test("a cloud entirely outside of the range", async () => {
    const away = folder.write("away.xyz", "10 20 30\n11 20 30\n");
    expect(await run(file, "--input", away, "--voxel", "1", "--range", "0,0,0,5,50,50")).toMatchObject({ status: 1, err: expect.stringMatching(/SP0839.*all 2 points.*x 10 … 11 \(range 0 … 5\)/) });
  });

  test("coordinates that float32 cannot tell apart, and their origin", async () => {
    const utm = folder.write("utm.xyz", "500000.25 4649999.5 100\n500000.75 4650000.5 101\n");
    expect(await run(file, "--input", utm, "--voxel", "0.5")).toMatchObject({ status: 1, err: expect.stringMatching(/SP0843.*y reaches 4650000.5.*steps of 0.5[^]*--origin min/) });
    expect(await rows(file, "--input", utm, "--voxel", "0.5", "--origin", "min", "--fields", "x,y,z:1")).toEqual(["0,0,0,0: 1", "0,2,2,1: 1"]);
    expect(await rows(file, "--input", utm, "--voxel", "0.5", "--origin", "500000,4649999,100", "--fields", "x,y,z:1")).toEqual(["0,0,1,0: 1", "0,2,3,1: 1"]);
  });
});

describe("outputs", () => {
  const cloud = folder.write("o.xyz", "0.1 0.2 0.3 5 1\n0.2 0.2 0.3 7 3\n1.5 0 0 1 9\n");
  const given = ["--input", cloud, "--voxel", "1", "--fields", "x,y,z:c3,c4", "--columns", "x,y,z,c3,c4"];

  test(".npy, one file per tensor", async () => {
    const { err } = await run(net("z, y, x", 2), ...given, "--output", folder.at("out.npy"));
    expect(err).toContain("out.same.features.npy  F32 [2, 2]");
    const read = (name: string): ReturnType<typeof readTensor> => readTensor(name, name, readFileSync(folder.at(`out.same.${name}.npy`)));
    expect([...toInt32(read("coords"))]).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
    expect([...toFloat32(read("features"))]).toEqual([6, 2, 1, 9]);
    const vector = writeNpy(int32Tensor("a", [3], Int32Array.of(1, 2, 3)));
    expect(new TextDecoder("latin1").decode(vector.subarray(10, 127)).trim()).toBe("{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }");
    expect([vector.length, [...vector.subarray(128)]]).toEqual([140, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]]);
  });

  test(".ply: points by their voxels, or sites", async () => {
    const ply = folder.at("out.ply");
    expect((await run(net("z, y, x", 2), ...given, "--output", ply)).err).toContain("same: 3 points of voxels, labelled by their voxels");
    const columns = plain(await readOne(ply));
    expect(columns).toMatchObject({ x: [0.1, 0.2, 1.5].map(Math.fround), label: [0, 0, 1], score: [6, 6, 9], batch: [0, 0, 0] });
    expect([0, 2].map((i) => [columns["red"]![i], columns["green"]![i], columns["blue"]![i]])).toEqual([colourOf(0), colourOf(1)]);
    expect(colourOf(0)).not.toEqual(colourOf(1));
    const strided = folder.write("s.spnet", "spnet 1\nexport net N {\n  dialect spconv\n  sites S : (z, y, x)\n  input voxels : feat[S, 2]\n  output fine = voxels |> relu\n  output coarse = voxels |> conv(3, k=2, s=2, w=\"c\")\n}\n");
    expect(await run(strided, ...given, "--output", ply)).toMatchObject({ status: 1, err: expect.stringMatching(/SP0849.*`fine`, `coarse`[^]*--label/) });
    expect((await run(strided, ...given, "--output", ply, "--label", "coarse")).err).toContain("coarse: 1 sites at their whole coordinates");
  });

  test("other ends of names are refused before anything runs", async () => {
    const out = folder.at("out.xml");
    expect(await run(net("z, y, x", 2), ...given, "--output", out)).toMatchObject({ status: 1, err: expect.stringMatching(/SP0847.*\.xml/) });
    expect(existsSync(out)).toBe(false);
  });
});
