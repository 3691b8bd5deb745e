import { describe, expect, test } from "vitest";
import type { ValueId } from "../../src/ir/module.ts";
import { checked, Draft, expectUnchanged, features } from "./support.ts";

const fused = "lower,fold-bn,fuse-shortcut";

describe("fuse-shortcut", () => {
  test.each(["main first", "shortcut first"])("a projection becomes a term, %s", (order) => {
    const d = new Draft("net");
    const shortcut = (): ValueId => d.bn(d.linear(d.x, 6));
    const main = (): ValueId => d.bn(d.subm(d.relu(d.bn(d.subm(d.x, 6))), 6, [3, 3], true));
    const sum = order === "main first" ? d.add(main(), shortcut()) : d.add(shortcut(), main());
    const after = checked(d.finish(d.relu(sum)), fused);
    expect(features(after)).toEqual(["conv: bias", "pointwise: relu", "conv 2 terms: bias", "pointwise: relu"]);
  });

  test("a one-tap convolution is a projection; without biases there is none", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.add(d.subm(d.x, 6), d.subm(d.relu(d.x), 6, [1, 1]))), fused);
    expect(features(after)).toEqual(["pointwise: relu", "conv 2 terms: "]);
  });

  test("the shortcut of a block over a concatenation brings its terms", () => {
    const d = new Draft("net");
    const joined = d.cat(d.x, d.relu(d.x));
    const main = d.subm(d.relu(d.subm(joined, 5)), 5);
    const after = checked(d.finish(d.add(main, d.linear(joined, 5, true))), "lower,fuse-cat,fuse-shortcut");
    expect(features(after)).toEqual(["pointwise: relu", "conv 2 terms: ", "pointwise: relu", "conv 3 terms: bias"]);
  });

  test("also when the addition is in the epilogue already", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.relu(d.add(d.linear(d.x, 6), d.bn(d.subm(d.x, 6))))), "lower,fold-bn,fuse-epilogue,fuse-shortcut");
    expect(features(after)).toEqual(["conv 2 terms: bias relu"]);
  });

  describe("UNCHANGED", () => {
    const cases: Readonly<Record<string, readonly [why: string | undefined, build: (d: Draft) => readonly ValueId[]]>> = {
      "an activation on a branch": ["relu stands between", (d) => [d.add(d.subm(d.x, 6), d.relu(d.linear(d.x, 6)))]],
      "a norm that did not fold": ["affine stands between", (d) => [d.add(d.subm(d.x, 6), d.bn(d.linear(d.x, 6)))]],
      "a shortcut that is used elsewhere": [
        "a branch is used elsewhere too",
        (d) => {
          const s = d.linear(d.x, 6);
          return [d.add(d.subm(d.x, 6), s), s];
        },
      ],
      "a shortcut that the convolution reads": [
        "a branch is used elsewhere too",
        (d) => {
          const s = d.linear(d.x, 6);
          return [d.add(d.subm(s, 6), s)];
        },
      ],
      "a projection of itself": [
        "both operands are one value",
        (d) => {
          const s = d.linear(d.x, 6);
          return [d.add(s, s)];
        },
      ],
      "a plain residual": [undefined, (d) => [d.add(d.subm(d.x, 4), d.x)]],
      "two spatial convolutions": [undefined, (d) => [d.add(d.subm(d.x, 4), d.subm(d.x, 4, [1, 3]))]],
    };
    test.each(Object.entries(cases))("%s", (_, [why, build]) => {
      const d = new Draft("net");
      const { steps } = expectUnchanged(d.finish(...build(d)), "lower,fuse-epilogue", "fuse-shortcut");
      expect(steps[0]!.remarks.map((r) => r.kind)).toEqual(why === undefined ? [] : ["missed"]);
      if (why !== undefined) expect(steps[0]!.remarks[0]!.text).toContain(why);
    });
  });
});
