import { describe, expect, test } from "vitest";
import type { ValueId } from "../../src/ir/module.ts";
import { checked, count, Draft, expectUnchanged, features, run } from "./support.ts";

const fused = "lower,reuse-rulebooks,fold-bn,fuse-epilogue";
const pairs = `${fused},fuse-pairs{pairs=always}`;
const unit = (d: Draft, x: ValueId, c: number): ValueId => d.relu(d.bn(d.subm(x, c)));

describe("split-pairs", () => {
  const cases: Readonly<Record<string, (d: Draft) => readonly ValueId[]>> = {
    "a pair": (d) => [unit(d, unit(d, d.x, 8), 6)],
    "a residual block": (d) => [d.relu(d.add(d.bn(d.subm(unit(d, d.x, 4), 4)), d.relu(d.x)))],
  };
  test.each(Object.entries(cases))("%s becomes the two kernels that it was made of", (_, build) => {
    const [d, same] = [new Draft("net"), new Draft("net")];
    const paired = checked(d.finish(...build(d)), pairs);
    expect(features(paired).some((f) => f.startsWith("pair"))).toBe(true);
    const split = checked(paired, "split-pairs,dce");
    expect(features(split)).toEqual(features(checked(same.finish(...build(same)), fused)));
    expect(count(split, "rulebook.halo")).toBe(0);
  });

  test("rows between that others read are a result of the first kernel, and stored once", () => {
    const d = new Draft("net");
    const y = unit(d, d.x, 8);
    const paired = checked(d.finish(unit(d, y, 8), y), pairs);
    expect(features(paired)).toEqual(["pair (bias relu emit): bias relu"]);
    expect(features(checked(paired, "split-pairs"))).toEqual(["conv: bias relu", "conv: bias relu"]);
  });

  test("UNCHANGED: kernels of one convolution", () => {
    const d = new Draft("net");
    expectUnchanged(d.finish(unit(d, unit(d, d.x, 8), 6)), fused, "split-pairs");
  });

  test("counts what it splits", () => {
    const d = new Draft("net");
    const { steps } = run(d.finish(unit(d, unit(d, d.x, 8), 6)), `${pairs},split-pairs`);
    expect(steps.at(-1)!.stats).toEqual({ split: 1 });
  });
});
