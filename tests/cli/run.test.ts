import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { float32Tensor, int32Tensor, toFloat32, toInt32 } from "../../src/cli/files/tensor.ts";
import { simulateScan } from "../../src/cli/scan/lidar.ts";
import { Folder, SMALL_NET, spnet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const net = folder.write("small.spnet", SMALL_NET);
const coords = Int32Array.of(0, 1, 2, 3, 0, 1, 2, 4, 1, 7, 15, 15);
const scene = (name: string, rows = coords): string =>
  folder.write(name, writeSafetensors([int32Tensor("coords", [rows.length / 4, 4], rows), float32Tensor("features", [rows.length / 4, 4], Float32Array.from(rows, (v, i) => (v + i) / 7))]));
const good = scene("scene.safetensors");
const reference = (...more: readonly string[]) => spnet("run", net, "--target", "reference", ...more);

describe("run on the interpreter", () => {
  test("writes coordinates and features of every output", async () => {
    const file = folder.at("out.safetensors");
    expect(await reference("--input", good, "--random-weights", "1", "--output", file)).toEqual({ status: 0, out: "", err: "" });
    const tensors = parseSafetensors(file, readFileSync(file));
    expect([...tensors].map(([name, t]) => [name, t.dtype, t.shape])).toEqual([
      ["coarse.coords", "I32", [expect.any(Number), 4]],
      ["coarse.features", "F32", [expect.any(Number), 16]],
      ["fine.coords", "I32", [3, 4]],
      ["fine.features", "F32", [3, 8]],
    ]);
    expect(toInt32(tensors.get("fine.coords")!)).toEqual(coords);
    expect(Math.max(...toFloat32(tensors.get("coarse.features")!))).toBeGreaterThan(0);
  });

  test("made-up weights are the same whether written to a file first or not", async () => {
    const weights = folder.at("weights.safetensors");
    await spnet("weights", net, "--random", "9", "--output", weights);
    const direct = await reference("--input", good, "--random-weights", "9");
    expect(direct.out).toMatch(/^fine {2}3 sites × 8 .*\ncoarse {2}\d+ sites × 16 /);
    expect((await reference("--input", good, "--weights", weights)).out).toBe(direct.out);
  });

  test("a scan is voxelised on the grid asked for", async () => {
    const scan = folder.write("scan.bin", new Uint8Array(simulateScan(1).slice(0, 4000).buffer));
    const grid = ["--voxel", "5,5,1", "--range=0,-40,-3,80,40,5"];
    expect((await reference("--input", scan, ...grid, "--random-weights", "1")).out).toMatch(/^fine {2}\d+ sites/);
    expect(await reference("--input", scan, "--random-weights", "1")).toMatchObject({ status: 2, err: expect.stringContaining("a scan needs --voxel") });
    expect(await reference("--input", scan, "--voxel", "5", "--random-weights", "1")).toMatchObject({ status: 1, err: expect.stringContaining("SP0834") });
  });

  test("scenes can be made up", async () => {
    const tracks = await reference("--simulate", "tracks", "--seed", "4", "--random-weights", "1");
    expect(tracks.out).toMatch(/^fine {2}\d\d+ sites/);
    expect((await reference("--simulate", "tracks", "--seed", "5", "--random-weights", "1")).out).not.toBe(tracks.out);
    expect(await reference("--simulate", "strokes", "--random-weights", "1")).toMatchObject({ status: 1, err: expect.stringContaining("SP0834") });
  });

  test("duplicates are refused, or merged when a policy is given", async () => {
    const twice = scene("twice.safetensors", Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3));
    expect(await reference("--input", twice, "--random-weights", "1")).toMatchObject({ status: 1, err: expect.stringContaining("error[SP0818]") });
    expect((await reference("--input", twice, "--random-weights", "1", "--duplicates", "mean")).out).toMatch(/^fine {2}1 sites/);
  });

  test("an empty scene gives empty outputs", async () => {
    expect((await reference("--input", scene("empty.safetensors", new Int32Array()), "--random-weights", "1")).out).toBe("fine  0 sites × 8\ncoarse  0 sites × 16\n");
  });

  test("missing weights, files cut short and rows outside are coded, with what to do", async () => {
    const weights = folder.at("w.safetensors");
    await spnet("weights", net, "--random", "1", "--output", weights);
    const short = folder.write("short.safetensors", readFileSync(weights).subarray(0, 5000));
    expect(await reference("--input", good, "--weights", short)).toMatchObject({ status: 1, err: expect.stringMatching(/error\[SP080[23]\].*truncated/) });
    const strangers = await reference("--input", good, "--weights", good);
    expect(strangers).toMatchObject({ status: 1, err: expect.stringContaining("error[SP0501]") });
    expect(strangers.err.match(/SP0501/g)!.length, "every missing tensor is told").toBe((await spnet("weights", net)).out.trim().split("\n").length);
    const outside = scene("outside.safetensors", Int32Array.of(0, 15, 15, 7));
    expect(await reference("--input", outside, "--random-weights", "1")).toMatchObject({ status: 1, err: expect.stringMatching(/error\[SP0813\].*axes swapped/s) });
    expect(await reference("--input", good)).toMatchObject({ status: 2, err: expect.stringContaining("--weights or --random-weights") });
    expect(await reference("--random-weights", "1")).toMatchObject({ status: 2, err: expect.stringContaining("--input or --simulate") });
  });
});

describe("compile", () => {
  test("writes a module that can be imported, the same text every time", async () => {
    const out = folder.at("out");
    const files = ["small.ts", "small.js", "small.d.ts"].map((name) => `${out}/${name}`);
    expect(await spnet("compile", net, "--out", out)).toEqual({ status: 0, err: "", out: `${files.join("\n")}\n` });
    const texts = files.map((file) => readFileSync(file, "utf8"));
    await spnet("compile", net, "--out", out);
    expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(texts);
    const made = (await import(pathToFileURL(files[1]!).href)) as { readonly create: unknown; readonly plan: { readonly name: string }; readonly kernels: Readonly<Record<string, string>> };
    expect(made.plan.name).toBe("Small");
    expect(typeof made.create).toBe("function");
    expect(Object.values(made.kernels).every((code) => code.includes("@compute"))).toBe(true);
  });

  test("needs --out, and leaves nothing behind for a broken file", async () => {
    expect(await spnet("compile", net)).toMatchObject({ status: 2, err: expect.stringContaining("--out is required") });
    const broken = folder.write("broken.spnet", SMALL_NET.replace("relu\n", "rleu\n"));
    expect(await spnet("compile", broken, "--out", folder.at("none"))).toMatchObject({ status: 1, out: "" });
  });
});
