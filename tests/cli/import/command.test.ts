import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../../src/cli/files/safetensors.ts";
import { float32Tensor, int32Tensor, toFloat64, type Tensor } from "../../../src/cli/files/tensor.ts";
import { Folder, spnet } from "../support.ts";
import { npz, pickle, torchTensor, torchZip } from "./archive.ts";
import { fixture, layersNet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const layers = folder.write("layers.spnet", layersNet("spconv2"));

/** A network with one kernel of `kernel` and a batch norm. */
const small = (name: string, kernel: string, cin: number, cout: number, layout = "spconv2", axes = "z, y, x"): string =>
  folder.write(`${name}.spnet`, `spnet 1\nnet N {\n  layout ${layout}\n  sites S : (${axes})\n  input x : feat[S, ${cin}]\n  output y = x |> subm(${cout}, k=${kernel}, w="conv") |> bn(w="norm")\n}\n`);

const ramp = (shape: readonly number[]): { shape: readonly number[]; data: Float32Array } => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1) });
const norm = (c: number): readonly (readonly [string, ReturnType<typeof ramp>])[] => ["weight", "bias", "running_mean", "running_var"].map((part) => [`norm.${part}`, ramp([c])]);
const checkpoint = (name: string, tensors: readonly (readonly [string, ReturnType<typeof ramp>])[]): string => folder.write(name, npz(tensors));

describe("a checkpoint of something else", () => {
  test("names that differ by a prefix: the prefix is told, and given it all fit", async () => {
    const net = small("prefixed", "3", 2, 4);
    const file = checkpoint("prefixed.npz", [["backbone_3d.conv.weight", ramp([4, 3, 3, 3, 2])], ...norm(4).map(([n, t]) => [`backbone_3d.${n}`, t] as const), ["head.weight", ramp([2, 2])]]);
    const { status, err } = await spnet("import", file, "--from", "spconv2", "--net", net);
    expect({ status, err }).toMatchObject({ status: 1, err: expect.stringMatching(/SP0504.*5 of 5 missing.*backbone_3d\.`\n.*--prefix backbone_3d\./) });
    const good = await spnet("import", file, "--from", "spconv2", "--net", net, "--prefix", "backbone_3d.");
    expect(good.status).toBe(0);
    expect(good.err).toContain("1 tensors of");
  });

  test("another system's file: that system is named", async () => {
    const { status, err } = await spnet("import", fixture("layers-minkowski.pth"), "--from", "spconv2", "--net", layers);
    expect(status).toBe(1);
    expect(err).toMatch(/SP0550.*looks like a checkpoint of MinkowskiEngine: 18 of 18 tensors fit its names and shapes, \d+ those of spconv 2\n.*--from minkowski/);
    expect(err).not.toContain("SP0501");
  });

  test("another network: what it lacks, in the system's names and shapes, and no more than fit on a screen", async () => {
    const deep = folder.write("deep.spnet", `spnet 1\nnet N {\n  layout minkowski\n  sites S : (z, y, x)\n  input x : feat[S, 2]\n  var y = x\n  for i in 0..30 { set y = y |> subm(2, k=3, w="layer{i}") }\n  output z = y\n}\n`);
    const { err } = await spnet("import", checkpoint("other.npz", [["elsewhere.weight", ramp([2, 3, 3, 3, 2])]]), "--from", "spconv2", "--net", deep);
    expect(err).toMatch(/SP0501.*`layer0\.weight` \[2, 3, 3, 3, 2\] is not in/);
    expect(err.match(/is not in/g)).toHaveLength(20);
    expect(err).toContain("10 more tensors are not in");
  });

  test("a prefix is told without --from, too", async () => {
    const file = checkpoint("module.npz", [["module.conv.kernel", ramp([27, 2, 4])], ...norm(4).map(([n, t]) => [`module.${n.replace(".", ".bn.")}`, t] as const)]);
    expect((await spnet("import", file, "--net", small("module", "3", 2, 4))).err).toMatch(/SP0504.*under the prefix `module\.`/);
  });

  test("another width: both shapes and the tensor", async () => {
    const { status, err } = await spnet("import", checkpoint("wide.npz", [["conv.weight", ramp([8, 3, 3, 3, 2])], ...norm(4)]), "--from", "spconv2", "--net", small("wide", "3", 2, 4));
    expect({ status, err }).toMatchObject({ status: 1, err: expect.stringMatching(/SP0552.*"conv\.weight" in .* is \[8, 3, 3, 3, 2\]; spconv 2 stores it as \[4, 3, 3, 3, 2\] \(\[Cout, k…, Cin\]\)/) });
    expect((await spnet("import", checkpoint("swapped.npz", [["conv.weight", ramp([4, 2, 3, 3, 3])], ...norm(4)]), "--from", "spconv2", "--net", small("wide", "3", 2, 4))).err).toMatch(/SP0550.*looks like a checkpoint of fVDB/);
    expect((await spnet("import", checkpoint("native.npz", [["conv.weight", ramp([3, 3, 3, 4, 2])], ...norm(4)]), "--from", "fvdb", "--net", small("wide", "3", 2, 4))).err).toMatch(/SP0552.*fVDB stores it as \[4, 2, 3, 3, 3\].*\n.*help: it fits \[k…, Cout, Cin\]: another --from, or --read conv\.weight=k-out-in/);
    expect((await spnet("import", checkpoint("norm.npz", [["conv.weight", ramp([4, 3, 3, 3, 2])], ...norm(5)]), "--from", "spconv2", "--net", small("wide", "3", 2, 4))).err).toMatch(/SP0552.*"norm\.weight".*is \[5\]; spconv 2 stores it as \[4\]/);
  });
});

describe("where shapes do not tell", () => {
  test("without --from both readings are shown", async () => {
    const file = checkpoint("cube.npz", [["conv.weight", ramp([3, 3, 3, 3, 3])], ...norm(3)]);
    const net = small("cube", "3", 3, 3);
    const { status, err } = await spnet("import", file, "--net", net);
    expect(status).toBe(1);
    expect(err).toMatch(/SP0555.*may be of spconv 2 or of spconv 1; conv\.weight \[3, 3, 3, 3, 3\]/);
    expect(err).toMatch(/--from spconv2 reads conv\.weight as \[Cout, k…, Cin\]\n.*--from spconv1 reads conv\.weight as \[k…, Cin, Cout\]/);
    expect((await spnet("import", file, "--from", "spconv1", "--net", net)).status).toBe(0);
  });

  test("kernels of as many input as output channels, not in spconv 2's order: the form is asked for", async () => {
    const file = checkpoint("native.npz", [["conv.weight", ramp([3, 3, 3, 4, 4])], ...norm(4)]);
    const net = small("native", "3", 4, 4, "spconv1");
    expect((await spnet("import", file, "--from", "spconv2", "--net", net)).err).toMatch(/SP0551.*can be read as \[k…, Cin, Cout\] \(--read conv\.weight=k-in-out\) or \[k…, Cout, Cin\] \(--read conv\.weight=k-out-in\)/);
    const out = folder.at("native.safetensors");
    expect((await spnet("import", file, "--from", "spconv2", "--net", net, "--read", "k-out-in", "--out", out)).status).toBe(0);
    const values = toFloat64(parseSafetensors(out, readFileSync(out)).get("conv.weight")!);
    expect([...values.subarray(0, 5)]).toEqual([1, 5, 9, 13, 2]);
    expect((await spnet("import", file, "--from", "spconv2", "--net", net, "--read", "conv.weight=k-in-out")).status).toBe(0);
    expect((await spnet("import", file, "--from", "spconv2", "--net", net, "--read", "cnov.weight=k-in-out")).err).toMatch(/SP0556.*"cnov\.weight"/);
    expect(await spnet("import", file, "--from", "spconv2", "--net", net, "--read", "conv.weight=sideways")).toMatchObject({ status: 2, err: expect.stringContaining("--read is conv.weight=sideways") });
  });

  test("a square matrix of SparseConvNet is NetworkInNetwork or Linear", async () => {
    expect((await spnet("import", fixture("layers-scn.pth"), "--from", "scn", "--net", layers)).err).toMatch(/SP0551.*"square\.weight" \[3, 3\].*\[Cin, Cout\] \(--read square\.weight=in-out\) or \[Cout, Cin\] \(--read square\.weight=out-in\)/);
  });

  test("MinkowskiEngine and TorchSparse number the taps of odd kernels alike, of even ones not", async () => {
    const file = (taps: number): string => checkpoint(`taps${taps}.npz`, [["conv.kernel", ramp([taps, 2, 4])], ...norm(4)]);
    expect((await spnet("import", file(27), "--net", small("odd", "3", 2, 4))).status).toBe(0);
    const even = folder.write("even.spnet", "spnet 1\nnet N {\n  sites S : (z, y, x)\n  input x : feat[S, 2]\n  output y = x |> conv(4, k=2, s=2, w=\"conv\") |> bn(w=\"norm\")\n}\n");
    expect((await spnet("import", file(8), "--net", even)).err).toMatch(/SP0555.*MinkowskiEngine or of TorchSparse; conv\.kernel \[8, 2, 4\]/);
  });

  test("two sections with the same names are asked about", async () => {
    const weights = (key: string): Uint8Array => pickle.dict(pickle.text("conv.weight"), torchTensor({ key, length: 216, shape: [4, 3, 3, 3, 2], strides: [54, 18, 6, 2, 1] }), ...norm(4).flatMap(([name]) => [pickle.text(name), torchTensor({ key: "n", length: 4, shape: [4], strides: [1] })]));
    const storage = (n: number): Uint8Array => new Uint8Array(Float32Array.from({ length: n }, (_, i) => i).buffer);
    const file = folder.write("ema.pth", torchZip([pickle.dict(pickle.text("state_dict"), weights("a"), pickle.text("ema"), weights("b"))], { a: storage(216), b: storage(216).fill(0), n: storage(4) }));
    const net = small("ema", "3", 2, 4);
    expect((await spnet("import", file, "--from", "spconv2", "--net", net)).err).toMatch(/SP0549.*state_dict with 5 tensors; ema with 5 tensors\n.*--section ema/);
    expect(await spnet("import", file, "--from", "spconv2", "--net", net, "--section", "state_dict")).toMatchObject({ status: 0, out: expect.stringContaining("section state_dict, 5 tensors") });
    expect((await spnet("import", file, "--from", "spconv2", "--net", net, "--section", "emu")).err).toMatch(/SP0549.*no section "emu"/);
  });
});

describe("values that are no weights", () => {
  const net = small("values", "1", 2, 2);
  const file = (change: (name: string, data: Float32Array) => Tensor): string => {
    const tensors = [["conv.weight", ramp([2, 1, 1, 1, 2])] as const, ...norm(2)].map(([name, { data }]) => change(name, data));
    return folder.write("values.safetensors", writeSafetensors(tensors));
  };
  const shapeOf = (name: string): readonly number[] => (name === "conv.weight" ? [2, 1, 1, 1, 2] : [2]);
  const withValue = (which: string, value: number): string => file((name, data) => float32Tensor(name, shapeOf(name), name === which ? data.map((v, i) => (i === 1 ? value : v)) : data));

  test.each([
    ["conv.weight", NaN, /SP0553.*"conv\.weight".*has NaN at element 1/],
    ["norm.bias", Infinity, /SP0553.*"norm\.bias".*has Infinity at element 1/],
    ["norm.running_var", -1, /SP0554.*"norm\.running_var".*has -1 at element 1/],
  ])("%s with %d", async (name, value, message) => {
    expect((await spnet("import", withValue(name, value), "--from", "spconv2", "--net", net)).err).toMatch(message);
  });

  test("whole numbers", async () => {
    const quantised = file((name, data) => (name === "conv.weight" ? int32Tensor(name, shapeOf(name), Int32Array.from(data)) : float32Tensor(name, shapeOf(name), data)));
    expect((await spnet("import", quantised, "--from", "spconv2", "--net", net)).err).toMatch(/SP0547.*holds I32, expected floating-point weights/);
  });
});

test("--axes turns kernels of a model with other columns", async () => {
  const net = small("axes", "[5, 3, 1]", 1, 1, "spconv1", "x, y, z");
  const file = checkpoint("axes.npz", [["conv.weight", ramp([1, 1, 3, 5, 1])], ...norm(1)]);
  const out = folder.at("axes.safetensors");
  expect((await spnet("import", file, "--from", "spconv2", "--net", net)).err).toContain("SP0552");
  expect((await spnet("import", file, "--from", "spconv2", "--net", net, "--axes", "z,y,x", "--out", out)).status).toBe(0);
  const kernel = parseSafetensors(out, readFileSync(out)).get("conv.weight")!;
  expect(kernel.shape).toEqual([5, 3, 1, 1, 1]);
  // Tap (x, y, z) of the network is tap (z, y, x) of the checkpoint, which has 5·y + x before it.
  expect([...toFloat64(kernel)]).toEqual([1, 6, 11, 2, 7, 12, 3, 8, 13, 4, 9, 14, 5, 10, 15]);
  expect(await spnet("import", file, "--from", "spconv2", "--net", net, "--axes", "z,y")).toMatchObject({ status: 2, err: expect.stringContaining("--axes is z,y") });
});

test("a kernel that was trained with another one's rulebook is read tap by tap when that is said", async () => {
  const net = small("cylinder", "[1, 3, 3]", 2, 3, "spconv1");
  const file = checkpoint("cylinder.npz", [["conv.weight", ramp([3, 1, 3, 2, 3])], ...norm(3)]);
  const out = folder.at("cylinder.safetensors");
  expect((await spnet("import", file, "--from", "spconv1", "--net", net)).err).toContain("SP0552");
  expect((await spnet("import", file, "--from", "spconv1", "--net", net, "--read", "conv.weight=taps-last", "--out", out)).status).toBe(0);
  const kernel = parseSafetensors(out, readFileSync(out)).get("conv.weight")!;
  expect(kernel.shape).toEqual([1, 3, 3, 2, 3]);
  expect([...toFloat64(kernel)]).toEqual([...ramp([54]).data]);
});

test("spconv 2 multiplies by the memory of one tap where there is no stride, and by its shape where there is one", async () => {
  const net = folder.write("strided.spnet", "spnet 1\nnet N {\n  layout spconv1\n  sites S : (z, y, x)\n  input x : feat[S, 2]\n  output y = x |> subm(3, k=1, w=\"a\") |> conv(2, k=1, s=2, p=0, sites=reach, w=\"b\")\n}\n");
  const file = checkpoint("strided.npz", [["a.weight", ramp([3, 1, 1, 1, 2])], ["b.weight", ramp([2, 1, 1, 1, 3])]]);
  const out = folder.at("strided.safetensors");
  expect((await spnet("import", file, "--from", "spconv2", "--net", net, "--out", out)).status).toBe(0);
  const values = (name: string): readonly number[] => [...toFloat64(parseSafetensors(out, readFileSync(out)).get(name)!)];
  expect(values("a.weight")).toEqual([1, 2, 3, 4, 5, 6]);
  expect(values("b.weight")).toEqual([1, 4, 2, 5, 3, 6]);
});
