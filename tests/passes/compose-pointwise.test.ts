import { describe, expect, test } from "vitest";
import { estimateCompose } from "../../src/passes/cost/compose-model.ts";
import type { ValueId } from "../../src/ir/module.ts";
import { checked, count, Draft, expectUnchanged, features } from "./support.ts";

const composed = "lower,compose-pointwise";

describe("compose-pointwise", () => {
  test("a pointwise layer before a convolution", () => {
    const d = new Draft("net", 2);
    const after = checked(d.finish(d.subm(d.linear(d.x, 8), 4)), composed);
    expect(features(after)).toEqual(["conv: "]);
    expect(count(after, "fold.matmul")).toBe(1);
  });

  test("a pointwise layer after a convolution, both with a bias", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.linear(d.subm(d.x, 16, [3, 3], true), 3, true)), composed);
    expect(features(after)).toEqual(["conv: bias"]);
    expect(count(after, "fold.matmul")).toBe(2);
  });

  test("pointwise layers in a row, with biases, on sites and on vectors", () => {
    const d = new Draft("net");
    expect(features(checked(d.finish(d.linear(d.linear(d.linear(d.x, 16, true), 12), 3, true)), composed))).toEqual(["conv: bias"]);
    const e = new Draft("net");
    const pooled = e.op("global_pool", [e.x], { mode: "avg" });
    expect(features(checked(e.finish(e.linear(e.linear(pooled, 16, true), 3)), composed))).toEqual(["global_pool", "conv: bias"]);
  });

  test("norms that fold into their convolution are a bias after it", () => {
    const d = new Draft("net");
    expect(features(checked(d.finish(d.linear(d.bn(d.subm(d.x, 16)), 3)), "lower,fold-bn,compose-pointwise"))).toEqual(["conv: bias"]);
  });

  test("strided and inverse convolutions, kernels of one tap", () => {
    const d = new Draft("net", 2);
    const down = d.conv(d.subm(d.x, 8, [1, 1]), 8);
    const up = d.op("up", [d.linear(down, 2), d.param(3, 3, 2, 6)], { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1], onto: d.sites });
    expect(features(checked(d.finish(d.linear(up, 2)), composed))).toEqual(["conv: ", "conv: "]);
  });

  test("one term of several, and a first layer of several terms", () => {
    const d = new Draft("net");
    const joined = d.cat(d.linear(d.x, 12), d.relu(d.x));
    expect(features(checked(d.finish(d.subm(joined, 3)), "lower,fuse-cat,compose-pointwise"))).toEqual(["pointwise: relu", "conv 2 terms: "]);
    const e = new Draft("net");
    const y = e.subm(e.cat(e.x, e.relu(e.x)), 24);
    expect(features(checked(e.finish(e.linear(y, 3)), "lower,fuse-cat,compose-pointwise"))).toEqual(["pointwise: relu", "conv 2 terms: "]);
  });

  test("a first layer that others read stays for them, where that still pays", () => {
    const d = new Draft("net", 1);
    const y = d.linear(d.x, 32);
    const after = checked(d.finish(d.subm(y, 16), d.relu(y)), composed);
    expect(features(after)).toEqual(["conv: ", "conv: ", "pointwise: relu"]);
    expect(after.ops.filter((op) => op.name === "fused.conv").every((op) => op.operands[0] === d.x)).toBe(true);
  });

  test("what follows the second layer follows the composed one, a residual of the rows between keeps them", () => {
    const d = new Draft("net", 2);
    const y = d.linear(d.x, 8);
    expect(features(checked(d.finish(d.relu(d.add(d.linear(y, 2), d.x))), "lower,fuse-epilogue,compose-pointwise"))).toEqual(["conv: add relu"]);
    const e = new Draft("net", 1);
    const z = e.linear(e.x, 32);
    expect(features(checked(e.finish(e.add(e.subm(z, 32), z)), "lower,fuse-epilogue,compose-pointwise"))).toEqual(["conv: ", "conv: add"]);
  });

  describe("UNCHANGED", () => {
    const cases: Readonly<Record<string, readonly [why: RegExp | undefined, build: (d: Draft) => readonly ValueId[]]>> = {
      "a bias before a convolution of several taps": [/missing neighbours/, (d) => [d.subm(d.linear(d.x, 16, true), 4)]],
      "a norm before a convolution of several taps": [/missing neighbours/, (d) => [d.subm(d.bn(d.linear(d.x, 16)), 4)]],
      "an activation between": [undefined, (d) => [d.linear(d.relu(d.subm(d.x, 16)), 3)]],
      "an addition between": [undefined, (d) => [d.linear(d.add(d.subm(d.x, 4), d.x), 3)]],
      "two convolutions of several taps": [undefined, (d) => [d.subm(d.subm(d.x, 16), 4)]],
      "a pool between": [undefined, (d) => [d.linear(d.op("pool", [d.subm(d.x, 16)], { mode: "avg", kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], sites: "same", divisor: "count" }), 4)]],
      "a narrow middle: composing makes more arithmetic": [/by the model/, (d) => [d.subm(d.linear(d.relu(d.subm(d.x, 64)), 1), 64)]],
      "a middle that others read, narrower than what it is made of": [/by the model/, (d) => {
        const y = d.linear(d.relu(d.subm(d.x, 32)), 8);
        return [d.subm(y, 8), y];
      }],
    };
    test.each(Object.entries(cases))("%s", (_, [why, build]) => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(...build(d)), "lower,fold-bn", "compose-pointwise");
      expect(steps[0]!.stats["composed"]).toBe(0);
      if (why === undefined) expect(steps[0]!.remarks).toEqual([]);
      else expect(steps[0]!.remarks.map((r) => r.text).join()).toMatch(why);
    });

    test("items between in one kernel: an activation, a second result", () => {
      for (const between of [(d: Draft, y: ValueId) => [d.linear(d.relu(y), 3)], (d: Draft, y: ValueId) => [d.linear(d.relu(y), 3), y]]) {
        const d = new Draft("net");
        const { steps } = expectUnchanged(d.finish(...between(d, d.subm(d.x, 16))), "lower,fuse-epilogue", "compose-pointwise");
        expect(steps[0]!.remarks[0]!.text).toMatch(/(relu|emit) stands between/);
      }
    });

    test("a product of weights that takes too long to load", () => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(d.linear(d.subm(d.x, 16), 3)), "lower", "compose-pointwise{work=0}");
      expect(steps[0]!.stats).toEqual({ composed: 0, refused: 1 });
    });

    test("more parts than a kernel may bind", () => {
      const d = new Draft("net", 1);
      const wide = d.linear(d.cat(...Array.from({ length: 4 }, (_, i) => d.op("leaky_relu", [d.x], { slope: i / 10 }))), 16);
      const { steps } = expectUnchanged(d.finish(d.subm(d.cat(wide, d.x), 2)), "lower,fuse-cat", "compose-pointwise");
      expect(steps[0]!.remarks[0]!.text).toMatch(/9 storage buffers/);
    });
  });

  describe("the cost model", () => {
    const shape = { terms: [{ kernel: [3, 3, 3], cin: 64 }], middle: 64, kernel: [], cout: 20, kept: false, alone: true };
    const ratio = (s: Parameters<typeof estimateCompose>[0]): number => {
      const { before, after } = estimateCompose(s);
      return after / before;
    };
    test("fewer channels out than between pays, many more do not, chained on chip or not", () => {
      expect(ratio(shape)).toBeLessThan(0.5);
      expect(ratio({ ...shape, cout: 128 })).toBeGreaterThan(1);
      expect(ratio({ ...shape, alone: false })).toBeLessThan(ratio(shape));
    });
    test("kept, it pays only where the second layer alone gets cheaper", () => {
      expect(ratio({ ...shape, kept: true })).toBeGreaterThan(1);
      expect(ratio({ terms: [{ kernel: [], cin: 4 }], middle: 64, kernel: [3, 3, 3], cout: 64, kept: true, alone: true })).toBeLessThan(1);
    });
  });
});
