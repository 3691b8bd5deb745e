import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../../src/cli/files/safetensors.ts";
import { elements, float32Tensor, toFloat32, type Tensor } from "../../../src/cli/files/tensor.ts";
import { Folder, spnet } from "../support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const net = folder.write("dense.spnet", `spnet 1
net Dense {
  layout spconv2
  sites S : (z: 2, y: 8, x: 6)
  input v : feat[S, 2]
  let d = v |> subm(3, k=[1, 3, 1], w="net.sub") |> to_dense(fold="z") |> conv2d(5, k=[3, 2], p=[1, 0], bias=true, w="net.conv") |> bn(w="net.norm")
  output y = d |> deconv2d(4, k=[2, 3], s=[2, 3], w="net.up") |> conv2d(7, k=1, w="net.head")
}
`);

/** Tensors as PyTorch stores dense layers and `system` its sparse one, filled with their own element numbers. */
function checkpoint(sub: readonly [name: string, shape: readonly number[]], more: readonly (readonly [string, readonly number[]])[] = []): ReadonlyMap<string, Tensor> {
  const shapes: readonly (readonly [string, readonly number[]])[] = [
    sub, ["net.conv.weight", [5, 6, 3, 2]], ["net.conv.bias", [5]], ["net.up.weight", [5, 4, 2, 3]], ["net.head.weight", [7, 4, 1, 1]],
    ...["weight", "bias", "running_mean", "running_var"].map((part) => [`net.norm.${part}`, [5]] as const), ...more,
  ];
  return new Map(shapes.map(([name, shape]) => [name, float32Tensor(name, shape, Float32Array.from({ length: elements(shape) }, (_, i) => i + 1))]));
}

describe("kernels of dense layers", () => {
  test("of a transposed layer in groups are read by groups", async () => {
    const grouped = folder.write("grouped.spnet", 'spnet 1\nnet G {\n  sites S : (y: 4, x: 4)\n  input v : feat[S, 6]\n  output y = v |> to_dense |> deconv2d(4, k=2, s=2, groups=2, w="up")\n}\n');
    const tensor = float32Tensor("up.weight", [6, 2, 2, 2], Float32Array.from({ length: 48 }, (_, i) => i));
    const file = folder.write("grouped.safetensors", writeSafetensors([tensor]));
    const out = folder.at("grouped-out.safetensors");
    expect(await spnet("import", file, "--from", "spconv2", "--net", grouped, "--out", out)).toMatchObject({ status: 0, err: "" });
    const written = parseSafetensors(out, readFileSync(out)).get("up.weight")!;
    expect({ shape: written.shape, data: toFloat32(written) }).toEqual({ shape: [6, 2, 2, 2], data: toFloat32(tensor) });
    const wrong = folder.write("ungrouped.safetensors", writeSafetensors([float32Tensor("up.weight", [3, 4, 2, 2], new Float32Array(48))]));
    expect((await spnet("weights", grouped, "--against", wrong)).err).toContain("is [3, 4, 2, 2], expected [6, 2, 2, 2]");
  });

  test.each([
    ["spconv2", ["net.sub.weight", [3, 1, 3, 1, 2]]],
    ["spconv1", ["net.sub.weight", [1, 3, 1, 2, 3]]],
    ["minkowski", ["net.sub.kernel", [3, 2, 3]]],
    ["torchsparse", ["net.sub.kernel", [3, 2, 3]]],
    ["scn", ["net.sub.weight", [3, 1, 2, 3]]],
    ["fvdb", ["net.sub.weight", [3, 2, 1, 3, 1]]],
  ] as const)("are PyTorch's in a checkpoint of %s: their bytes stay", async (system, sub) => {
    const given = checkpoint(sub);
    const file = folder.write(`${system}.safetensors`, writeSafetensors(given.values()));
    const out = folder.at("out.safetensors");
    const { status, err } = await spnet("import", file, "--from", system, "--net", net, "--out", out);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const written = parseSafetensors(out, readFileSync(out));
    for (const [name, tensor] of given) {
      if (name === sub[0]) continue;
      expect(written.get(name)?.shape, name).toEqual(tensor.shape);
      expect(toFloat32(written.get(name)!), name).toEqual(toFloat32(tensor));
    }
    expect(written.get("net.sub.weight")?.shape).toEqual([3, 1, 3, 1, 2]);
  });

  test("of another shape are named with the shape that is wanted, and no layout is proposed for them", async () => {
    const given = new Map([...checkpoint(["net.sub.weight", [3, 1, 3, 1, 2]]), ["net.up.weight", float32Tensor("net.up.weight", [4, 5, 2, 3], new Float32Array(120))]]);
    const file = folder.write("turned.safetensors", writeSafetensors(given.values()));
    const compared = await spnet("weights", net, "--against", file);
    expect(compared.status).toBe(1);
    expect(compared.err).toContain("`net.up.weight` in");
    expect(compared.err).toContain("is [4, 5, 2, 3], expected [5, 4, 2, 3] (layout torch_transposed)");
    expect(compared.err).not.toContain("it fits the layout");
    const imported = await spnet("import", file, "--from", "spconv2", "--net", net);
    expect(imported.status).toBe(1);
    expect(imported.err).toMatch(/net\.up\.weight.*\[4, 5, 2, 3\]/);
  });

  test("keep PyTorch's form where `--read` says how the sparse ones are stored", async () => {
    const file = folder.write("native.safetensors", writeSafetensors(checkpoint(["net.sub.weight", [1, 3, 1, 3, 2]]).values()));
    const { status, err } = await spnet("import", file, "--from", "spconv2", "--read", "k-out-in", "--net", net);
    expect({ status, err }).toEqual({ status: 0, err: "" });
  });
});
