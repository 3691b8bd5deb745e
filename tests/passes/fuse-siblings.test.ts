import { describe, expect, test } from "vitest";
import type { ValueId } from "../../src/ir/module.ts";
import { checked, count, Draft, expectUnchanged, features, run } from "./support.ts";

const fused = "lower,reuse-rulebooks,fold-bn,fuse-epilogue,fuse-siblings";

describe("fuse-siblings", () => {
  test("convolutions of the same rows become one, their results views of its channels", () => {
    const d = new Draft("net");
    const heads = [3, 5, 2].map((c) => d.relu(d.bn(d.subm(d.x, c))));
    const after = checked(d.finish(...heads), fused);
    expect(features(after)).toEqual(["conv: bias relu", "slice", "slice", "slice"]);
    expect(after.ops.filter((op) => op.name === "slice").map((op) => [op.attrs["from"], op.attrs["to"]])).toEqual([[0, 3], [3, 8], [8, 10]]);
    expect(count(after, "fold.stack_out")).toBe(2);
  });

  test("heads on batch rows, of several terms, with norms after the activation and second results", () => {
    const d = new Draft("net");
    const joined = d.cat(d.x, d.relu(d.x));
    const head = (): ValueId => {
      const y = d.bn(d.op("leaky_relu", [d.subm(joined, 3)], { slope: 0.1 }));
      return d.add(y, d.op("sigmoid", [y]));
    };
    const v = d.op("global_pool", [d.x], { mode: "avg" });
    const after = checked(d.finish(head(), head(), d.linear(v, 2, true), d.linear(v, 3, true)), "lower,reuse-rulebooks,fuse-cat,fuse-epilogue,fuse-siblings");
    expect(features(after).filter((f) => f.startsWith("conv"))).toEqual(["conv 2 terms: leaky_relu affine emit sigmoid", "conv: bias"]);
  });

  test("users between the siblings read their part of the one that runs first", () => {
    const d = new Draft("net");
    const a = d.subm(d.x, 3);
    const between = d.subm(d.relu(d.linear(a, 4)), 4);
    const b = d.subm(d.x, 2);
    const after = checked(d.finish(between, b), fused);
    expect(features(after)[0]).toBe("conv: ");
    expect(features(after).filter((f) => f === "slice")).toHaveLength(2);
  });

  describe("UNCHANGED", () => {
    const cases: Readonly<Record<string, (d: Draft) => readonly ValueId[]>> = {
      "other kernels": (d) => [d.subm(d.x, 4), d.subm(d.x, 4, [1, 3])],
      "other operands": (d) => [d.subm(d.x, 4), d.subm(d.relu(d.x), 4)],
      "other epilogues": (d) => [d.relu(d.subm(d.x, 4)), d.subm(d.x, 4)],
      "other slopes": (d) => [0.1, 0.2].map((slope) => d.op("leaky_relu", [d.subm(d.x, 4)], { slope })),
      "other elus": (d) => [0.1, 0.2].map((alpha) => d.op("elu", [d.subm(d.x, 4)], { alpha })),
      "other steps of whole numbers": (d) => [0.1, 0.2].map((scale) => d.op("quantise", [d.subm(d.x, 4)], { scale })),
      "a residual each": (d) => [d.add(d.subm(d.x, 4), d.x), d.add(d.subm(d.x, 4), d.relu(d.x))],
    };
    test.each(Object.entries(cases))("%s", (_, build) => {
      const d = new Draft("net");
      expectUnchanged(d.finish(...build(d)), "lower,reuse-rulebooks,fuse-epilogue", "fuse-siblings");
    });

    test("rulebooks not known to be the same", () => {
      const d = new Draft("net");
      expectUnchanged(d.finish(d.subm(d.x, 4), d.subm(d.x, 4)), "lower", "fuse-siblings");
    });
  });

  test("counts groups and members", () => {
    const d = new Draft("net");
    const { steps } = run(d.finish(...[1, 2, 3].map((c) => d.subm(d.x, c))), fused);
    expect(steps[4]!.stats).toEqual({ groups: 1, fused: 3 });
  });
});
