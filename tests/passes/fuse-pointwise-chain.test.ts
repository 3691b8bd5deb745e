import { describe, expect, test } from "vitest";
import { estimateChain } from "../../src/passes/cost/chain-model.ts";
import { checked, Draft, expectUnchanged, features, run } from "./support.ts";

const before = "lower,fold-bn,fuse-epilogue";
const fused = `${before},fuse-pointwise-chain`;

describe("fuse-pointwise-chain", () => {
  test("a pointwise layer is done to the tile of the convolution before it", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.linear(d.relu(d.bn(d.subm(d.x, 8))), 5, true)), fused);
    expect(features(after)).toEqual(["conv: bias relu linear bias"]);
  });

  test("a whole perceptron is one kernel, on batch rows too", () => {
    const d = new Draft("net");
    const mlp = (x: number): number => d.linear(d.relu(d.linear(d.relu(d.linear(x, 8, true)), 6, true)), 3);
    const after = checked(d.finish(mlp(d.x), mlp(d.op("global_pool", [d.x], { mode: "avg" }))), fused);
    expect(features(after).filter((f) => f.startsWith("conv"))).toEqual(Array<string>(2).fill("conv: bias relu linear bias relu linear"));
  });

  test("rows between that others read are stored too", () => {
    const d = new Draft("net");
    const y = d.relu(d.subm(d.x, 8));
    const after = checked(d.finish(d.linear(y, 5), y), fused);
    expect(features(after)).toEqual(["conv: relu emit linear"]);
  });

  test("a bottleneck adds its shortcut after the last layer", () => {
    const d = new Draft("net");
    const y = d.relu(d.add(d.bn(d.linear(d.relu(d.bn(d.subm(d.x, 8))), 4)), d.x));
    expect(features(checked(d.finish(y), fused))).toEqual(["conv: bias relu linear bias add relu"]);
  });

  describe("UNCHANGED", () => {
    test("more columns than a tile may hold", () => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(d.linear(d.subm(d.x, 130), 5)), before, "fuse-pointwise-chain");
      expect(steps[0]!.remarks[0]!.text).toBe("not done on chip: 130 columns, at most 128 stay on chip");
    });

    test("by option", () => {
      const d = new Draft("net");
      expectUnchanged(d.finish(d.linear(d.subm(d.x, 9), 5)), before, "fuse-pointwise-chain{columns=8}");
    });

    test("where the model says that it does not pay", () => {
      const d = new Draft("net", 96);
      const { steps } = expectUnchanged(d.finish(d.linear(d.subm(d.x, 96), 20)), before, "fuse-pointwise-chain");
      expect(steps[0]!.stats).toEqual({ fused: 0, refused: 1 });
      expect(steps[0]!.remarks[0]!.text).toMatch(/^not done on chip: saves \d+ and costs \d+ bytes per row by the model$/);
    });

    test("the layer's epilogue reads the rows between", () => {
      const d = new Draft("net");
      const y = d.relu(d.subm(d.x, 4));
      const { steps } = expectUnchanged(d.finish(d.add(d.linear(y, 4), y)), before, "fuse-pointwise-chain");
      expect(steps[0]!.remarks[0]!.text).toMatch(/reads the value between again/);
    });

    test("what it adds depends on the convolution", () => {
      const d = new Draft("net");
      const y = d.subm(d.x, 4);
      const other = d.op("cat", [d.linear(d.subm(y, 2), 2), d.subm(y, 2)]);
      const prepared = run(d.finish(d.add(other, d.linear(y, 4))), before).module;
      const { module, steps } = run(prepared, "fuse-pointwise-chain");
      expect(features(module).filter((f) => f.includes("linear"))).toEqual(["conv: linear"]);
      expect(steps[0]!.remarks.map((r) => r.text)).toContain("not done on chip: another operand depends on the convolution's result");
    });

    test("a layer that reads several rows, or a spatial convolution", () => {
      const d = new Draft("net");
      expectUnchanged(d.finish(d.subm(d.subm(d.x, 4), 4), d.linear(d.cat(d.subm(d.x, 3), d.x), 4)), "lower,fuse-cat", "fuse-pointwise-chain");
    });
  });
});

describe("the cost model of chains", () => {
  const term = { kernel: [3, 3, 3], cin: 64 };

  test("within one column tile it always pays", () => {
    expect(estimateChain({ terms: [term], middle: 64, cout: 64, emitted: true })).toMatchObject({ cost: 0 });
  });

  test("saves less when the rows between are stored anyway", () => {
    const shape = { terms: [term], middle: 32, cout: 32 };
    const [kept, gone] = [true, false].map((emitted) => estimateChain({ ...shape, emitted }).saved);
    expect(gone! - kept!).toBe(4 * 32);
  });

  test("wide layers after a pointwise one cost less than after a spatial one", () => {
    const shape = { middle: 96, cout: 96, emitted: false };
    expect(estimateChain({ ...shape, terms: [{ kernel: [], cin: 64 }] }).cost).toBeLessThan(estimateChain({ ...shape, terms: [term] }).cost);
  });
});
