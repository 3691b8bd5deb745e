/** Weights of one number per channel, or one for all, that are no norm's. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../../src/cli/files/safetensors.ts";
import { float32Tensor, toFloat32 } from "../../../src/cli/files/tensor.ts";
import { Folder, spnet } from "../support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const netOf = (dialect: string): string => folder.write(`${dialect}.spnet`, `spnet 1
net Vectors {
  dialect ${dialect}
  sites S : (z: 4, y: 8, x: 6)
  input v : feat[S, 3]
  output y = v |> prelu(w="one") |> prelu(per=channel, w="each") |> layer_norm(w="norm") |> to_dense |> max_pool(k=2, s=2) |> prelu(w="dense")
}
`);

const checkpoint = (infix: string, one: readonly number[]): string => folder.write(`${infix}${one.length}.safetensors`, writeSafetensors([
  float32Tensor(`one.${infix}weight`, one, Float32Array.of(0.25)), float32Tensor(`each.${infix}weight`, [3], Float32Array.of(1, 2, 3)),
  float32Tensor("norm.weight", [3], Float32Array.of(4, 5, 6)), float32Tensor("norm.bias", [3], Float32Array.of(7, 8, 9)), float32Tensor("dense.weight", [1], Float32Array.of(0.5)),
]));

describe("weights of prelu and layer_norm", () => {
  test.each([
    ["minkowski", "module.", [1], "spconv"], ["minkowski", "module.", [], "minkowski"], ["minkowski", "", [1], "minkowski"], ["spconv2", "", [1], "minkowski"], ["fvdb", "", [1], "spconv"],
  ] as const)("of %s, below \"%s\", as %j, for a network of %s", async (system, infix, one, dialect) => {
    const [net, out] = [netOf(dialect), folder.at("out.safetensors")];
    expect(await spnet("import", checkpoint(infix, one), "--from", system, "--net", net, "--out", out)).toMatchObject({ status: 0, err: "" });
    const written = parseSafetensors(out, readFileSync(out));
    const own = dialect === "minkowski" ? "module." : "";
    expect(Object.fromEntries([...written].map(([name, tensor]) => [name, [...toFloat32(tensor)]]))).toEqual({
      [`one.${own}weight`]: [0.25], [`each.${own}weight`]: [1, 2, 3], "norm.weight": [4, 5, 6], "norm.bias": [7, 8, 9], "dense.weight": [0.5],
    });
    expect(written.get(`one.${own}weight`)!.shape).toEqual([1]);
    expect((await spnet("weights", net, "--against", out)).status).toBe(0);
  });

  test("of another number are refused", async () => {
    const file = folder.write("three.safetensors", writeSafetensors([float32Tensor("one.weight", [3], new Float32Array(3))]));
    const net = folder.write("one.spnet", 'spnet 1\nnet N {\n  sites S : (x)\n  input v : feat[S, 3]\n  output y = v |> prelu(w="one")\n}\n');
    const { status, err } = await spnet("import", file, "--from", "spconv2", "--net", net);
    expect(status).toBe(1);
    expect(err).toContain('"one.weight" in');
    expect(err).toContain("is [3]; spconv 2 stores it as [1]");
  });
});

test("a network of whole numbers is told how its checkpoint is read", async () => {
  const net = folder.write("whole.spnet", 'spnet 1\nnet N {\n  layout hawq\n  sites S : (x)\n  input v : feat[S, 3]\n  output y = v |> quantise |> subm(3, k=3, w="c")\n}\n');
  const file = folder.write("whole.safetensors", writeSafetensors([float32Tensor("c.weight", [3, 3, 3], new Float32Array(27))]));
  const { status, err } = await spnet("import", file, "--net", net);
  expect(status).toBe(1);
  expect(err).toContain("SP0558");
});
