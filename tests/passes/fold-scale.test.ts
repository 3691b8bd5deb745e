import { describe, expect, test } from "vitest";
import type { ValueId } from "../../src/ir/module.ts";
import { checked, count, Draft, expectUnchanged, features } from "./support.ts";

const folded = "lower,fold-scale";

describe("fold-scale", () => {
  test("a norm before a pointwise layer becomes weights and a bias", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.linear(d.bn(d.relu(d.x)), 6)), folded);
    expect(features(after)).toEqual(["pointwise: relu", "conv: bias"]);
    expect(count(after, "fold.scale_in")).toBe(1);
  });

  test("the layer's own bias stays one vector, and rows that others read are stored once", () => {
    const d = new Draft("net");
    const x = d.relu(d.subm(d.x, 5));
    const net = d.finish(d.add(x, d.linear(d.bn(x), 5, true)));
    expect(features(checked(net, folded))).toEqual(["conv: ", "pointwise: relu", "conv: bias", "pointwise: add"]);
    expect(features(checked(net, `${folded},fuse-epilogue`))).toEqual(["conv: relu", "conv: bias add"]);
    expect(features(checked(net, "lower,fuse-epilogue"))).toEqual(["conv: relu emit affine", "conv: bias add"]);
  });

  test("a kernel of one tap, several layers, several terms", () => {
    const d = new Draft("net");
    const n = d.bn(d.relu(d.x));
    expect(features(checked(d.finish(d.subm(n, 6, [1, 1]), d.linear(n, 3)), folded))).toEqual(["pointwise: relu", "conv: bias", "conv: bias"]);
    const e = new Draft("net");
    const parts = e.cat(e.bn(e.relu(e.x)), e.bn(e.subm(e.x, 3)));
    expect(features(checked(e.finish(e.linear(parts, 2, true)), "lower,fuse-cat,fold-scale"))).toEqual(["pointwise: relu", "conv: ", "conv 2 terms: bias"]);
  });

  test("on vectors after a global pool", () => {
    const d = new Draft("net");
    expect(features(checked(d.finish(d.linear(d.bn(d.op("global_pool", [d.x], { mode: "max" })), 3)), folded))).toEqual(["global_pool", "conv: bias"]);
  });

  test("a norm that ends another kernel, as its second result too", () => {
    const d = new Draft("net");
    const x = d.relu(d.subm(d.x, 5));
    const net = d.finish(d.linear(d.bn(x), 4));
    expect(features(checked(net, "lower,fuse-epilogue,fold-scale"))).toEqual(["conv: relu", "conv: bias"]);
    const e = new Draft("net");
    const y = e.relu(e.subm(e.x, 5));
    expect(features(checked(e.finish(e.add(y, e.linear(e.bn(y), 5))), "lower,fuse-epilogue,fold-scale"))).toEqual(["conv: relu", "conv: bias add"]);
  });

  describe("UNCHANGED", () => {
    const cases: Readonly<Record<string, readonly [why: RegExp, build: (d: Draft, norm: ValueId) => readonly ValueId[]]>> = {
      "before a convolution of several taps": [/missing neighbours/, (d, n) => [d.subm(n, 4)]],
      "before a strided convolution": [/missing neighbours/, (d, n) => [d.conv(n, 4)]],
      "before a pointwise layer and a convolution": [/missing neighbours/, (d, n) => [d.linear(n, 3), d.subm(n, 3)]],
      "the normalised rows are an output": [/output/, (d, n) => [d.linear(n, 3), n]],
      "the normalised rows are added": [/something else/, (d, n) => [d.add(n, d.linear(n, 4))]],
    };
    test.each(Object.entries(cases))("%s", (_, [why, build]) => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(...build(d, d.bn(d.relu(d.x)))), "lower", "fold-scale");
      expect(steps[0]!.stats).toEqual({ folded: 0, kept: 1 });
      expect(steps[0]!.remarks.map((r) => r.text).join()).toMatch(why);
    });

    test("an activation between, silently", () => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(d.linear(d.relu(d.bn(d.x)), 4)), "lower", "fold-scale");
      expect(steps[0]!.remarks).toEqual([]);
    });
  });
});
