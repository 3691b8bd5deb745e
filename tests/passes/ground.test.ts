import { describe, expect, test } from "vitest";
import { string, type ValueId } from "../../src/ir/module.ts";
import { verify } from "../../src/ir/verify.ts";
import { presets } from "../../src/passes/presets.ts";
import { randomGroundNet } from "../support/ground-nets.ts";
import { netFromText } from "../support/source-net.ts";
import { checked, count, Draft, expectUnchanged, features, run } from "./support.ts";

/** Names of the ops that are no parameters. */
const names = (ops: readonly { readonly name: string }[]): readonly string[] => ops.map((op) => op.name).filter((name) => name !== "param" && !name.startsWith("fold."));

const onGround = (d: Draft, value = 0.5): ValueId => d.op("ground", [d.x], { value: Array.from({ length: d.channels(d.x) }, () => value) });

describe("ground", () => {
  test("rows meet their neighbours less the ground, and the bias makes up for it", () => {
    const d = new Draft("net", 4, "unbounded");
    const net = d.finish(d.subm(d.relu(d.bn(d.subm(onGround(d), 6, [3, 3], true))), 4));
    const after = checked(net, "ground");
    expect(names(after.ops)).toEqual(["input", "shift", "subm", "bn", "relu", "shift", "subm"]);
    expect(features(checked(net, "ground,lower,fold-bn,fuse-epilogue"))).toEqual(["pointwise: bias", "conv: bias relu bias", "conv: bias"]);
  });

  test("zero is not subtracted, and no ground is computed that nothing reads", () => {
    const d = new Draft("net", 4, "unbounded");
    const after = checked(d.finish(d.bn(d.relu(d.subm(onGround(d, 0), 6, [3, 3], true)))), "ground");
    expect(names(after.ops)).toEqual(["input", "subm", "relu", "bn"]);
    expect(after.ops.filter((op) => op.name.startsWith("fold."))).toEqual([]);
    const e = new Draft("net", 4, "unbounded");
    const plain = checked(e.finish(e.subm(e.relu(e.subm(onGround(e, 0), 6)), 4)), "ground");
    expect(names(plain.ops)).toEqual(["input", "subm", "relu", "subm"]);
    const f = new Draft("net", 4, "unbounded");
    const later = checked(f.finish(f.subm(f.op("sigmoid", [f.subm(onGround(f, 0), 6)]), 4)), "ground");
    expect(names(later.ops)).toEqual(["input", "subm", "sigmoid", "shift", "subm"]);
  });

  test("a value is shifted once for all that read it, and stays whole for the others", () => {
    const d = new Draft("net", 4, "unbounded");
    const x = d.relu(d.subm(onGround(d), 4, [3, 3], true));
    const net = d.finish(d.add(x, d.subm(d.subm(x, 4), 4)), d.subm(x, 3));
    const { module, steps } = run(net, "ground");
    expect(steps[0]!.stats).toEqual({ shifted: 3, biases: 4, pools: 0 });
    expect(count(module, "shift")).toBe(3);
    expect(features(checked(net, "ground,lower,fuse-epilogue"))).toContain("conv: bias relu emit bias");
  });

  test("what lies side by side is shifted apart, so that `fuse-cat` still sees it", () => {
    const d = new Draft("net", 4, "unbounded");
    const x = onGround(d);
    const net = d.finish(d.subm(d.cat(d.relu(d.subm(x, 4)), d.op("sigmoid", [d.subm(x, 3)])), 5));
    const after = checked(net, "ground");
    expect(names(after.ops).slice(-4)).toEqual(["shift", "shift", "cat", "subm"]);
    expect(features(checked(net, presets.O2.replace("fuse-cat", "fuse-cat{sources=apart}"))).at(-1)).toBe("conv 2 terms: bias");
  });

  test("pools count missing inputs, dense tensors are filled", () => {
    const d = new Draft("net", 4, "unbounded");
    const x = onGround(d, -1);
    const pool = (mode: string): ValueId => d.op("pool", [x], { mode, kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], sites: "floor", divisor: mode === "avg" ? "volume" : "count" });
    const after = checked(d.finish(...["max", "avg", "sum"].map(pool)), "ground");
    expect(after.ops.filter((op) => op.name === "pool").map((op) => string(op.attrs, "divisor"))).toEqual(["volume", "volume", "count"]);
    const e = new Draft("net", 4, "unbounded");
    const pooled = e.op("pool", [onGround(e)], { mode: "max", kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], sites: "floor", divisor: "count" });
    expect(names(checked(e.finish(e.subm(pooled, 3)), "ground").ops)).toEqual(["input", "shift", "pool", "subm"]);
    const net = netFromText("spnet 1\nnet N {\n sites S : (y: 5, x: 7) ground=[2, -3]\n input a : feat[S, 2]\n output y = a |> to_dense\n}\n").module;
    expect(checked(net, "ground").ops.find((op) => op.name === "to_dense")!.operands).toHaveLength(2);
    expect(features(checked(net, "ground,lower,fuse-epilogue"))).toEqual(["to_dense"]);
  });

  test("`lower` alone does the same", () => {
    const d = new Draft("net", 4, "unbounded");
    const net = d.finish(d.subm(d.relu(d.subm(onGround(d), 4, [3, 3], true)), 3));
    expect(features(checked(net, "lower"))).toEqual(features(checked(net, "ground,lower")));
  });

  test.each([1, 2, 3])("random networks compute the same under every preset, %i axes", (dim) => {
    for (let seed = 0; seed < 12; seed++) {
      const { module } = netFromText(randomGroundNet(500 * dim + seed, dim, seed % 2 === 0).text);
      checked(module, "ground");
      for (const text of Object.values(presets)) checked(module, text);
    }
  });

  describe("UNCHANGED", () => {
    test("a network without a ground", () => {
      const d = new Draft("net", 4, "unbounded");
      expectUnchanged(d.finish(d.relu(d.subm(d.x, 4))), "", "ground");
    });
  });

  describe("the verifier refuses", () => {
    const of = (build: (d: Draft) => readonly ValueId[]): string => {
      const d = new Draft("net", 4, "unbounded");
      build(d).forEach((value, i) => d.b.output(`out${i}`, value, [{ file: "t.spnet", line: 99, column: 1 }]));
      return verify(d.b.finish()).join("\n");
    };
    const g = { padding: [0, 0], dilation: [1, 1], kernel: [2, 2], stride: [2, 2] };
    test.each<readonly [string, RegExp, (d: Draft) => readonly ValueId[]]>([
      ["a ground of a value that others read", /nothing else reads/, (d) => [d.relu(onGround(d)), d.x]],
      ["a ground of no input", /nothing else reads/, (d) => [d.op("ground", [d.relu(d.x)], { value: Array.from({ length: d.channels(d.x) }, () => 1) })]],
      ["a transposed convolution", /no one ground/, (d) => [d.op("up", [d.op("conv", [onGround(d), d.param(2, 2, d.channels(d.x), 3)], { ...g, sites: "reach" }), d.param(2, 2, 3, 4)], { ...g, onto: d.sites })]],
      ["a global pool", /every cell/, (d) => [d.op("global_pool", [onGround(d)], { mode: "max" })]],
      ["an average over active inputs", /volume/, (d) => [d.op("pool", [onGround(d)], { mode: "avg", ...g, sites: "floor" })]],
    ])("%s", (_, message, build) => {
      expect(of(build)).toMatch(message);
    });
    test("a list of another length", () => {
      const d = new Draft("net", 4, "unbounded");
      expect(() => d.op("ground", [d.x], { value: [1] })).toThrow(/1 numbers for/);
    });
  });
});
