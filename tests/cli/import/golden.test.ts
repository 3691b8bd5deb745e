import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../../src/cli/files/safetensors.ts";
import { float32Tensor, int32Tensor, toFloat64, toInt32 } from "../../../src/cli/files/tensor.ts";
import { fixtureFolder, readFixture, tensorOf, type FixtureTensor } from "../../support/safetensors.ts";
import { Folder, spnet } from "../support.ts";
import { npz } from "./archive.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const UNET = (layout: string): string => `spnet 1
net UNet {
  dialect spconv
  layout ${layout}
  sites S : (z: 32, y: 32, x: 32)
  input x : feat[S, 6]
  let a = x |> subm(16, k=3, w="stem.0") |> bn(w="stem.1") |> relu |> subm(16, k=3, w="stem.3")
  let b = a |> conv(32, k=3, s=2, p=1, w="down") |> subm(32, k=3, w="mid.0") |> bn(w="mid.1") |> relu |> up(16, w="up")
  output y = cat(b, a) |> subm(8, k=1, bias=true, w="head")
}
`;

/** The first run of the command loads the whole compiler; on a machine with much else to do that takes its time. */
const PATIENCE = 180_000;

const golden = fixtureFolder("spconv-golden");

describe.skipIf(golden === undefined)(`a network of spconv, run with imported weights${golden === undefined ? " (skipped: the shared folder fixtures/spconv-golden is not here)" : ""}`, () => {
  it.each(["spconv2", "spconv1", "minkowski"])("written in layout %s, gives what spconv gave", async (layout) => {
    const tensors = readFixture(`${golden}unet3d-float32.safetensors`);
    // The origin ran in training mode: its norms used the statistics of the batch.
    const statistics: readonly [string, FixtureTensor][] = ["stem.1", "mid.1"].flatMap((path) => [[`net.${path}.running_mean`, tensorOf(tensors, `layer.${path}.batch_mean`)], [`net.${path}.running_var`, tensorOf(tensors, `layer.${path}.batch_var`)]] as [string, FixtureTensor][]);
    const weights = [...tensors].filter(([name]) => name.startsWith("weights.") && !name.includes("running_")).map(([name, t]): [string, FixtureTensor] => [name.replace(/^weights/, "net"), t]);
    const checkpoint = folder.write("unet.npz", npz([...weights, ...statistics]));
    const net = folder.write("unet.spnet", UNET(layout));
    const [imported, scene, out] = [folder.at("w.safetensors"), folder.at("scene.safetensors"), folder.at("out.safetensors")];
    const coords = tensorOf(tensors, "input.coords");
    const features = tensorOf(tensors, "input.features");
    folder.write("scene.safetensors", writeSafetensors([int32Tensor("coords", coords.shape, coords.data as Int32Array), float32Tensor("features", features.shape, features.data as Float32Array)]));

    expect(await spnet("import", checkpoint, "--from", "spconv2", "--prefix", "net.", "--net", net, "--out", imported)).toMatchObject({ status: 0 });
    expect((await spnet("run", net, "--weights", imported, "--input", scene, "--target", "reference", "--output", out)).status).toBe(0);

    const outputs = parseSafetensors(out, readFileSync(out));
    const got = new Float32Array(new Uint8Array(outputs.get("y.features")!.bytes).buffer);
    const wanted = tensorOf(tensors, "expect.features").data;
    expect(got.length).toBe(wanted.length);
    const [largest, scale] = got.reduce(([d, s], v, i) => [Math.max(d, Math.abs(v - wanted[i]!)), Math.max(s, Math.abs(wanted[i]!))] as [number, number], [0, 0] as [number, number]);
    expect(largest / scale).toBeLessThan(1e-5);
  }, PATIENCE);
});

const events = fixtureFolder("event-nets");

describe.skipIf(events === undefined)(`weights of MinkowskiEngine${events === undefined ? " (skipped: the shared folder fixtures/event-nets is not here)" : ""}`, () => {
  it("the first layer of an event network, trained there, gives the recorded rows", async () => {
    const net = folder.write("event.spnet", 'spnet 1\nnet Event {\n  dialect minkowski\n  layout spconv2\n  sites S : (y, x)\n  input x : feat[S, 2]\n  output y = x |> conv(32, k=3, s=2, w="conv1.conv") |> bn(w="conv1.bn") |> relu\n}\n');
    const recorded = readFixture(`${events}nmnist/reference.safetensors`);
    const [coords, features] = [tensorOf(recorded, "input.coords"), tensorOf(recorded, "input.features")];
    const scene = folder.write("event-scene.safetensors", writeSafetensors([int32Tensor("coords", coords.shape, coords.data as Int32Array), float32Tensor("features", features.shape, features.data as Float32Array)]));
    const [imported, out] = [folder.at("event.safetensors"), folder.at("event-out.safetensors")];
    expect((await spnet("import", `${events}nmnist/weights.safetensors`, "--from", "minkowski", "--net", net, "--out", imported)).status).toBe(0);
    expect((await spnet("run", net, "--weights", imported, "--input", scene, "--target", "reference", "--output", out)).status).toBe(0);

    const outputs = parseSafetensors(out, readFileSync(out));
    expect([...toInt32(outputs.get("y.coords")!)]).toEqual([...tensorOf(recorded, "layer.conv1.coords").data]);
    const wanted = tensorOf(recorded, "layer.conv1.output").data;
    // Its activation ends at 6.
    const errors = toFloat64(outputs.get("y.features")!).map((v, i) => Math.abs(Math.min(v, 6) - wanted[i]!));
    expect(errors.length).toBe(wanted.length);
    expect(Math.max(...errors)).toBeLessThan(1e-5);
    expect(Math.max(...wanted)).toBeGreaterThan(1);
  }, PATIENCE);
});
