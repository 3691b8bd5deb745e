import { describe, expect, test } from "vitest";
import type { ValueId } from "../../src/ir/module.ts";
import { checked, count, Draft, expectUnchanged, features, run } from "./support.ts";

const fused = "lower,fuse-cat";
const apart = "lower,fuse-cat{sources=apart}";

describe("fuse-cat", () => {
  test("a convolution over a concatenation is a sum over its parts", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.subm(d.cat(d.subm(d.x, 3), d.x), 5)), fused);
    expect(features(after)).toEqual(["conv: ", "conv 2 terms: "]);
    expect(count(after, "fold.slice_in")).toBe(2);
  });

  test("several users, nested concatenations, and the same part twice", () => {
    const d = new Draft("net");
    const joined = d.cat(d.cat(d.x, d.subm(d.x, 3)), d.x);
    const after = checked(d.finish(d.add(d.subm(joined, 5), d.linear(joined, 5))), fused);
    expect(features(after)).toEqual(["conv: ", "conv 3 terms: ", "conv 3 terms: ", "pointwise: add"]);
  });

  test("norms, activations and pools are done to the parts, their parameters sliced", () => {
    const d = new Draft("net");
    const pool = { mode: "avg", kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1], sites: "reach", divisor: "volume" };
    const joined = d.relu(d.bn(d.cat(d.x, d.subm(d.x, 3))));
    const after = checked(d.finish(d.subm(d.op("pool", [joined], pool), 5)), apart);
    expect(count(after, "cat")).toBe(0);
    expect(features(after)).toEqual(["conv: ", ...Array<string>(2).fill("pointwise: affine"), ...Array<string>(2).fill("pointwise: relu"), "pool: ", "pool: ", "conv 2 terms: "]);
  });

  test("two concatenations cut alike are added part by part, else a view is taken", () => {
    const d = new Draft("net");
    const [a, b] = [d.cat(d.x, d.subm(d.x, 3)), d.cat(d.relu(d.x), d.subm(d.x, 3))];
    expect(count(checked(d.finish(d.subm(d.add(a, b), 2)), apart), "cat")).toBe(0);
    const e = new Draft("net");
    const c = e.cat(e.x, e.subm(e.x, 3));
    const after = checked(e.finish(e.subm(e.add(c, e.subm(e.x, 7)), 2)), apart);
    expect(count(after, "slice")).toBe(2);
    expect(count(after, "cat")).toBe(0);
  });

  test("a global pool is taken of the parts; the joined row is small", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.linear(d.op("global_pool", [d.cat(d.x, d.subm(d.x, 3))], { mode: "max" }), 2)), fused);
    expect(features(after)).toEqual(["conv: ", "global_pool", "global_pool", "conv 2 terms: "]);
  });

  test("a concatenation of one value is that value", () => {
    const d = new Draft("net");
    expect(features(checked(d.finish(d.subm(d.cat(d.x), 2)), fused))).toEqual(["conv: "]);
  });

  test("what is joined from parts of a joined value is flat when it must be whole", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.cat(d.cat(d.x, d.subm(d.x, 3)), d.subm(d.x, 2))), fused);
    expect(after.ops.find((op) => op.name === "cat")!.operands).toHaveLength(3);
  });

  describe("norms across a concatenation", () => {
    const all = "lower,fuse-cat,fold-bn,fuse-epilogue";

    test("end in the weights of the convolutions that make the parts", () => {
      const d = new Draft("net");
      const joined = d.relu(d.bn(d.cat(d.subm(d.x, 3), d.linear(d.x, 2, true))));
      const after = checked(d.finish(d.subm(joined, 5)), all);
      expect(features(after)).toEqual(["conv: bias relu", "conv: bias relu", "conv 2 terms: "]);
      expect(count(after, "fold.scale_out")).toBe(3);
    });

    test("also when what they make must be whole", () => {
      const d = new Draft("net");
      const joined = d.relu(d.bn(d.cat(d.subm(d.x, 3), d.linear(d.x, 2))));
      expect(features(checked(d.finish(joined), all))).toEqual(["conv: bias relu", "conv: bias relu", "cat"]);
    });

    test("a part that others read keeps its raw rows, the other folds", () => {
      const d = new Draft("net");
      const [a, b] = [d.subm(d.x, 3), d.subm(d.x, 2)];
      const after = checked(d.finish(d.subm(d.relu(d.bn(d.cat(a, b))), 5), d.relu(a)), all);
      expect(features(after)).toEqual(["conv: emit affine relu", "conv: bias relu", "conv 2 terms: ", "pointwise: relu"]);
      expect(count(after, "fold.scale_out")).toBe(1);
    });

    test("of a concatenation that must exist are second results of its parts, which nobody reads again", () => {
      const d = new Draft("net");
      const joined = d.cat(d.subm(d.x, 3), d.linear(d.x, 2));
      const after = checked(d.finish(joined, d.subm(d.relu(d.bn(joined)), 4)), all);
      expect(features(after)).toEqual(["conv: emit affine relu", "conv: emit affine relu", "cat", "conv 2 terms: "]);
    });

    test("UNCHANGED where a part's kernel has no second result to give: an input, the same part twice, a global pool", () => {
      const cases: readonly ((d: Draft) => ValueId)[] = [
        (d) => d.cat(d.subm(d.x, 3), d.x),
        (d) => {
          const part = d.subm(d.x, 3);
          return d.cat(part, part);
        },
        (d) => d.cat(...["max", "avg"].map((mode) => d.op("global_pool", [d.x], { mode }))),
      ];
      for (const build of cases) {
        const d = new Draft("net");
        const joined = build(d);
        const { steps } = expectUnchanged(d.finish(joined, d.linear(d.relu(d.bn(joined)), 4)), "lower", "fuse-cat");
        expect(steps[0]!.remarks.at(-1)!.text).toMatch(/cannot give it as a second result/);
      }
    });

    test("UNCHANGED where more than the channel itself is read", () => {
      const d = new Draft("net");
      const joined = d.cat(d.subm(d.x, 3), d.subm(d.x, 2));
      expectUnchanged(d.finish(joined, d.add(joined, d.subm(d.x, 5))), "lower", "fuse-cat");
    });
  });

  describe("UNCHANGED: somebody needs the whole", () => {
    const cases: Readonly<Record<string, readonly [why: RegExp, build: (d: Draft, joined: ValueId) => readonly ValueId[]]>> = {
      "an output": [/it is an output/, (d, j) => [j, d.subm(j, 2)]],
      "a scatter": [/to_dense reads it whole/, (d, j) => [d.op("to_dense", [j], { fold: "" }), d.subm(j, 2)]],
      "an operand of an addition": [/operand of an addition/, (d, j) => [d.add(d.subm(d.x, 7), j), d.subm(j, 2)]],
    };
    test.each(Object.entries(cases))("%s", (_, [why, build]) => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(...build(d, d.cat(d.x, d.subm(d.x, 3)))), "lower", "fuse-cat");
      expect(steps[0]!.remarks[0]!.text).toMatch(why);
      expect(steps[0]!.stats).toEqual({ split: 0, joined: 0, distributed: 0, whole: 1 });
    });

    test("more parts than a kernel may bind", () => {
      const d = new Draft("net");
      const parts = Array.from({ length: 5 }, () => d.subm(d.x, 2));
      const { steps } = expectUnchanged(d.finish(d.subm(d.cat(...parts), 2)), "lower", "fuse-cat");
      expect(steps[0]!.remarks[0]!.text).toMatch(/9 storage buffers, at most 8/);
    });
  });

  describe("parts side by side", () => {
    test("are one source, each channelwise work in the kernel of its part", () => {
      const d = new Draft("net");
      const after = checked(d.finish(d.subm(d.relu(d.bn(d.cat(d.subm(d.x, 8), d.subm(d.x, 4)))), 5)), "lower,fuse-cat,fold-bn,fuse-epilogue");
      expect(features(after)).toEqual(["conv: bias relu", "conv: bias relu", "cat", "conv: "]);
    });

    test("are joined once for all that read them", () => {
      const d = new Draft("net");
      const joined = d.cat(d.relu(d.subm(d.x, 4)), d.relu(d.subm(d.x, 4)));
      const after = checked(d.finish(d.subm(joined, 3), d.subm(joined, 2)), fused);
      expect(count(after, "cat")).toBe(1);
      expect(features(after).slice(-2)).toEqual(["conv: ", "conv: "]);
    });

    const others: Readonly<Record<string, (d: Draft) => ValueId>> = {
      "an input": (d) => d.cat(d.x, d.subm(d.x, 4)),
      "a part that another concatenation has": (d) => { const a = d.subm(d.x, 4); return d.add(d.subm(d.cat(a, d.subm(d.x, 8)), 4), d.subm(d.cat(d.subm(d.x, 4), a), 4)); },
      "the same part twice": (d) => { const a = d.subm(d.x, 4); return d.cat(a, a); },
      "a part that the next one is made of": (d) => { const a = d.subm(d.x, 4); return d.cat(a, d.subm(a, 4)); },
      "parts that do not begin at a vector": (d) => d.cat(d.subm(d.x, 3), d.subm(d.x, 4)),
      "one that comes out of a relu and one that does not": (d) => d.cat(d.relu(d.subm(d.x, 4)), d.subm(d.x, 4)),
      "a plain layer, which can be composed with the convolution": (d) => d.cat(d.subm(d.x, 4), d.linear(d.x, 4)),
    };
    test.each(Object.entries(others))("UNCHANGED, two sources: %s", (_, build) => {
      const d = new Draft("net");
      expect(features(checked(d.finish(d.subm(build(d), 4)), fused)).filter((f) => f.startsWith("conv 2 terms"))).not.toEqual([]);
    });

    test("a layer of one tap keeps its sources apart", () => {
      const d = new Draft("net");
      expect(features(checked(d.finish(d.linear(d.cat(d.subm(d.x, 4), d.subm(d.x, 4)), 3)), fused)).at(-1)).toBe("conv 2 terms: ");
    });
  });

  test("four parts are eight buffers", () => {
    const d = new Draft("net");
    const parts = Array.from({ length: 4 }, () => d.subm(d.x, 2));
    const { module } = run(d.finish(d.subm(d.cat(...parts), 2)), fused);
    expect(features(module).at(-1)).toBe("conv 4 terms: ");
  });
});
