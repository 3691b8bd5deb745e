import { describe, expect, test } from "vitest";
import type { Module } from "../../src/ir/module.ts";
import { phaseOf } from "../../src/passes/rewrite/phase.ts";
import { Liveness } from "../../src/passes/cost/live-model.ts";
import { checked, count, Draft, expectUnchanged, features, run } from "./support.ts";

describe("dce", () => {
  test("removes ops, parameters and rulebooks that no output depends on, and keeps inputs", () => {
    const d = new Draft("net");
    d.relu(d.bn(d.subm(d.op("input", [], { name: "other", sites: d.sites, channels: 2 }), 3)));
    const after = checked(d.finish(d.linear(d.x, 2)), "lower,dce");
    expect(after.ops.map((op) => op.name)).toEqual(["param", "input", "input", "fused.conv"]);
    expect([...after.types.keys()]).toHaveLength(4);
  });

  test("removes second results that nobody reads", () => {
    const d = new Draft("fused");
    const w = d.param(4, 4);
    const [, a, b] = d.ops("fused.conv", [d.x, w], { terms: [{ x: 0, w: 1 }], epilogue: [{ do: "emit" }, { do: "relu" }, { do: "emit" }, { do: "sigmoid" }] });
    expect(features(checked(d.finish(a!, b!), "dce"))).toEqual(["conv: relu emit sigmoid"]);
  });

  test("ends at the last second result that is read when the final one is not", () => {
    const d = new Draft("fused");
    const [a] = d.ops("fused.pointwise", [d.x, d.param(4)], { epilogue: [{ do: "relu" }, { do: "emit" }, { do: "bias", arg: 1 }, { do: "emit" }, { do: "dense", fold: "" }] });
    const after = checked(d.finish(a!), "dce");
    expect(features(after)).toEqual(["pointwise: relu"]);
    expect(count(after, "param")).toBe(0);
  });

  test("slims both epilogues of a pair", () => {
    const d = new Draft("fused");
    const g = { kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] };
    const rb = d.op("rulebook.search", [], { from: d.sites, to: d.sites, ...g });
    const halo = d.op("rulebook.halo", [rb], { tile: 32, capacity: 64 });
    const epilogue = [{ do: "emit" }, { do: "relu" }];
    const results = d.ops("fused.pair", [d.x, d.param(3, 3, 4, 2), d.param(3, 3, 2, 3), rb, halo], { first: { x: 0, w: 1, epilogue }, second: { w: 2, epilogue }, rb: 3, halo: 4 });
    expect(features(checked(d.finish(results[0]!, results[2]!), "dce"))).toEqual(["pair (emit relu): relu"]);
    const e = d.b.finish();
    expect(features(checked({ ...e, outputs: [{ ...e.outputs[0]!, value: results[1]! }] }, "dce"))).toEqual(["pair (relu): "]);
  });

  test("UNCHANGED: everything is read", () => {
    const d = new Draft("net");
    expectUnchanged(d.finish(d.relu(d.bn(d.subm(d.x, 3)))), "lower", "dce");
  });
});

describe("cse", () => {
  test("the same parameter and the same arithmetic on it become one", () => {
    const d = new Draft("fused");
    const same = (): number => d.op("param", [], { name: "var", role: "channel", layout: "spconv1", shape: [4] });
    const scale = (): number => d.op("fold.bn_scale", [same(), same()], { eps: 0.1 });
    const y = d.op("fused.pointwise", [d.x, scale(), scale()], { epilogue: [{ do: "affine", scale: 1, shift: 2 }] });
    const after = checked(d.finish(y), "cse");
    expect(after.ops.map((op) => op.name)).toEqual(["param", "fold.bn_scale", "input", "fused.pointwise"]);
    expect(run(d.b.finish(), "cse").steps[0]!.stats).toEqual({ shared: 4 });
  });

  test("UNCHANGED: other names, other attributes, and features alike", () => {
    const d = new Draft("fused");
    const w = [d.param(4), d.param(4)];
    const scales = [0.1, 0.2].map((eps) => d.op("fold.bn_scale", [w[0]!, w[1]!], { eps }));
    const relu = (): number => d.op("fused.pointwise", [d.x, ...scales], { epilogue: [{ do: "affine", scale: 1, shift: 2 }] });
    expectUnchanged(d.finish(relu(), relu()), "", "cse");
  });
});

describe("schedule", () => {
  const order = (module: Module) => module.ops.filter((op) => phaseOf(op) === "features");
  const peak = (module: Module): number => new Liveness(module, order(module)).peak(order(module));

  test("ends one branch before it begins the next", () => {
    const d = new Draft("net");
    const wide = [16, 16, 16].map((c) => d.subm(d.x, c));
    const narrow = wide.map((x) => d.subm(x, 2));
    const net = d.finish(d.add(d.add(narrow[0]!, narrow[1]!), narrow[2]!));
    const before = run(net, "lower,reuse-rulebooks").module;
    const after = checked(net, "lower,reuse-rulebooks,schedule");
    // x and three wide rows, against x, one wide and up to two narrow ones.
    expect([peak(before), peak(after)]).toEqual([4 * (4 + 48), 4 * (4 + 16 + 2 + 2)]);
  });

  test("uses one rulebook in a row where memory does not mind", () => {
    const d = new Draft("net");
    const parts = [[1, 3], [3, 1], [1, 3], [3, 1]].map((k) => d.subm(d.x, 4, k));
    const after = checked(d.finish(...parts), "lower,reuse-rulebooks,schedule");
    const books = order(after).map((op) => op.operands[2]).filter((v) => v !== undefined);
    expect(books).toEqual([books[0], books[0], books[2], books[2]]);
    expect(books[0]).not.toBe(books[2]);
  });

  test("a view keeps what it views alive", () => {
    const d = new Draft("fused");
    const w = d.op("fused.conv", [d.x, d.param(4, 32)], { terms: [{ x: 0, w: 1 }] });
    const part = d.op("slice", [w], { from: 0, to: 2 });
    const later = d.op("fused.pointwise", [d.x], { epilogue: [{ do: "relu" }] });
    const end = d.op("fused.pointwise", [part], { epilogue: [{ do: "sigmoid" }] });
    const module = d.finish(later, end);
    const liveness = new Liveness(module, order(module));
    expect(liveness.bytes(part)).toBe(0);
    // x, w and the first result; then x is gone, w is not, although only its view is read.
    expect(liveness.peak(order(module))).toBe(4 * (4 + 32 + 4));
  });

  test("UNCHANGED: a chain has one order, and an order that is best already stays", () => {
    const d = new Draft("net");
    expectUnchanged(d.finish(d.subm(d.relu(d.bn(d.subm(d.x, 3))), 2)), "lower,reuse-rulebooks", "schedule");
  });
});
