import { describe, expect, it } from "vitest";
import type { Module, Op } from "../../src/ir/module.ts";
import { readModule } from "../../src/ir/read.ts";
import { SiteTable, type SiteDef } from "../../src/ir/sites.ts";
import { findProblems, verify } from "../../src/ir/verify.ts";

const lines = {
  head: 'spir 1 fused "N"',
  sites: "sites @S = input(y: 8, x: 8)",
  half: "sites @S/2 = reach(@S) {kernel = [3, 3], stride = [2, 2], padding = [1, 1], dilation = [1, 1]}",
  input: '%0 = input {name = "in", sites = @S, channels = 2} : feat<@S, 2, f32> loc(a:1:1)',
  weight: '%1 = param {name = "w", role = "conv", shape = [3, 3, 2, 2]} : param<[3, 3, 2, 2], f32> loc(a:2:1)',
  search: "%2 = rulebook.search {from = @S, to = @S, kernel = [3, 3], stride = [1, 1], padding = [1, 1], dilation = [1, 1], mirrored = true} : rulebook<@S, @S, [3, 3]> loc(a:3:1)",
  down: "%3 = rulebook.search {from = @S, to = @S/2, kernel = [3, 3], stride = [2, 2], padding = [1, 1], dilation = [1, 1]} : rulebook<@S, @S/2, [3, 3]> loc(a:4:1)",
  back: "%4 = rulebook.transpose %3 : rulebook<@S/2, @S, [3, 3]> loc(a:5:1)",
  slice: "%5 = rulebook.slice %2 {kernel = [1, 3], taps = [3, 4, 5]} : rulebook<@S, @S, [1, 3]> loc(a:6:1)",
  halo: "%6 = rulebook.halo %2 {tile = 32, capacity = 96} : rulebook<@S, @S, [3, 3]> loc(a:7:1)",
  bias: '%7 = param {name = "b", role = "channel", shape = [2]} : param<[2], f32> loc(a:8:1)',
  conv: '%8 = fused.conv %0, %1, %2, %7 {terms = [{x = 0, w = 1, rb = 2}], epilogue = [{do = "bias", arg = 3}]} : feat<@S, 2, f32> loc(a:9:1)',
  pair: "%9 = fused.pair %8, %1, %2, %6 {first = {x = 0, w = 1, epilogue = []}, second = {w = 1, epilogue = []}, rb = 2, halo = 3} : feat<@S, 2, f32> loc(a:10:1)",
  output: 'output "y" = %9 loc(a:11:1)',
} as const;

/** Points with voxels, and features on them. */
const POINTS = 'sites @P = points(y, x)\nsites @V = voxels(@P) {axes = ["y", "x"], size = [1, 0.5], origin = [0, -1], rounding = "floor", outside = "error"}';
const GIVEN = '%30 = input {name = "p", sites = @P, channels = 1} : feat<@P, 1, f32> loc(a:4:1)';

type Lines = Partial<Record<keyof typeof lines, string>>;

/** The module with some of its lines replaced; an empty line leaves it out. */
function moduleWith(changes: Lines): Module {
  const text = Object.entries({ ...lines, ...changes }).map(([, line]) => line).join("\n");
  const result = readModule({ name: "t.spir", text });
  if ("diagnostics" in result) throw new Error(JSON.stringify(result.diagnostics));
  return result.module;
}

const swap = (key: keyof typeof lines, from: string, to: string): Lines => {
  expect(lines[key]).toContain(from);
  return { [key]: lines[key].replace(from, to) };
};

describe("the verifier", () => {
  it("finds nothing wrong with a sound module, and leaves its site table alone", () => {
    const module = moduleWith({});
    const before = module.sites.ids.length;
    expect(verify(module)).toEqual([]);
    expect(module.sites.ids.length).toBe(before);
  });

  it("names op, place and problem", () => {
    expect(verify(moduleWith(swap("bias", "shape = [2]", "shape = [3]")))).toEqual([
      "op 7 param (a:8:1): %7 is stored as param<[2], f32>, its rule gives param<[3], f32>",
      "op 8 fused.conv (a:9:1): epilogue item 0 (bias): operand 3 is [3], expected [2]",
    ]);
  });

  it.each<[string, () => Lines, readonly string[]]>([
    ["an op of another level", () => ({ slice: "%5 = relu %0 : feat<@S, 2, f32> loc(a:6:1)" }), ["not allowed at level fused"]],
    ["a use before the definition", () => swap("conv", "%0,", "%9,"), ["operand %9 is not defined before"]],
    ["a second definition", () => ({ slice: `${lines.slice}\n${lines.slice}` }), ["%5 is defined twice"]],
    ["a missing location", () => swap("slice", " loc(a:6:1)", ""), ["has no source location"]],
    ["an output without a location", () => swap("output", " loc(a:11:1)", ""), ["output y has no source location"]],
    ["a missing attribute", () => swap("halo", "tile = 32, ", ""), ["attribute tile is missing"]],
    ["an unknown attribute", () => swap("halo", "tile = 32", "tile = 32, fast = true"), ["unknown attribute fast"]],
    ["an attribute of another kind", () => swap("halo", "tile = 32", "tile = 1.5"), ["attribute tile must be a whole number"]],
    ["too many operands", () => swap("back", "%3 :", "%3, %3 :"), ["takes 1 operand, given 2"]],
    ["an operand of another kind", () => swap("back", "transpose %3", "transpose %1"), ["operand 0 (rb) is a param, expected rulebook"]],
    ["a wrong stored type", () => swap("back", "rulebook<@S/2, @S, [3, 3]>", "rulebook<@S, @S/2, [3, 3]>"), ["%4 is stored as rulebook<@S, @S/2, [3, 3]>, its rule gives rulebook<@S/2, @S, [3, 3]>"]],
    ["a result too many", () => ({ back: "%4, %20 = rulebook.transpose %3 : rulebook<@S/2, @S, [3, 3]>, buffer loc(a:5:1)" }), ["has 2 results, its rule gives 1"]],
    ["two outputs of one name", () => ({ output: `${lines.output}\n${lines.output}` }), ["two outputs are named y"]],
    ["an output that nothing defines", () => swap("output", "%9", "%90"), ["output y is %90, which nothing defines"]],
    ["an output that is no tensor", () => swap("output", "%9", "%2"), ["output y is a rulebook, expected feat or vec or dense"]],
    ["two inputs of one name", () => ({ input: `${lines.input}\n${lines.input.replace("%0", "%30")}` }), ["a second input is named in"]],
    ["a parameter of two shapes", () => swap("bias", 'name = "b"', 'name = "w"'), ['parameter w is another tensor elsewhere: {"role":"conv","layout":"spconv2","shape":[3,3,2,2],"dtype":"f32","limit":0,"groups":1}']],
    ["sites that no input gives", () => ({ sites: `${lines.sites}\nsites @T = input(z)`, back: "%4 = rulebook.search {from = @T, to = @T, kernel = [1], stride = [1], padding = [0], dilation = [1]} : rulebook<@T, @T, [1]> loc(a:5:1)" }), ["no input gives the sites @T"]],
    ["sites not in normal form", () => ({ half: `${lines.half}\nsites @F = floor(@S) {stride = [2, 2]}\nsites @G = floor(@F) {stride = [2, 2]}` }), ["@G is not in normal form"]],
    ["pruned sites that nothing makes", () => ({ half: `${lines.half}\nsites @S~2 = prune(@S)`, back: "%4 = rulebook.search {from = @S~2, to = @S~2, kernel = [1, 1], stride = [1, 1], padding = [0, 0], dilation = [1, 1]} : rulebook<@S~2, @S~2, [1, 1]> loc(a:5:1)" }), ["0 operations make the pruned sites @S~2"]],
    ["points on five axes", () => ({ sites: `${lines.sites}\nsites @P = points(a, b, c, d, e)` }), ["@P has 5 axes, 1 to 4 are possible"]],
    ["voxels of no points", () => ({ sites: `${lines.sites}\nsites @V = voxels(@S) {axes = ["y", "x"], size = [1, 1], origin = [0, 0], rounding = "floor", outside = "error"}` }), ["@V are voxels of @S, which are no points"]],
    ["voxels on other axes", () => ({ sites: `${lines.sites}\n${POINTS.replace('axes = ["y", "x"]', 'axes = ["x", "y"]')}` }), ["@V has the axes x, y, its points y, x"]],
    ["voxels of no size", () => ({ sites: `${lines.sites}\n${POINTS.replace("size = [1, 0.5]", "size = [1, 0]")}` }), ["@V needs sizes greater than 0"]],
    ["a limit of voxels on a grid without extents", () => ({ sites: `${lines.sites}\n${POINTS.replace('"error"}', '"error", max_voxels = 3}')}` }), ["@V is unbounded, and only on a grid with extents can voxels be limited"]],
    ["a limit on more cells than numbers tell apart", () => ({ sites: `${lines.sites}\n${POINTS.replace("size =", "extents = [2000000000, 2000000000], size =").replace('"error"}', '"error", max_voxels = 3}')}` }), ["@V has more cells than can be told apart, so that voxels cannot be limited"]],
    ["a convolution on points", () => ({ sites: `${lines.sites}\n${POINTS}`, back: "%4 = rulebook.search {from = @P, to = @P, kernel = [3], stride = [1], padding = [1], dilation = [1]} : rulebook<@P, @P, [3]> loc(a:5:1)" }), ["@P are points, which lie on no grid"]],
    ["a pruning of points", () => ({ sites: `${lines.sites}\n${POINTS}\nsites @P~2 = prune(@P)`, back: `${GIVEN}\n%31 = prune %30, %30 {above = 0, sites = @P~2} : feat<@P~2, 1, f32> loc(a:5:1)` }), ["@P are points, which lie on no grid"]],
    ["points onto sites that are no voxels of theirs", () => ({ sites: `${lines.sites}\n${POINTS}`, back: `${GIVEN}\n%31 = voxelize %30 {onto = @S, mode = "sum"} : feat<@S, 1, f32> loc(a:5:1)` }), ["@S derives from no voxels of points"]],
    ["points onto voxels of others", () => ({ sites: `${lines.sites}\n${POINTS}\nsites @Q = points(y, x)`, back: `${GIVEN.replaceAll("@P", "@Q")}\n%31 = voxelize %30 {onto = @V, mode = "sum"} : feat<@V, 1, f32> loc(a:5:1)` }), ["@V are voxels of @P, x is on @Q"]],
    ["sites back to points that they do not come from", () => ({ back: '%4 = devoxelize %0 {weights = "all"} : feat<@S, 2, f32> loc(a:5:1)' }), ["@S derives from no voxels of points"]],
    ["a union of one set", () => ({ half: `${lines.half}\nsites @U = union(@S)` }), ["@U is a union of less than two sets"]],
    ["a union of different grids", () => ({ half: `${lines.half}\nsites @U = union(@S, @S/2)` }), ["@U joins sets of different grids"]],
    ["a union in another order", () => ({ half: `${lines.half}\nsites @S/1 = reach(@S) {kernel = [3, 3], stride = [1, 1], padding = [1, 1], dilation = [1, 1]}\nsites @U = union(@S/1, @S)` }), ["@U is not in normal form"]],
    ["a generated set that a reach is", () => ({ half: `${lines.half}\nsites @G = generate(@S) {kernel = [3, 3], stride = [1, 1], padding = [1, 1], dilation = [1, 1], output_padding = [0, 0]}` }), ["@G is not in normal form"]],
    ["site lists of another length", () => ({ half: `${lines.half}\nsites @F = floor(@S) {stride = [2]}` }), ["@F needs 2 entries per list"]],
    ["an input set with five axes", () => ({ sites: `${lines.sites}\nsites @T = input(a, b, c, d, e)` }), ["@T has 5 axes, 1 to 4 are possible"]],
    ["an axis twice", () => ({ sites: `${lines.sites}\nsites @T = input(a, a)` }), ["@T has two axes of one name"]],
    ["a search that no convolution makes", () => swap("down", "stride = [2, 2]", "stride = [2, 1]"), ["no convolution with this stride leads from @S to @S/2"]],
    ["a stride onto the same sites", () => swap("search", "stride = [1, 1]", "stride = [2, 2]"), ["no convolution with this stride leads from @S to @S", "mirrored needs one site set and an odd, centred kernel"]],
    ["half a search off centre", () => swap("search", "padding = [1, 1]", "padding = [0, 1]"), ["mirrored needs one site set and an odd, centred kernel"]],
    ["a slice that is no kernel", () => swap("slice", "taps = [3, 4, 5]", "taps = [3, 4, 8]"), ["the taps are no regular part of the larger kernel"]],
    ["a slice with a tap too many", () => swap("slice", "taps = [3, 4, 5]", "taps = [3, 4, 5, 6]"), ["4 taps given, the kernel has 3"]],
    ["halo tables of a strided rulebook", () => swap("halo", "rulebook.halo %2", "rulebook.halo %3"), ["halo tables need a submanifold rulebook, this leads from @S to @S/2"]],
    ["a rulebook on other sites", () => swap("conv", "%1, %2,", "%1, %4,"), ["term 0: the rulebook reads @S/2, its operand is feat on @S"]],
    ["a weight of another kernel", () => swap("conv", "%1, %2,", "%1, %5,"), ["term 0: weight is [3, 3, 2, 2], expected [1, 3, 2, Cout]"]],
    ["an epilogue item without its operand", () => swap("conv", "arg = 3", "arg = 7"), ["operand 3 is never used", "epilogue item 0 (bias): there is no operand 7"]],
    ["a malformed epilogue item", () => swap("conv", 'do = "bias", arg', 'do = "bias", at'), ['malformed epilogue item {"do":"bias","at":3}']],
    ["an unused operand", () => swap("conv", ", %7 {", ", %7, %7 {"), ["operand 4 is never used"]],
    ["a pair without halo tables", () => swap("pair", "%2, %6", "%2, %2"), ["its halo operand is not the result of rulebook.halo"]],
    ["a pair with a linear layer between", () => ({ pair: `%22 = param {name = "l", role = "linear", shape = [2, 2]} : param<[2, 2], f32> loc(a:10:1)\n${lines.pair.replace("%2, %6 {", "%2, %6, %22 {").replace("epilogue = []", 'epilogue = [{do = "linear", w = 4}]')}` }), ["a linear step needs all columns of a row, which this kernel does not hold"]],
    ["a pair with other halo tables", () => ({ pair: `%21 = rulebook.search {from = @S, to = @S, kernel = [3, 3], stride = [1, 1], padding = [1, 1], dilation = [1, 1]} : rulebook<@S, @S, [3, 3]> loc(a:10:1)\n${lines.pair.replace("%2, %6", "%21, %6")}` }), ["its halo tables are of another rulebook"]],
  ])("%s", (_, change, wanted) => {
    expect(findProblems(moduleWith(change())).map((p) => p.message)).toEqual(expect.arrayContaining([...wanted]));
    // One mistake may make a later op unsound too, but never more than that.
    expect(findProblems(moduleWith(change())).length).toBeLessThanOrEqual(wanted.length + 2);
  });

  it("reports unknown operations and values without a definition", () => {
    const module = moduleWith({});
    const strange: Op = { ...module.ops[0]!, name: "input2" };
    const broken: Module = { ...module, ops: [strange, ...module.ops.slice(1)], types: new Map([...module.types, [77, { kind: "buffer" }]]) };
    expect(findProblems(broken).map((p) => p.message)).toEqual(
      expect.arrayContaining(["unknown operation input2", "no input gives the sites @S", "%77 has a type and no definition"]),
    );
  });

  it("survives types that name unknown sites", () => {
    const module = moduleWith({});
    const types = new Map(module.types).set(0, { kind: "feat", sites: "Q", channels: 2, dtype: "f32" });
    expect(verify({ ...module, types })).toEqual(["op 0 input (a:1:1): %0 is stored as feat<@Q, 2, f32>, its rule gives feat<@S, 2, f32>"]);
  });
});

describe("site sets in normal form", () => {
  const table = (extents?: readonly number[]): SiteTable => {
    const t = new SiteTable();
    t.addInput({ kind: "input", name: "S", axes: ["y", "x"], extents });
    return t;
  };
  const k2 = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] };
  const k3 = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1] };

  it("floor strides compose, and the kernel does not matter", () => {
    const t = table();
    expect(t.deriveFloor(t.deriveFloor("S", [2, 2]), [2, 3])).toBe(t.deriveFloor("S", [4, 6]));
    expect(t.deriveFloor("S", [1, 1])).toBe("S");
    expect(t.totalStride("S/4x6")).toEqual([4, 6]);
  });

  it("taps that tile the grid give the floor set, unless extents cut off a last cell", () => {
    const free = table();
    expect(free.deriveReach("S", k2)).toBe(free.deriveFloor("S", [2, 2]));
    const even = table([8, 6]);
    expect(even.deriveReach("S", k2)).toBe(even.deriveFloor("S", [2, 2]));
    const odd = table([9, 6]);
    expect(odd.deriveReach("S", k2)).not.toBe(odd.deriveFloor("S", [2, 2]));
    expect(odd.deriveReach("S", { kernel: [1, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1] })).toBe("S");
  });

  it("the same derivation twice is one set, another one of the same stride has another name", () => {
    const t = table([41, 41]);
    const a = t.deriveReach("S", k3);
    expect(t.deriveReach("S", { ...k3 })).toBe(a);
    expect(a).toBe("S/2");
    expect(t.deriveReach("S", { ...k3, padding: [0, 1] })).toBe("S/2~2");
    expect(t.extents("S/2~2")).toEqual([20, 21]);
    expect(t.deriveReach(a, k3)).toBe("S/4");
  });

  it("peeking adds nothing", () => {
    const t = table();
    expect(t.peekReach("S", k3)).toBeUndefined();
    expect(t.peekFloor("S", [2, 2])).toBeUndefined();
    expect(t.ids).toEqual(["S"]);
    const id = t.deriveReach("S", k3);
    expect(t.peekReach("S", k3)).toBe(id);
  });

  it("a clone grows alone; a declaration needs a free name, a new derivation and a known parent", () => {
    const t = table();
    const copy = t.clone();
    copy.deriveFloor("S", [2, 2]);
    expect(t.ids).toEqual(["S"]);
    const floor = (of: string): SiteDef => ({ kind: "floor", of, stride: [2, 2] });
    expect(t.declare("A", floor("S"))).toBeUndefined();
    expect(t.declare("A", floor("S"))).toBe("site set @A is declared twice");
    expect(t.declare("B", floor("S"))).toBe("site set @B is the same derivation as @A");
    expect(t.declare("B", floor("Q"))).toBe("site set @Q is not declared before");
  });
});
