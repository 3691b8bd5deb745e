import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { float32Tensor, int32Tensor, toFloat32, toInt32 } from "../../src/cli/files/tensor.ts";
import { mayHaveGpu } from "../../src/cli/hardware.ts";
import { simulateScan } from "../../src/cli/scan/lidar.ts";
import { npy } from "./formats/support.ts";
import { Folder, SMALL_NET, spnet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const net = folder.write("small.spnet", SMALL_NET);
const coords = Int32Array.of(0, 1, 2, 3, 0, 1, 2, 4, 1, 7, 15, 15);
const scene = (name: string, rows = coords): string =>
  folder.write(name, writeSafetensors([int32Tensor("coords", [rows.length / 4, 4], rows), float32Tensor("features", [rows.length / 4, 4], Float32Array.from(rows, (v, i) => (v + i) / 7))]));
const good = scene("scene.safetensors");
const reference = (...more: readonly string[]) => spnet("run", net, "--target", "reference", ...more);

describe("options that only the CPU has", () => {
  test.each([["--threads", "2"], ["--lanes", "plain"], ["--arithmetic", "fused"]])("%s is refused on another target", async (option, value) => {
    const { status, err } = await reference("--input", good, "--random-weights", "1", option, value);
    expect(status).toBe(2);
    expect(err).toContain(`${option} is an option of the CPU's, and the target is reference`);
    if (option !== "--arithmetic") return;
    expect(await spnet("compile", net, "--out", folder.at("out"), "--target", "webgpu", option, value)).toMatchObject({ status: 2, err: expect.stringContaining("the target is webgpu") });
  });
});

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
    const scan = folder.write("scan.bin", new Uint8Array(simulateScan(1).data.slice(0, 4000).buffer));
    const grid = ["--voxel", "5,5,1", "--range=0,-40,-3,80,40,5"];
    expect((await reference("--input", scan, ...grid, "--random-weights", "1")).out).toMatch(/^fine {2}\d+ sites/);
    expect(await reference("--input", scan, "--random-weights", "1")).toMatchObject({ status: 2, err: expect.stringContaining("a scan needs --voxel") });
    expect(await reference("--input", scan, "--voxel", "5", "--random-weights", "1")).toMatchObject({ status: 1, err: expect.stringContaining("SP0834") });
  });

  test("a dense input comes from arrays of numpy or safetensors, several files being a batch, and is refused where it does not fit", async () => {
    const images = folder.write("images.spnet", `spnet 1
net Images {
  input img : dense[2, 3, 4]
  output y = img |> conv2d(3, k=3, p=1) |> relu
  output same = img
  output kept = img |> from_dense
}
`);
    const values = Float32Array.from({ length: 48 }, (_, i) => (i % 3 === 0 ? 0 : i / 10));
    const [one, two, both] = [values.subarray(0, 24), values.subarray(24), values].map((data, i) => {
      const shape = i < 2 ? [2, 3, 4] : [2, 2, 3, 4];
      return folder.write(`img${i}.npy`, npy("'<f4'", shape, new Uint8Array(data.slice().buffer)));
    }) as [string, string, string];
    const safe = folder.write("img.safetensors", writeSafetensors([float32Tensor("img", [2, 2, 3, 4], values)]));
    const ran = (...more: readonly string[]) => spnet("run", images, "--random-weights", "1", ...more);
    const out = folder.at("dense-out.safetensors");
    expect(await ran("--target", "reference", "--input", both, "--output", out)).toMatchObject({ status: 0 });
    expect(toFloat32(parseSafetensors(out, readFileSync(out)).get("same")!)).toEqual(values);
    const wanted = (await ran("--target", "reference", "--input", both)).out;
    expect(wanted).toMatch(/^y {2}\[2, 3, 3, 4\] .*\nsame {2}\[2, 2, 3, 4\] .*\nkept {2}\d+ sites × 2 /);
    for (const input of [["--input", one, "--input", two], ["--input", `img=${safe}`], ["--input", safe]]) expect((await ran("--target", "reference", ...input)).out, input.join(" ")).toBe(wanted);
    expect(await ran("--target", "wasm", "--input", both, "--check")).toMatchObject({ status: 0 });
    expect(await spnet("report", images, "--random-weights", "1", "--target", "wasm", "--input", both)).toMatchObject({ status: 0 });
    expect(await spnet("check", images)).toMatchObject({ status: 0, out: expect.stringContaining("img: dense [2, 3, 4]") });
    const small = folder.write("small-img.safetensors", writeSafetensors([float32Tensor("img", [2, 4, 3], values.slice(0, 24))]));
    expect(await ran("--target", "reference", "--input", small)).toMatchObject({ status: 1, err: expect.stringMatching(/SP0806.*is \[2, 4, 3\], expected \[N, 2, 3, 4\] or \[2, 3, 4\]/) });
    expect(await ran("--target", "reference", "--input", folder.write("cloud.ply", "ply"))).toMatchObject({ status: 1, err: expect.stringContaining("SP0834") });
    const nan = folder.write("nan.safetensors", writeSafetensors([float32Tensor("img", [2, 3, 4], Float32Array.from({ length: 24 }, () => NaN))]));
    expect(await ran("--target", "reference", "--input", nan)).toMatchObject({ status: 1, err: expect.stringContaining("SP0815") });
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

describe("run on the CPU", () => {
  const wasm = (...more: readonly string[]) => spnet("run", net, "--target", "wasm", "--random-weights", "1", "--input", good, ...more);

  for (const [level, threads] of [["-O0", "0"], ["-O2", "1"], ["-O2", "2"]] as const) {
    test(`--check ${level} on ${threads} threads agrees with the interpreter; --profile shows each step`, async () => {
      const { status, out, err } = await wasm(level, "--threads", threads, "--lanes", "plain", "--check", "--profile");
      const what = { "0": "the calling thread", "1": "1 thread", "2": "2 threads" }[threads];
      expect(err).toMatch(new RegExp(`^adapter {2}CPU, WebAssembly, ${what}, plain lanes\n`));
      const errors = [...err.matchAll(/^(fine|coarse) {2}error (\S+)/gm)].map((m) => Number(m[2]));
      expect(errors).toHaveLength(2);
      expect(Math.max(...errors)).toBeLessThan(1e-5);
      expect(err).toMatch(/k00_conv_a +3 +\d+ +[\d.]+ ms {2}\S+:6:/);
      expect([status, out]).toEqual([0, expect.stringMatching(/^fine {2}3 sites × 8/)]);
    });
  }

  test("the threads make no difference to a bit", async () => {
    const file = (name: string): string => folder.at(`${name}.safetensors`);
    for (const threads of ["0", "2"]) await wasm("--threads", threads, "--output", file(threads));
    expect(readFileSync(file("2")).equals(readFileSync(file("0")))).toBe(true);
  });

  test("fused arithmetic is as good, on request and where the engine has it", async () => {
    const { status, err } = await wasm("--arithmetic", "fused", "--threads", "0", "--lanes", "plain", "--check");
    const has = Number(process.versions.node.split(".")[0]) >= 22;
    expect([status, err]).toEqual(has ? [0, expect.stringMatching(/^fine {2}error/m)] : [1, expect.stringMatching(/error\[SP0605\].*relaxed SIMD/)]);
  });

  test("says which lanes ran, with the engine's flag only where it can join them", async () => {
    const can = process.arch === "x64" && Number(process.versions.node.split(".")[0]) >= 24;
    expect((await wasm("--threads", "0")).err).toContain(can ? "wide lanes" : "plain lanes");
  });

  test("options out of their range are mistakes of the command line", async () => {
    expect(await wasm("--threads=-1")).toMatchObject({ status: 2, err: expect.stringContaining("--threads is -1") });
    expect(await wasm("--lanes", "broad")).toMatchObject({ status: 2, err: expect.stringContaining("auto, wide, plain") });
    expect(await spnet("run", net, "--target", "tpu")).toMatchObject({ status: 2, err: expect.stringContaining("webgpu, wasm, reference") });
  });
});

describe("where the command runs by itself", () => {
  test("a GPU is looked for where there is a device file of one", () => {
    const devices = (...names: readonly string[]): string => {
      const at = mkdtempSync(`${folder.at("dev")}-`);
      for (const name of names) mkdirSync(`${at}/${name}`, { recursive: true });
      return at;
    };
    for (const names of [["nvidia0"], ["dri/renderD128"], ["dxg"]]) expect(mayHaveGpu("linux", devices(...names)), names.join()).toBe(true);
    for (const names of [[], ["dri/card0"], ["null"]]) expect(mayHaveGpu("linux", devices(...names)), names.join()).toBe(false);
    expect(mayHaveGpu("darwin", devices())).toBe(true);
  });

  test.runIf(!mayHaveGpu())("without one it runs on the CPU and says so in one line", async () => {
    const { status, err } = await spnet("run", net, "--input", good, "--random-weights", "1", "--threads", "0", "--lanes", "plain");
    expect(err.split("\n").slice(0, 2)).toEqual([expect.stringMatching(/^no GPU here, so the CPU runs it; .*--target webgpu/), expect.stringMatching(/^adapter {2}CPU/)]);
    expect(status).toBe(0);
  });
});

describe("compile", () => {
  type Made = Readonly<Partial<Record<"create" | "plan" | "kernels" | "cpuPlan" | "code", unknown>>>;

  for (const [target, exported] of [
    ["webgpu", ["create", "kernels", "plan"]],
    ["wasm", ["code", "cpuPlan", "create"]],
    ["both", ["code", "cpuPlan", "create", "kernels", "plan"]],
  ] as const) {
    test(`--target ${target} writes a module that can be imported, the same text every time`, async () => {
      const out = folder.at(target);
      const files = ["small.ts", "small.js", "small.d.ts"].map((name) => `${out}/${name}`);
      expect(await spnet("compile", net, "--out", out, "--target", target)).toEqual({ status: 0, err: "", out: `${files.join("\n")}\n` });
      const texts = files.map((file) => readFileSync(file, "utf8"));
      await spnet("compile", net, "--out", out, ...(target === "both" ? [] : ["--target", target]));
      expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(texts);
      const made = (await import(pathToFileURL(files[1]!).href)) as Made;
      expect(Object.keys(made).filter((name) => exported.some((e) => e === name)).sort()).toEqual(exported);
      expect(["plan", "kernels", "cpuPlan", "code"].filter((name) => name in made && !exported.some((e) => e === name))).toEqual([]);
      expect(typeof made.create).toBe("function");
      if (made.kernels !== undefined) expect(Object.values(made.kernels as Record<string, string>).every((text) => text.includes("@compute"))).toBe(true);
      if (made.code !== undefined) expect(inflateSync(Buffer.from(made.code as string, "base64")).subarray(0, 4).toString("latin1")).toBe("\0asm");
    });
  }

  test("needs --out, and leaves nothing behind for a broken file", async () => {
    expect(await spnet("compile", net)).toMatchObject({ status: 2, err: expect.stringContaining("--out is required") });
    const broken = folder.write("broken.spnet", SMALL_NET.replace("relu\n", "rleu\n"));
    expect(await spnet("compile", broken, "--out", folder.at("none"))).toMatchObject({ status: 1, out: "" });
  });
});
