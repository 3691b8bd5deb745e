import { describe, expect, test } from "vitest";
import type { Op, ValueId } from "../../src/ir/module.ts";
import { checked, count, Draft, expectUnchanged, features, run } from "./support.ts";

const folded = "lower,fold-bn";

describe("fold-bn", () => {
  test("a norm after a convolution becomes weights and a bias", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.relu(d.bn(d.subm(d.x, 8)))), folded);
    expect(features(after)).toEqual(["conv: bias", "pointwise: relu"]);
  });

  test("the convolution's own bias is scaled with it", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.bn(d.subm(d.x, 8, [3, 3], true))), folded);
    expect(features(after)).toEqual(["conv: bias"]);
    expect(count(after, "fold.scale_out")).toBe(2);
  });

  test("norm after norm, strided, inverse and pointwise convolutions too", () => {
    const d = new Draft("net");
    const down = d.bn(d.bn(d.conv(d.x, 6)));
    const up = d.bn(d.op("up", [down, d.param(3, 3, 6, 4)], { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1], onto: d.sites }));
    expect(features(checked(d.finish(d.bn(d.linear(up, 3, true))), folded))).toEqual(["conv: bias", "conv: bias", "conv: bias"]);
  });

  test("every term of a sum is scaled", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.bn(d.subm(d.cat(d.x, d.relu(d.x)), 5))), "lower,fuse-cat,fold-bn");
    expect(features(after)).toEqual(["pointwise: relu", "conv 2 terms: bias"]);
    expect(count(after, "fold.scale_out")).toBe(2);
  });

  test("a norm at the start of a fused epilogue folds as well", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.relu(d.bn(d.subm(d.x, 8, [3, 3], true)))), "lower,fuse-epilogue,fold-bn");
    expect(features(after)).toEqual(["conv: bias relu"]);
  });

  describe("UNCHANGED", () => {
    const cases: Readonly<Record<string, (d: Draft) => readonly ValueId[]>> = {
      "across an activation": (d) => [d.bn(d.relu(d.subm(d.x, 4)))],
      "across an addition": (d) => [d.bn(d.add(d.subm(d.x, 4), d.x))],
      "the raw value is an output": (d) => {
        const raw = d.subm(d.x, 4);
        return [d.bn(raw), raw];
      },
      "the raw value has another user": (d) => {
        const raw = d.subm(d.x, 4);
        return [d.add(raw, d.bn(raw))];
      },
      "before a convolution": (d) => [d.subm(d.bn(d.x), 4)],
      "after a pool": (d) => [d.bn(d.op("pool", [d.x], { mode: "max", kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], sites: "same", divisor: "count" }))],
      "after a concatenation": (d) => [d.bn(d.cat(d.subm(d.x, 4), d.x))],
    };
    test.each(Object.entries(cases))("%s", (_, build) => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(...build(d)), "lower", "fold-bn");
      expect(steps[0]!.stats).toEqual({ folded: 0, kept: 1 });
      expect(steps[0]!.remarks).toHaveLength(1);
      expect(steps[0]!.remarks[0]!.kind).toBe("missed");
    });

    test("an emit stands between, in one kernel", () => {
      const d = new Draft("net");
      const raw = d.subm(d.x, 4);
      const prepared = run(d.finish(d.relu(d.bn(raw)), raw), "lower,fuse-epilogue").module;
      expect(features(prepared)).toEqual(["conv: emit affine relu"]);
      expectUnchanged(prepared, "", "fold-bn");
    });
  });

  test("says why not, at the norm's place", () => {
    const d = new Draft("net");
    const { steps } = run(d.finish(d.bn(d.relu(d.subm(d.x, 4)))), "lower,fuse-epilogue,fold-bn");
    expect(steps[2]!.remarks).toEqual([]);
    const apart = run(d.b.finish(), "lower,fold-bn");
    expect(apart.steps[1]!.remarks[0]!.text).toBe("normalisation not folded: its operand is not a convolution's result");
  });

  test("the load phase alone changes: the feature ops keep their operands", () => {
    const d = new Draft("net");
    const net = d.finish(d.bn(d.subm(d.x, 8)));
    const sources = (op: Op): ValueId => op.operands[0]!;
    const after = checked(net, folded);
    const conv = after.ops.find((op) => op.name === "fused.conv")!;
    expect(sources(conv)).toBe(d.x);
  });
});
