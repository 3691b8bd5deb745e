import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../../src/cli/random.ts";
import { Folder, spnet } from "../support.ts";
import { npz } from "./archive.ts";
import { loadedFrom } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

/** Kernels [k0, k1, k2, Cin / groups, Cout] of a network, by path; a cross has its taps as one axis. */
interface Kernel {
  readonly shape: readonly number[];
  readonly groups: number;
  readonly data: Float32Array;
}

const random = new Random(5, "kernels");
const kernel = (groups: number, ...shape: readonly number[]): Kernel => ({ shape, groups, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()) });

const SCN = { a: kernel(2, 3, 1, 5, 2, 6), b: kernel(3, 2, 2, 2, 2, 9), c: kernel(9, 3, 3, 3, 1, 9), d: kernel(3, 1, 1, 1, 3, 6), e: kernel(1, 3, 3, 3, 6, 2) };
const scnNet = (layout: string): string => `spnet 1
net Grouped {
  layout ${layout}
  sites S : (x: 16, y: 16, z: 16)
  input x : feat[S, 4]
  let b = x |> subm(6, k=[3, 1, 5], groups=2, w="a") |> conv(9, k=2, s=2, groups=3, w="b")
  output y = b |> subm(9, k=3, groups=9, w="c") |> subm(6, k=1, groups=3, w="d") |> subm(2, k=3, w="e")
}
`;

const MINKOWSKI = { a: kernel(4, 3, 1, 5, 1, 4), b: kernel(4, 2, 2, 2, 1, 4), c: kernel(4, 1, 1, 1, 1, 4), d: kernel(1, 7, 4, 3), e: kernel(3, 3, 3, 3, 1, 3) };
const minkowskiNet = (layout: string): string => `spnet 1
net Channelwise {
  layout ${layout}
  sites S : (x, y, z)
  input x : feat[S, 4]
  let b = x |> subm(4, k=[3, 1, 5], groups=4, bias=true, w="a") |> conv(4, k=2, s=2, groups=4, w="b")
  output y = b |> subm(4, k=1, groups=4, w="c") |> subm(3, k=3, shape=cross, w="d") |> subm(3, k=3, groups=3, w="e")
}
`;

/** Element by element, after sparseconvnet/convolution.py: nTaps × groups × Cin / groups × Cout / groups, last axis fastest. */
function scnStored({ shape, groups, data }: Kernel): { shape: readonly number[]; data: Float32Array } {
  const [k0, k1, k2, n, cout] = shape as [number, number, number, number, number];
  const m = cout / groups;
  const out = new Float32Array(data.length);
  for (let r0 = 0; r0 < k0; r0++) for (let r1 = 0; r1 < k1; r1++) for (let r2 = 0; r2 < k2; r2++) for (let g = 0; g < groups; g++) for (let i = 0; i < n; i++) for (let o = 0; o < m; o++) {
    const tap = r2 + k2 * (r1 + k1 * r0);
    out[o + m * (i + n * (g + groups * tap))] = data[(tap * n + i) * cout + g * m + o]!;
  }
  return { shape: [k0 * k1 * k2, groups, n, m], data: out };
}

/** After MinkowskiChannelwiseConvolution.py, K × C, and kernel_region.hpp: first axis fastest; a cross K × Cin × Cout. */
function minkowskiStored({ shape, data }: Kernel): { shape: readonly number[]; data: Float32Array } {
  if (shape.length === 3) return { shape, data };
  const [k0, k1, k2, , c] = shape as [number, number, number, number, number];
  const out = new Float32Array(data.length);
  for (let r0 = 0; r0 < k0; r0++) for (let r1 = 0; r1 < k1; r1++) for (let r2 = 0; r2 < k2; r2++) for (let ch = 0; ch < c; ch++) out[(r0 + k0 * (r1 + k1 * r2)) * c + ch] = data[((r0 * k1 + r1) * k2 + r2) * c + ch]!;
  return { shape: [k0 * k1 * k2, c], data: out };
}

const bias = { shape: [1, 4], data: Float32Array.of(1, 2, 3, 4) };
const CASES = [
  { system: "scn", title: "SparseConvNet", net: scnNet, kernels: SCN, tensors: Object.entries(SCN).map(([path, k]) => [`${path}.weight`, scnStored(k)] as const) },
  { system: "minkowski", title: "MinkowskiEngine", net: minkowskiNet, kernels: MINKOWSKI, tensors: [...Object.entries(MINKOWSKI).map(([path, k]) => [`${path}.kernel`, minkowskiStored(k)] as const), ["a.bias", bias] as const] },
];

describe.each(CASES)("kernels in groups from $system", ({ system, title, net, kernels, tensors }) => {
  const file = folder.write(`${system}.npz`, npz(tensors));

  test.each(["spconv2", "spconv1", "minkowski", "torchsparse", "scn"])("to layout %s, what the run time makes of them is what was drawn", async (layout) => {
    const [source, out] = [folder.write("n.spnet", net(layout)), folder.at("w.safetensors")];
    expect(await spnet("import", file, "--from", system, "--net", source, "--out", out)).toMatchObject({ status: 0, err: "" });
    const found = Object.fromEntries(loadedFrom(out, net(layout)).filter(({ tensor }) => tensor.use === "kernel").map(({ tensor, data }) => [tensor.name.split(".")[0], [...data]]));
    expect(found).toEqual(Object.fromEntries(Object.entries(kernels).map(([path, { data }]) => [path, [...data]])));
  });

  test("the system is told by their shapes, and one of other groups is refused", async () => {
    const source = folder.write("n.spnet", net(system));
    expect((await spnet("import", file, "--net", source)).out).toContain(`read as ${title}`);
    const other = folder.write("o.spnet", net(system).replace("subm(2, k=3,", "subm(2, k=3, groups=2,").replace("k=3, groups=3, w=\"e\"", "k=3, w=\"e\""));
    expect(await spnet("import", file, "--from", system, "--net", other)).toMatchObject({ status: 1, err: expect.stringMatching(/SP0552.*"e\.(weight|kernel)"/) });
  });

  test("a draft has the groups, and reads its own checkpoint", async () => {
    const draft = folder.at("draft.spnet");
    expect(await spnet("import", file, "--from", system, "--draft", "--out", draft)).toEqual({ status: 0, out: "", err: "" });
    expect(readFileSync(draft, "utf8").match(/groups=\d/g)).toEqual(system === "scn" ? ["groups=2", "groups=3", "groups=9", "groups=3"] : expect.arrayContaining(["groups=4"]));
    expect(await spnet("import", file, "--from", system, "--net", draft)).toMatchObject({ status: 0, err: "" });
  });
});
