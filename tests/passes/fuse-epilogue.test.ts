import { describe, expect, test } from "vitest";
import { checked, Draft, expectUnchanged, features, run } from "./support.ts";

const fused = "lower,fold-bn,fuse-epilogue";
const pool = { mode: "max", kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], sites: "same", divisor: "count" };

describe("fuse-epilogue", () => {
  test("norm, residual addition and activation", () => {
    const d = new Draft("net");
    const h = d.relu(d.bn(d.subm(d.x, 4)));
    const after = checked(d.finish(d.relu(d.add(d.bn(d.subm(h, 4)), d.x))), fused);
    expect(features(after)).toEqual(["conv: bias relu", "conv: bias add relu"]);
  });

  test("an addition commutes: the convolution may be either operand", () => {
    const d = new Draft("net");
    expect(features(checked(d.finish(d.add(d.x, d.subm(d.x, 4))), fused))).toEqual(["conv: add"]);
    const e = new Draft("net");
    expect(features(checked(e.finish(e.op("mul", [e.x, e.op("sigmoid", [e.subm(e.x, 4)])])), fused))).toEqual(["conv: sigmoid mul"]);
  });

  test("of two convolutions the later one adds the earlier one's rows", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.add(d.relu(d.subm(d.x, 4)), d.relu(d.subm(d.x, 4, [1, 3])))), fused);
    expect(features(after)).toEqual(["conv: relu", "conv: relu add"]);
  });

  test("a value that others read too stays, as a second result", () => {
    const d = new Draft("net");
    const raw = d.subm(d.x, 4);
    const h = d.subm(d.relu(d.bn(raw)), 4);
    const { module, steps } = run(d.finish(d.add(h, raw)), fused);
    expect(features(module)).toEqual(["conv: emit affine relu", "conv: add"]);
    expect(steps[2]!.stats).toEqual({ fused: 3, emitted: 1 });
    checked(d.b.finish(), fused);
  });

  test("a linear layer stays apart from a convolution in groups, whose kernel does not hold all columns", () => {
    const d = new Draft("fused");
    const rb = d.op("rulebook.search", [], { from: d.sites, to: d.sites, kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] });
    const grouped = d.op("fused.grouped", [d.x, d.op("param", [], { name: "a", role: "conv", layout: "spconv1", shape: [3, 3, 1, 4] }), rb], { terms: [{ x: 0, w: 1, rb: 2 }], groups: 4, epilogue: [] });
    const linear = d.op("param", [], { name: "b", role: "linear", layout: "spconv1", shape: [4, 2] });
    const module = d.finish(d.op("fused.pointwise", [grouped, linear], { epilogue: [{ do: "relu" }, { do: "linear", w: 1 }] }));
    expectUnchanged(module, "", "fuse-epilogue");
  });

  test("an activation after the raw value's other users moves up to the convolution", () => {
    const d = new Draft("net");
    const raw = d.subm(d.x, 4);
    const other = d.subm(raw, 4);
    const after = checked(d.finish(d.subm(d.relu(raw), 4), other), fused);
    expect(features(after)).toEqual(["conv: emit relu", "conv: ", "conv: "]);
  });

  test("the scatter to dense comes last, with the rows kept where others read them", () => {
    const d = new Draft("net");
    const y = d.relu(d.subm(d.x, 4));
    expect(features(checked(d.finish(d.op("to_dense", [y], { fold: "y" })), fused))).toEqual(["conv: relu dense"]);
    const e = new Draft("net");
    const z = e.relu(e.subm(e.x, 4));
    expect(features(checked(e.finish(e.op("to_dense", [z], { fold: "" }), z), fused))).toEqual(["conv: relu emit dense"]);
  });

  test("two scatters of one value: one is fused, the other reads the rows", () => {
    const d = new Draft("net");
    const y = d.subm(d.x, 4);
    const after = checked(d.finish(d.op("to_dense", [y], { fold: "" }), d.op("to_dense", [y], { fold: "x" })), fused);
    expect(features(after)).toEqual(["conv: emit dense", "to_dense"]);
  });

  test("pools, pointwise ops and layers on batch rows take work in too", () => {
    const d = new Draft("net");
    const p = d.relu(d.bn(d.op("pool", [d.op("sigmoid", [d.relu(d.x)])], pool)));
    const v = d.relu(d.bn(d.linear(d.op("global_pool", [p], { mode: "max" }), 5)));
    expect(features(checked(d.finish(v), fused))).toEqual(["pointwise: relu sigmoid", "pool: affine relu", "global_pool", "conv: bias relu"]);
  });

  test("norms by the rows and broadcasts take work in, but no linear layer", () => {
    const d = new Draft("net");
    const n = d.op("normalise", [d.subm(d.x, 4), d.param(4), d.param(4)], { over: "item", groups: 2, eps: 0.1 });
    const gate = d.op("sigmoid", [d.linear(d.op("global_pool", [n], { mode: "avg" }), 4)]);
    const y = d.relu(d.add(d.op("broadcast", [n, gate], { by: "product" }), d.x));
    const after = checked(d.finish(d.linear(y, 3)), fused);
    expect(features(after)).toEqual(["conv: ", "normalise: affine", "global_pool", "conv: sigmoid", "broadcast: add relu", "conv: "]);

    const f = new Draft("fused");
    const rows = f.op("fused.normalise", [f.x], { over: "batch", groups: 4, eps: 0.1 });
    const mixed = f.op("fused.pointwise", [rows, f.param(4, 2)], { epilogue: [{ do: "linear", w: 1 }] });
    const { steps } = expectUnchanged(f.finish(mixed), "", "fuse-epilogue");
    expect(steps[0]!.remarks.map((r) => r.text)).toEqual(["not fused: fused.normalise does not hold all columns of a row, which a linear layer reads"]);
  });

  describe("UNCHANGED", () => {
    test("the operand is an input", () => {
      const d = new Draft("net");
      expectUnchanged(d.finish(d.relu(d.x)), "lower", "fuse-epilogue");
    });

    test("a value times itself", () => {
      const d = new Draft("net");
      const y = d.subm(d.x, 4);
      const { steps } = expectUnchanged(d.finish(d.op("mul", [y, y])), "lower", "fuse-epilogue");
      expect(steps[0]!.remarks.map((r) => r.text)).toEqual(["not fused: the value is combined with itself"]);
    });

    test("the other operand depends on the result, merging would close a circle", () => {
      const d = new Draft("net");
      const y = d.subm(d.x, 4);
      const w = d.subm(y, 2);
      const { steps } = expectUnchanged(d.finish(d.add(y, d.cat(w, w))), "lower", "fuse-epilogue");
      expect(steps[0]!.remarks.map((r) => r.text)).toEqual([
        "not fused: another operand depends on the kernel's result",
        "not fused: cat has no epilogue",
      ]);
    });
  });

  test("what one operand cannot take for a circle the other may", () => {
    const d = new Draft("net");
    const y = d.subm(d.x, 4);
    expect(features(checked(d.finish(d.add(y, d.op("pool", [y], pool))), fused))).toEqual(["conv: ", "pool: add"]);
  });

  test("at most eight storage buffers: what would bind a ninth is a kernel of its own", () => {
    const d = new Draft("net");
    const others = Array.from({ length: 6 }, () => d.cat(d.subm(d.x, 2), d.subm(d.x, 2)));
    let sum = d.subm(d.x, 4);
    for (const other of others) sum = d.add(sum, other);
    const after = checked(d.finish(sum), "lower,reuse-rulebooks,fuse-epilogue");
    // counts, params, map, x, target and three operands are eight; a pointwise kernel needs no map and no params.
    expect(features(after).slice(-2)).toEqual(["conv: add add add", "pointwise: add add add"]);
    const { steps } = run(d.b.finish(), "lower,reuse-rulebooks,fuse-epilogue");
    expect(steps[2]!.remarks.map((r) => r.text)).toContain("not fused: the kernel would bind 9 storage buffers, at most 8 are portable");
  });
});
