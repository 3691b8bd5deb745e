/** Scans, tensors and made-up scenes for networks of points. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { float32Tensor, toFloat32, toInt32 } from "../../src/cli/files/tensor.ts";
import { Folder, spnet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const net = folder.write("net.spnet", `spnet 1
export net Cloud {
  dialect torchsparse
  sites P : (z, y, x) = points
  sites V : (z: 40, y: 1600, x: 1408) = voxels(P, size=[0.1, 0.05, 0.05], origin=[-3, -40, 0], outside=drop)
  input points : feat[P, 4]
  let own = points |> linear(4, w="own") |> relu
  let v = own |> voxelize(onto=V) |> subm(4, k=3, w="a")
  output scores = (v |> conv(4, k=2, s=2, w="b") |> devoxelize(mode=trilinear)) + own
}
`);
const strict = folder.write("strict.spnet", readFileSync(net, "utf8").replace(", outside=drop", ""));
const weights = ["--random-weights", "1"];
const wasm = ["--target", "wasm", "--threads", "0"];

/** x, y, z, intensity of points on a slanted plane; the last one lies behind the sensor. */
const scan = Float32Array.from(Array.from({ length: 200 }, (_, i) => [5 + (i % 20) * 0.07, Math.floor(i / 20) * 0.06, -1 + i * 0.004, (i % 7) / 7]).concat([[-4, 0, 0, 1]]).flat());
const bin = folder.write("scan.bin", new Uint8Array(scan.buffer));

describe("a network of points", () => {
  test("takes a scan as it is: every point has a row, in the scan's order", async () => {
    const out = folder.at("out.safetensors");
    const { status, err } = await spnet("run", net, "--input", bin, ...weights, ...wasm, "--check", "--output", out);
    expect(err).toContain("201 points; --fields x,y,z:x,y,z,intensity\n");
    expect([status, /error \S+/.exec(err)?.[0]]).toEqual([0, expect.stringMatching(/e-[678]$|error 0/)]);
    const tensors = parseSafetensors(out, readFileSync(out));
    expect(tensors.get("scores.features")!.shape).toEqual([201, 4]);
    expect([...toInt32(tensors.get("scores.coords")!)].slice(-4)).toEqual([0, 199, 0, 200]);
  });

  test("several scans are a batch, and tensors of positions are the same points", async () => {
    const positions = Float32Array.from({ length: 2 * 201 * 4 }, (_, i) => {
      const [point, column] = [Math.floor(i / 4), i % 4];
      return column === 0 ? Math.floor(point / 201) : scan[4 * (point % 201) + 3 - column]!;
    });
    const features = Float32Array.from({ length: 2 * scan.length }, (_, i) => scan[i % scan.length]!);
    const tensors = folder.write("points.safetensors", writeSafetensors([float32Tensor("coords", [402, 4], positions), float32Tensor("features", [402, 4], features)]));
    const [a, b] = [folder.at("a.safetensors"), folder.at("b.safetensors")];
    expect((await spnet("run", net, "--input", bin, "--input", bin, ...weights, ...wasm, "--output", a)).status).toBe(0);
    expect((await spnet("run", net, "--input", tensors, ...weights, ...wasm, "--output", b)).status).toBe(0);
    const rows = (file: string): Float32Array => toFloat32(parseSafetensors(file, readFileSync(file)).get("scores.features")!);
    expect(rows(a)).toEqual(rows(b));
    expect(rows(a).slice(0, 804)).toEqual(rows(a).slice(804));
  });

  test("labels the scan's own points in a .ply", async () => {
    const file = folder.at("out.ply");
    const { status, err } = await spnet("run", net, "--input", bin, ...weights, ...wasm, "--output", file);
    expect([status, err]).toEqual([0, expect.stringContaining("scores: 201 points of points")]);
    expect(readFileSync(file, "latin1")).toContain("element vertex 201\n");
  });

  test.each(["lidar", "room", "tracks"])("takes a made-up scene: %s", async (kind) => {
    const { status, out, err } = await spnet("run", strict, "--simulate", kind, ...weights, ...wasm, "--check");
    expect([status, err]).toEqual([0, expect.stringMatching(/error \S+e-[678]/)]);
    expect(Number(/scores +(\d+) sites/.exec(out)![1])).toBeGreaterThan(300);
  });

  test("is counted and predicted", async () => {
    const { status, out } = await spnet("report", net, "--input", bin, ...weights, ...wasm, "--json");
    expect(status).toBe(0);
    const report = JSON.parse(out) as { readonly wrong: readonly number[]; readonly steps: readonly { readonly predicted: { readonly kind: string; readonly rows: number } }[] };
    expect(report.wrong).toEqual([]);
    expect(report.steps.map((s) => s.predicted.kind)).toEqual(expect.arrayContaining(["voxelize", "devoxelize"]));
  });

  test("refuses points outside of its voxels, options for voxels, and positions that are none", async () => {
    expect((await spnet("run", strict, "--input", bin, ...weights, ...wasm)).err).toMatch(/SP0850.*1 of 201 points lie outside.*first point 200/);
    expect((await spnet("run", net, "--input", bin, "--voxel", "0.1", ...weights, ...wasm)).err).toContain("leave out --voxel");
    const nan = Float32Array.from(scan, (v, i) => (i === 5 ? Number.NaN : v));
    expect((await spnet("run", net, "--input", folder.write("nan.bin", new Uint8Array(nan.buffer)), ...weights, ...wasm)).err).toMatch(/SP0832.*point 1/s);
    expect((await spnet("run", net, "--input", folder.at("nan.bin"), "--drop-invalid", ...weights, ...wasm)).status).toBe(0);
  });
});
