import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModuleBuilder } from "../../src/ir/builder.ts";
import type { Attrs } from "../../src/ir/module.ts";
import { SiteTable } from "../../src/ir/sites.ts";
import { printType } from "../../src/ir/types.ts";
import { quantise, rescale, saturate, truncatedMean } from "../../src/ir/whole.ts";

describe("arithmetic of whole numbers", () => {
  it("a rescale is the quotient of integers, rounded once", () => {
    const factor = fc.oneof(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), fc.integer({ min: -40, max: 40 }), fc.constantFrom(...[0, 8, 15, 16, 23, 24].flatMap((n) => [2 ** n, -(2 ** n), 3 * 2 ** (n - 2 < 0 ? 0 : n - 2)])));
    fc.assert(fc.property(factor, factor, fc.integer({ min: 1, max: 31 }), fc.boolean(), (x, m, shift, up) => {
      const [product, one] = [BigInt(x) * BigInt(m), 1n << BigInt(shift)];
      const below = product >> BigInt(shift);
      const rest = product - below * one;
      const raised = up ? 2n * rest >= one : 2n * rest > one || (2n * rest === one && below % 2n !== 0n);
      const wanted = Number(raised ? below + 1n : below);
      expect(rescale(x, m, shift, up ? "up" : "even")).toBe(Math.min(Math.max(wanted, -32768), 32767));
    }), { numRuns: 5000 });
  });

  it("halves: -1.5, -0.5, 0.5, 1.5, 2.5 to even, and up", () => {
    const halves = [-3, -1, 1, 3, 5];
    expect(halves.map((v) => rescale(v, 1, 1, "even"))).toEqual([-2, 0, 0, 2, 2]);
    expect(halves.map((v) => rescale(v, 1, 1, "up"))).toEqual([-1, 0, 1, 2, 3]);
    expect(halves.map((v) => quantise(v, 2))).toEqual([-2, 0, 0, 2, 2]);
  });

  it("ends", () => {
    expect([-129, -128, 127, 128].map((v) => saturate(v, 8))).toEqual([-128, -128, 127, 127]);
    expect([-40_000, 40_000].map((v) => saturate(v, 16))).toEqual([-32768, 32767]);
  });

  it("a mean is cut after a hundredth was added", () => {
    expect([[298, 100], [299, 100], [297, 100], [-300, 100], [-299, 100], [-99, 100], [0, 0], [7, 2], [-7, 2]].map(([sum, n]) => truncatedMean(sum!, n!))).toEqual([2, 3, 2, -2, -2, 0, 0, 3, -3]);
  });
});

describe("kinds of numbers", () => {
  const sites = new SiteTable();
  const b = new ModuleBuilder("net", "N", sites);
  const S = sites.addInput({ kind: "input", name: "S", axes: ["y", "x"], extents: [9, 8] });
  const here = [{ file: "n", line: 1, column: 1 }];
  const param = (shape: readonly number[], dtype = "f32"): number => b.one("param", [], { name: `p${shape.join()}${dtype}`, role: "conv", shape, dtype, limit: dtype === "i32" ? 9 : 0 }, here);
  const x = b.one("input", [], { name: "x", sites: S, channels: 4 }, here);
  const q = b.one("quantise", [x], { scale: 1 }, here);
  const values = {
    x, q,
    w: param([3, 3, 4, 4]), w8: param([3, 3, 4, 4], "i8"), m: param([4], "i32"), v: param([4]),
    sums: b.one("linear", [q, param([4, 4], "i8")], {}, here),
  };
  const k3 = { kernel: [3, 3], padding: [1, 1], dilation: [1, 1] };
  const t = b.one("rescale", [values.sums, values.m], { shift: 4, rounding: "up" }, here);
  const all: Readonly<Record<string, number>> = { ...values, t };

  it.each<[string, readonly string[], Attrs, string]>([
    ["subm", ["q", "w8"], k3, "feat<@S, 4, i32>"],
    ["subm", ["q", "w8", "m"], k3, "feat<@S, 4, i32>"],
    ["subm", ["q", "w"], k3, "x is i8, its weight f32: real numbers go with real ones, i8 with i8"],
    ["subm", ["x", "w8"], k3, "x is f32, its weight i8: real numbers go with real ones, i8 with i8"],
    ["subm", ["q", "w8", "v"], k3, "bias is f32, expected i32"],
    ["subm", ["sums", "w8"], k3, "operand 0 (x) is i32, expected f32 or i8"],
    ["rescale", ["sums", "m"], { shift: 31, rounding: "even" }, "feat<@S, 4, i16>"],
    ["rescale", ["sums", "v"], { shift: 16, rounding: "even" }, "operand 1 (multiplier) is f32, expected i32"],
    ["rescale", ["sums", "m"], { shift: 32, rounding: "even" }, "shift must be 1 to 31"],
    ["rescale", ["x", "m"], { shift: 1, rounding: "even" }, "operand 0 (x) is f32, expected i8 or i16 or i32"],
    ["quantise", ["x"], { scale: -1 }, "scale must be greater than 0"],
    ["clip", ["sums", "m"], {}, "feat<@S, 4, i32>"],
    ["saturate", ["t"], {}, "feat<@S, 4, i8>"],
    ["scale", ["sums", "v"], {}, "feat<@S, 4, f32>"],
    ["add", ["t", "t"], {}, "feat<@S, 4, i16>"],
    ["add", ["q", "q"], {}, "operand 0 (a) is i8, expected f32 or f16 or i16"],
    ["relu", ["sums"], {}, "feat<@S, 4, i32>"],
    ["sigmoid", ["q"], {}, "operand 0 (x) is i8, expected f32 or f16"],
    ["global_pool", ["q"], { mode: "avg" }, "vec<@S, 4, i8>"],
    ["global_pool", ["q"], { mode: "sum" }, "vec<@S, 4, i32>"],
    ["global_pool", ["t"], { mode: "sum" }, "sum of i16: whole numbers are summed and averaged where they have 8 bits"],
    ["pool", ["q"], { ...k3, stride: [1, 1], mode: "sum", sites: "same" }, "sum of i8: a local pool of whole numbers takes the max"],
    ["cat", ["q", "t"], {}, "operands differ: feat on @S and feat on @S"],
  ])("%s %j %j", (op, operands, attrs, wanted) => {
    const result = b.infer(op, operands.map((name) => all[name]!), attrs);
    expect("problems" in result ? result.problems[0] : result.types.map(printType)[0]).toBe(wanted);
  });
});
