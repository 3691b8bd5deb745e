import { describe, expect, test } from "vitest";
import { checked, count, Draft, evaluate, expectSame, features, run } from "./support.ts";

const geometry = { kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] };

describe("lower", () => {
  test("one fused op per network operation, each convolution with a search of its own", () => {
    const d = new Draft("net");
    const a = d.relu(d.bn(d.subm(d.x, 8, [3, 3], true)));
    const b = d.op("pool", [d.subm(a, 8)], { mode: "max", ...geometry, sites: "same", divisor: "count" });
    const after = checked(d.finish(d.op("to_dense", [d.cat(d.add(a, b), d.op("leaky_relu", [b], { slope: 0.1 }))], { fold: "y" })), "lower");
    expect(features(after)).toEqual(["conv: bias", "pointwise: affine", "pointwise: relu", "conv: ", "pool: ", "pointwise: add", "pointwise: leaky_relu", "cat", "to_dense"]);
    expect(count(after, "rulebook.search")).toBe(3);
    expect(after.level).toBe("fused");
  });

  test("an inverse convolution reads the transpose of its forward relation", () => {
    const d = new Draft("net");
    const g = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1] };
    const down = d.conv(d.x, 6);
    const after = checked(d.finish(d.op("up", [down, d.param(3, 3, 6, 4)], { ...g, onto: d.sites })), "lower");
    expect(count(after, "rulebook.search")).toBe(2);
    const transpose = after.ops.find((op) => op.name === "rulebook.transpose")!;
    expect(after.types.get(transpose.results[0]!)).toEqual({ kind: "rulebook", from: "S/2", to: "S", kernel: [3, 3] });
  });

  test("one tap at no offset needs no rulebook, one tap elsewhere does", () => {
    const d = new Draft("net");
    const here = d.subm(d.x, 8, [1, 1]);
    const aside = d.op("subm", [here, d.param(1, 1, 8, 8)], { kernel: [1, 1], padding: [1, 0], dilation: [1, 1] });
    const { module, steps } = run(d.finish(d.linear(aside, 3, true)), "lower");
    expect(count(module, "rulebook.search")).toBe(1);
    expect(steps[0]!.stats).toEqual({ searches: 1, pointwise: 2 });
    expectSame(evaluate(module), evaluate(d.b.finish()));
  });

  test("a vector per batch item goes through the same ops", () => {
    const d = new Draft("net");
    const v = d.op("global_pool", [d.x], { mode: "avg" });
    const after = checked(d.finish(d.op("sigmoid", [d.bn(d.linear(v, 5, true))])), "lower");
    expect(features(after)).toEqual(["global_pool", "conv: bias", "pointwise: affine", "pointwise: sigmoid"]);
  });

  test("a network that is only an input changes level and nothing else", () => {
    const d = new Draft("net");
    const before = d.finish(d.x);
    const { module } = run(before, "lower");
    expect(module).toEqual({ ...before, level: "fused" });
  });
});
