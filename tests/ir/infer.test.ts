import { describe, expect, it } from "vitest";
import { InferenceError, ModuleBuilder } from "../../src/ir/builder.ts";
import { mergeLocs, printLoc, type Place } from "../../src/ir/loc.ts";
import type { Attrs, Level, ValueId } from "../../src/ir/module.ts";
import { readModule } from "../../src/ir/read.ts";
import { SiteTable } from "../../src/ir/sites.ts";
import { moduleStats } from "../../src/ir/stats.ts";
import { printType } from "../../src/ir/types.ts";

const here = [{ file: "t.spnet", line: 1, column: 1 }];

/** A module with features `x` and `y` on bounded @S, `u` on unbounded @U, a vector `v`, and weights by shape. */
class Bench {
  readonly b: ModuleBuilder;
  readonly values: Readonly<Record<string, ValueId>>;
  #params = 0;

  constructor(level: Level) {
    const table = new SiteTable();
    table.addInput({ kind: "input", name: "S", axes: ["y", "x"], extents: [9, 8] });
    table.addInput({ kind: "input", name: "U", axes: ["y", "x"], extents: undefined });
    this.b = new ModuleBuilder(level, "t", table);
    const input = (name: string, sites: string, channels: number): ValueId => this.b.one("input", [], { name, sites, channels }, here);
    const x = input("x", "S", 4);
    this.values = { x, y: input("y", "S", 3), u: input("u", "U", 4), v: this.b.one("global_pool", [x], { mode: "max" }, here) };
  }

  /** Types of the results, or the problems. Operands by name, or a shape for a weight. */
  infer(op: string, operands: readonly (string | readonly number[])[], attrs: Attrs = {}): readonly string[] {
    const ids = operands.map((o) => (typeof o === "string" ? this.values[o]! : this.b.one("param", [], { name: `p${this.#params++}`, role: "conv", shape: o }, here)));
    const result = this.b.infer(op, ids, attrs);
    return "problems" in result ? result.problems : result.types.map(printType);
  }
}

const k3 = { kernel: [3, 3], padding: [1, 1], dilation: [1, 1] };
const s2 = { ...k3, stride: [2, 2] };

describe("shape rules of net operations", () => {
  it.each<[string, readonly (string | readonly number[])[], Attrs, readonly string[]]>([
    ["subm", ["x", [3, 3, 4, 8]], k3, ["feat<@S, 8, f32>"]],
    ["subm", ["x", [3, 3, 4, 8], [8]], k3, ["feat<@S, 8, f32>"]],
    ["subm", ["x", [3, 3, 5, 8]], k3, ["weight is [3, 3, 5, 8], expected [3, 3, 4, Cout]"]],
    ["subm", ["x", [3, 3, 4, 8], [4]], k3, ["bias is [4], expected [8]"]],
    ["subm", ["x", [3, 3, 4, 8]], { ...k3, dilation: [1] }, ["dilation has 1 entries, @S has 2 axes"]],
    ["subm", ["v", [3, 3, 4, 8]], k3, ["operand 0 (x) is a vec, expected feat"]],
    ["conv", ["x", [3, 3, 4, 8]], { ...s2, sites: "reach" }, ["feat<@S/2, 8, f32>"]],
    ["conv", ["x", [3, 3, 4, 8]], { ...s2, sites: "same" }, ['attribute sites is "same", expected reach or floor or given']],
    ["conv", ["x", [3, 3, 4, 8]], { ...s2, sites: "floor", stride: [0, 2] }, ["stride must be at least 1"]],
    ["conv", ["x", [11, 1, 4, 8]], { kernel: [11, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1], sites: "reach" }, ["the kernel does not fit: axis y of @S has extent 9"]],
    ["up", ["x", [3, 3, 4, 8]], { ...s2, onto: "S" }, ["no convolution with this stride leads from @S to @S"]],
    ["up", ["x", [3, 3, 4, 8]], { ...s2, onto: "Q" }, ["unknown site set @Q"]],
    ["linear", ["v", [4, 7]], {}, ["vec<@S, 7, f32>"]],
    ["linear", ["x", [1, 1, 4, 7], [7]], {}, ["feat<@S, 7, f32>"]],
    ["linear", ["x", [5, 7]], {}, ["weight is [5, 7], expected [4, Cout]"]],
    ["bn", ["x", [4], [4], [3], [4]], { eps: 1e-5 }, ["mean is [3], expected [4]"]],
    ["bn", ["x", [4], [4], [4], [4]], { eps: Number.NaN }, ["attribute eps must be a finite number"]],
    ["add", ["x", "x"], {}, ["feat<@S, 4, f32>"]],
    ["add", ["x", "y"], {}, ["operands differ: 4 channels on @S and 3 channels on @S"]],
    ["mul", ["x", "u"], {}, ["operands differ: 4 channels on @S and 4 channels on @U"]],
    ["mul", ["x", "v"], {}, ["operands differ: 4 channels on @S and 4 channels on @S per batch item"]],
    ["cat", ["x", "y", "x"], {}, ["feat<@S, 11, f32>"]],
    ["cat", ["x", "u"], {}, ["operands differ: feat on @S and feat on @U"]],
    ["cat", [], {}, ["takes at least 1 operand, given 0"]],
    ["pool", ["x"], { ...s2, mode: "max", sites: "reach" }, ["feat<@S/2, 4, f32>"]],
    ["pool", ["x"], { ...s2, mode: "max", sites: "same" }, ["sites = same needs stride 1"]],
    ["pool", ["x"], { ...s2, mode: "median", sites: "floor" }, ['attribute mode is "median", expected max or avg or sum']],
    ["global_pool", ["y"], { mode: "avg" }, ["vec<@S, 3, f32>"]],
    ["to_dense", ["x"], {}, ["dense<[4, 9, 8], f32>"]],
    ["to_dense", ["x"], { fold: "y" }, ["dense<[36, 8], f32>"]],
    ["to_dense", ["x"], { fold: "z" }, ["@S has no axis z"]],
    ["to_dense", ["x", [4]], { deferred: true }, ["a tensor that a ground fills cannot be deferred"]],
    ["to_dense", ["u"], {}, ["@U has no extents, a dense tensor needs them"]],
    ["input", [], { name: "q", sites: "S", channels: 0 }, ["channels must be at least 1"]],
    ["param", [], { name: "q", role: "conv", shape: [] }, ["shape must be one or more sizes of at least 1"]],
    ["param", [], { name: "q", role: "kernel", shape: [1] }, ['attribute role is "kernel", expected conv or linear or channel or scalar']],
  ])("%s %j %j", (op, operands, attrs, wanted) => {
    expect(new Bench("net").infer(op, operands, attrs)).toEqual(wanted);
  });

  it("up returns by any kernel whose convolution led here, and looks without deriving", () => {
    const bench = new Bench("net");
    const { b } = bench;
    const w = b.one("param", [], { name: "w", role: "conv", shape: [3, 3, 4, 4] }, here);
    const down = b.one("conv", [bench.values["x"]!, w], { ...s2, sites: "floor" }, here);
    const known = b.sites.ids.length;
    expect(b.infer("up", [down, w], { ...s2, onto: "S" })).toHaveProperty("types");
    expect(b.infer("up", [down, w], { ...s2, stride: [3, 3], onto: "S" })).toHaveProperty("problems");
    expect(b.sites.ids.length).toBe(known);
  });

  it("the builder throws its problems", () => {
    const bench = new Bench("net");
    expect(() => bench.b.add("relu", [], {}, here)).toThrow(InferenceError);
    expect(() => bench.b.add("add", [bench.values["x"]!, bench.values["y"]!], {}, here)).toThrow("add: operands differ");
  });
});

describe("shape rules of arithmetic on weights", () => {
  it.each<[string, readonly (readonly number[])[], Attrs, readonly string[]]>([
    ["fold.bn_scale", [[4], [4]], { eps: 0.1 }, ["param<[4], f32>"]],
    ["fold.bn_shift", [[4], [4], [4], [3]], {}, ["operand 3 is [3], expected [4]"]],
    ["fold.scale_out", [[3, 3, 2, 4], [4]], {}, ["param<[3, 3, 2, 4], f32>"]],
    ["fold.scale_out", [[3, 3, 2, 4], [2]], {}, ["scale is [2], expected [4]"]],
    ["fold.scale_in", [[3, 3, 2, 4], [2]], {}, ["param<[3, 3, 2, 4], f32>"]],
    ["fold.scale_in", [[3, 3, 2, 4], [4]], {}, ["scale is [4], expected [2]"]],
    ["fold.scale_in", [[4], [4]], {}, ["a weight per channel has no input channels"]],
    ["fold.matmul", [[2, 4], [3, 3, 4, 5]], {}, ["param<[3, 3, 2, 5], f32>"]],
    ["fold.matmul", [[3, 3, 2, 4], [1, 1, 4, 5]], {}, ["param<[3, 3, 2, 5], f32>"]],
    ["fold.matmul", [[1, 1, 2, 4], [4, 5]], {}, ["param<[1, 1, 2, 5], f32>"]],
    ["fold.matmul", [[4], [1, 1, 4, 5]], {}, ["param<[5], f32>"]],
    ["fold.matmul", [[2, 4], [3, 5]], {}, ["[2, 4] cannot be multiplied by [3, 5]"]],
    ["fold.matmul", [[4], [4]], {}, ["[4] cannot be multiplied by [4]"]],
    ["fold.matmul", [[4], [3, 4, 5]], {}, ["a vector cannot be multiplied by [3, 4, 5], which has taps"]],
    ["fold.matmul", [[3, 2, 4], [3, 4, 5]], {}, ["[3, 2, 4] and [3, 4, 5] both have taps"]],
    ["fold.add", [[4], [1, 4]], {}, ["operands differ: [4] and [1, 4]"]],
    ["fold.slice_in", [[3, 6, 4]], { from: 2, to: 5 }, ["param<[3, 3, 4], f32>"]],
    ["fold.slice_in", [[4]], { from: 0, to: 1 }, ["a weight per channel has no input channels"]],
    ["fold.slice_out", [[3, 6, 4]], { from: 1, to: 4 }, ["param<[3, 6, 3], f32>"]],
    ["fold.slice_out", [[3, 6, 4]], { from: 3, to: 5 }, ["[3, 5) is not a part of 4 channels"]],
    ["fold.stack_out", [[3, 2, 4], [3, 2, 1], [3, 2, 2]], {}, ["param<[3, 2, 7], f32>"]],
    ["fold.stack_out", [[3, 2, 4], [3, 1, 4]], {}, ["operands differ beside the last axis: [3, 2, 4] and [3, 1, 4]"]],
  ])("%s %j %j", (op, operands, attrs, wanted) => {
    expect(new Bench("fused").infer(op, operands, attrs)).toEqual(wanted);
  });
});

describe("locations", () => {
  const place = (line: number, via?: Place): Place => ({ file: "a.spnet", line, column: 2, ...(via === undefined ? {} : { via }) });

  it("print with the calls that led there, odd file names in quotes", () => {
    expect(printLoc([place(3, place(9)), { file: "my net.spnet", line: 1, column: 1 }])).toBe('a.spnet:3:2 via a.spnet:9:2, "my net.spnet":1:1');
  });

  it("merge to each place once, in order; the same statement by two calls is two places", () => {
    expect(mergeLocs([place(3), place(4)], [place(3), place(3, place(9))])).toEqual([place(3), place(4), place(3, place(9))]);
  });
});

describe("statistics", () => {
  const count = (level: string, lines: readonly string[]): ReturnType<typeof moduleStats> => {
    const result = readModule({ name: "t", text: `spir 1 ${level} "t"\nsites @S = input(x)\n${lines.join("\n")}` });
    if ("diagnostics" in result) throw new Error(JSON.stringify(result.diagnostics));
    return moduleStats(result.module);
  };

  it("count convolutions and what they ask at net level", () => {
    const k1 = "{kernel = [1], padding = [0], dilation = [1]}";
    const stats = count("net", [
      "%0 = subm %9, %9 {kernel = [3], padding = [1], dilation = [1]} : buffer",
      `%1 = subm %9, %9 ${k1} : buffer`,
      '%2 = conv %9, %9 {kernel = [1], stride = [2], padding = [0], dilation = [1], sites = "floor"} : buffer',
      '%3 = pool %9 {mode = "max", kernel = [2], stride = [2], padding = [0], dilation = [1], sites = "floor"} : buffer',
      "%4 = relu %3 : buffer",
    ]);
    expect(stats).toMatchObject({ operations: 5, convolutions: 3, spatialConvolutions: 2, rulebooksAsked: 3, rulebooksBuilt: 0, siteSets: 1 });
  });

  it("count searches, and terms and pairs through them, at the fused level", () => {
    const search = "{from = @S, to = @S, kernel = [3], stride = [1], padding = [1], dilation = [1], mirrored = true}";
    const stats = count("fused", [
      `%0 = rulebook.search ${search} : rulebook<@S, @S, [3]>`,
      "%1 = rulebook.slice %0 {kernel = [1], taps = [1]} : rulebook<@S, @S, [1]>",
      "%2 = rulebook.halo %0 {tile = 32, capacity = 64} : rulebook<@S, @S, [3]>",
      "%3 = fused.conv %8, %9, %0, %7, %9 {terms = [{x = 0, w = 1, rb = 2}, {x = 3, w = 4}]} : buffer",
      "%4 = fused.pair %3, %9, %0, %2 {first = {x = 0, w = 1, epilogue = []}, second = {w = 1, epilogue = []}, rb = 2, halo = 3} : buffer",
      '%5 = fused.pool %4, %0 {mode = "max", volume = 3} : buffer',
    ]);
    expect(stats).toMatchObject({ convolutions: 3, spatialConvolutions: 3, rulebooksAsked: 4, rulebooksBuilt: 1, rulebooksMirrored: 1, rulebooksSliced: 1, rulebooksTransposed: 0, pairs: 1 });
  });
});
