import { describe, expect, test } from "vitest";
import { float32Tensor, toFloat32, type Tensor } from "../../src/cli/files/tensor.ts";
import { compareWeights } from "../../src/cli/weights/compare.ts";
import { randomWeights } from "../../src/cli/weights/random-weights.ts";
import { requiredTensors } from "../../src/cli/weights/required.ts";
import { ModuleBuilder } from "../../src/ir/builder.ts";
import type { Module } from "../../src/ir/module.ts";
import { SiteTable } from "../../src/ir/sites.ts";

/** input → subm 3³ with bias → bn → linear, weights stored in `layout`. */
function network(layout: string): Module {
  const table = new SiteTable();
  const s = table.addInput({ kind: "input", name: "S", axes: ["z", "y", "x"], extents: undefined });
  const b = new ModuleBuilder("net", "n", table);
  const param = (name: string, role: string, shape: readonly number[]) => b.one("param", [], { name, role, layout, shape }, []);
  const x = b.one("input", [], { name: "x", sites: s, channels: 4 }, []);
  const conv = b.one("subm", [x, param("conv.weight", "conv", [3, 3, 3, 4, 16]), param("conv.bias", "channel", [16])], { kernel: [3, 3, 3], padding: [1, 1, 1], dilation: [1, 1, 1] }, []);
  const stats = ["weight", "bias", "running_mean", "running_var"].map((n) => param(`bn.${n}`, "channel", [16]));
  const normed = b.one("bn", [conv, ...stats], { eps: 1e-3 }, []);
  b.output("y", b.one("linear", [normed, param("head.weight", "linear", [16, 5])], {}, []), []);
  return b.finish();
}

const required = requiredTensors(network("spconv2"));

/** A file with exactly what `required` wants, names and shapes changed by `change`. */
function file(change: (name: string, shape: readonly number[]) => readonly [string, readonly number[]] | undefined = (n, s) => [n, s]): ReadonlyMap<string, Tensor> {
  const entries = required.flatMap(({ name, stored }) => {
    const made = change(name, stored);
    return made === undefined ? [] : [float32Tensor(made[0], made[1], new Float32Array(made[1].reduce((a, b) => a * b, 1)))];
  });
  return new Map(entries.map((t) => [t.name, t]));
}

describe("required tensors", () => {
  test("are named once, with their stored shapes and uses", () => {
    expect(required.map(({ name, use, stored }) => [name, use, stored])).toEqual([
      ["conv.weight", "kernel", [16, 3, 3, 3, 4]],
      ["conv.bias", "bias", [16]],
      ["bn.weight", "gamma", [16]],
      ["bn.bias", "beta", [16]],
      ["bn.running_mean", "mean", [16]],
      ["bn.running_var", "var", [16]],
      ["head.weight", "linear", [5, 16]],
    ]);
    expect(requiredTensors(network("minkowski"))[0]!.stored).toEqual([27, 4, 16]);
    expect(requiredTensors(network("spconv1"))[0]!.stored).toEqual([3, 3, 3, 4, 16]);
  });
});

describe("random weights", () => {
  const weights = randomWeights(network("spconv2"), 1);
  const values = (name: string): readonly number[] => [...toFloat32(weights.get(name)!)];

  test("depend on the seed and the tensor's name only", () => {
    expect(randomWeights(network("spconv2"), 1)).toEqual(weights);
    expect(randomWeights(network("spconv2"), 2).get("conv.bias")).not.toEqual(weights.get("conv.bias"));
    expect(values("bn.bias")).not.toEqual(values("bn.running_mean"));
  });

  test("are scaled by the taps that meet a site, variances are positive", () => {
    const kernel = values("conv.weight");
    const variance = kernel.reduce((sum, w) => sum + w * w, 0) / kernel.length;
    expect(variance / (2 / (4 * 9))).toBeCloseTo(1, 1);
    expect(Math.min(...values("bn.running_var"))).toBeGreaterThan(0.4);
  });

  test("fit the network they are for", () => {
    const { missing, misshapen, unexpected } = compareWeights(required, weights);
    expect({ missing, misshapen, unexpected }).toEqual({ missing: [], misshapen: [], unexpected: [] });
  });
});

describe("comparing with a file", () => {
  test("a slip in one name gets a suggestion", () => {
    const result = compareWeights(required, file((n, s) => [n === "head.weight" ? "haed.weight" : n, s]));
    expect(result.missing.map(({ tensor, like }) => [tensor.name, like])).toEqual([["head.weight", "haed.weight"]]);
    expect(result.unexpected).toEqual(["haed.weight"]);
    expect(result.prefix).toBeUndefined();
  });

  test("a prefix before all names is found, and mends all when given", () => {
    const prefixed = file((n, s) => [`backbone.${n}`, s]);
    expect(compareWeights(required, prefixed).prefix).toEqual({ text: "backbone.", mends: 7 });
    expect(compareWeights(required, prefixed, "backbone.")).toEqual({ missing: [], misshapen: [], unexpected: [], prefix: undefined });
  });

  test("another layout is recognised by its shape", () => {
    const result = compareWeights(required, file((n, s) => [n, n === "conv.weight" ? [3, 3, 3, 4, 16] : s]));
    expect(result.misshapen.map(({ tensor, found, layout }) => [tensor.name, found, layout])).toEqual([["conv.weight", [3, 3, 3, 4, 16], "spconv1"]]);
    expect(compareWeights(required, file((n, s) => [n, n === "bn.bias" ? [17] : s])).misshapen[0]!.layout).toBeUndefined();
  });

  test("bookkeeping of training is not unexpected", () => {
    const tensors = new Map([...file(), ["bn.num_batches_tracked", float32Tensor("bn.num_batches_tracked", [], new Float32Array(1))]] as const);
    expect(compareWeights(required, tensors).unexpected).toEqual([]);
  });
});
