import { describe, expect, test } from "vitest";
import type { CompileOptions } from "../../src/ir/from-source.ts";
import { printLoc } from "../../src/ir/loc.ts";
import { numbers, string, typeOf, type Module, type Op } from "../../src/ir/module.ts";
import { printType } from "../../src/ir/types.ts";
import { verify } from "../../src/ir/verify.ts";
import { compileText } from "../diagnostics/support.ts";

type Options = Omit<CompileOptions, "readFile">;

function build(source: string | Readonly<Record<string, string>>, options: Options = {}): Module {
  const { module, diagnostics } = compileText(source, options);
  expect(diagnostics).toEqual([]);
  expect(verify(module!)).toEqual([]);
  return module!;
}

const net = (body: string, head = ""): string => `spnet 1\nnet N {\n${head}\n  sites S : (z, y, x)\n  input x : feat[S, 4]\n${body}\n}\n`;
const opsOf = (module: Module, name: string): readonly Op[] => module.ops.filter((op) => op.name === name);
const paramNames = (module: Module): readonly string[] => opsOf(module, "param").map((op) => string(op.attrs, "name"));
const codes = (source: string, options: Options = {}): readonly string[] => compileText(source, options).diagnostics.map((d) => d.code);

describe("weight paths", () => {
  test("are below the blocks around them", () => {
    const source = 'spnet 1\nblock b(x: feat, i: int) { return x |> subm(4, k=3, bias=true, w="c{i}") }\nnet N {\n  sites S : (x)\n  input x : feat[S, 4]\n  output y = x |> b(1, w="outer") |> b(2, w="") |> b(3, w="a.b")\n}\n';
    expect(paramNames(build(source))).toEqual(["outer.c1.weight", "outer.c1.bias", "c2.weight", "c2.bias", "a.b.c3.weight", "a.b.c3.bias"]);
  });

  test("without w come from the name that is defined and the operation, and stay apart", () => {
    const source = net("  var a = x |> subm(4, k=3) |> bn\n  for i in 0..2 { set a = a |> subm(4, k=3) }\n  output y = a |> subm(4, k=1)");
    const paths = paramNames(build(source)).filter((n) => n.endsWith(".weight"));
    expect(paths).toEqual(["a.subm.weight", "a.bn.weight", "a.subm_2.weight", "a.subm_3.weight", "y.subm.weight"]);
  });

  test("follow the layout of the dialect, of the file, of the compile options, in this order", () => {
    const body = '  output y = x |> subm(4, k=3, bias=true, w="c") |> bn(w="n") |> linear(2, w="l")';
    const minkowski = ["c.kernel", "c.bias", "n.bn.weight", "n.bn.bias", "n.bn.running_mean", "n.bn.running_var", "l.kernel"];
    const spconv = ["c.weight", "c.bias", "n.weight", "n.bias", "n.running_mean", "n.running_var", "l.weight"];
    expect(paramNames(build(net(body, "  dialect minkowski")))).toEqual(minkowski);
    expect(paramNames(build(net(body, "  dialect minkowski\n  layout spconv1")))).toEqual(spconv);
    expect(paramNames(build(net(body, "  dialect minkowski\n  layout spconv1"), { layout: "minkowski" }))).toEqual(minkowski);
    expect(paramNames(build(net(body)))).toEqual(spconv);
  });

  test("used twice share one parameter, with a warning", () => {
    const { module, diagnostics } = compileText(net('  output y = x |> subm(4, k=3, w="a") |> subm(4, k=3, w="a")'));
    expect(diagnostics.map((d) => d.code)).toEqual(["SP0702"]);
    expect(opsOf(module!, "param")).toHaveLength(1);
  });

  test("may hold any text", () => {
    const name = '\\"; drop \\n \\{x\\}';
    expect(paramNames(build(net(`  output y = x |> subm(4, k=3, w="${name}")`)))).toEqual(['"; drop \n {x}.weight']);
  });
});

describe("geometry by dialect", () => {
  interface Case {
    readonly dialect: string;
    readonly call: string;
    readonly op: string;
    readonly padding: readonly number[];
    readonly sites?: string;
  }
  const cases: readonly Case[] = [
    { dialect: "spconv", call: "conv(4, k=3, s=2)", op: "conv", padding: [0, 0, 0], sites: "reach" },
    { dialect: "spconv", call: "conv(4, k=3)", op: "conv", padding: [0, 0, 0], sites: "reach" },
    { dialect: "spconv", call: "subm(4, k=3, d=2)", op: "subm", padding: [2, 2, 2] },
    { dialect: "minkowski", call: "conv(4, k=3, s=2)", op: "conv", padding: [1, 1, 1], sites: "floor" },
    { dialect: "minkowski", call: "conv(4, k=2, s=2)", op: "conv", padding: [0, 0, 0], sites: "floor" },
    { dialect: "minkowski", call: "conv(4, k=3)", op: "subm", padding: [1, 1, 1] },
    { dialect: "minkowski", call: "subm(4, k=2)", op: "subm", padding: [0, 0, 0] },
    { dialect: "torchsparse", call: "conv(4, k=2, s=2)", op: "conv", padding: [0, 0, 0], sites: "floor" },
    { dialect: "torchsparse", call: "conv(4, k=[1, 3, 3])", op: "subm", padding: [0, 1, 1] },
    { dialect: "scn", call: "conv(4, k=2, s=2)", op: "conv", padding: [0, 0, 0], sites: "reach" },
    { dialect: "scn", call: "subm(4, k=2)", op: "subm", padding: [1, 1, 1] },
    { dialect: "", call: "conv(4, k=2, s=2)", op: "conv", padding: [0, 0, 0], sites: "floor" },
    { dialect: "", call: "conv(4, k=1)", op: "subm", padding: [0, 0, 0] },
    { dialect: "", call: "subm(4, k=[3, 1, 5])", op: "subm", padding: [1, 0, 2] },
    { dialect: "minkowski", call: "max_pool(k=3, s=2)", op: "pool", padding: [1, 1, 1], sites: "floor" },
    { dialect: "minkowski", call: "avg_pool(k=3)", op: "pool", padding: [1, 1, 1], sites: "same" },
    { dialect: "spconv", call: "max_pool(k=2, s=2)", op: "pool", padding: [0, 0, 0], sites: "reach" },
  ];
  test.each(cases)("$dialect $call", ({ dialect, call, op, padding, sites }) => {
    const module = build(net(`  output y = x |> ${call}`, dialect === "" ? "" : `  dialect ${dialect}`));
    const [found] = opsOf(module, op);
    expect(numbers(found!.attrs, "padding")).toEqual(padding);
    expect(found!.attrs["sites"]).toBe(sites);
  });

  test("averages divide by what the dialect divides by", () => {
    const divisor = (head: string, args = ""): unknown => opsOf(build(net(`  output y = x |> avg_pool(k=2, s=2${args})`, head)), "pool")[0]!.attrs["divisor"];
    expect([divisor("dialect spconv"), divisor("dialect minkowski"), divisor("dialect scn"), divisor("dialect scn", ", divisor=count")]).toEqual(["count", "count", "volume", "count"]);
  });

  test("batch norms take the epsilon of the library", () => {
    const eps = (head: string, args = ""): unknown => opsOf(build(net(`  output y = x |> bn${args}`, head)), "bn")[0]!.attrs["eps"];
    expect([eps(""), eps("dialect scn"), eps("dialect spconv", "(eps=1e-3)")]).toEqual([1e-5, 1e-4, 1e-3]);
  });

  test("a strided rule of TorchSparse that depends on the data is refused", () => {
    expect(codes(net("  output y = x |> conv(4, k=3, s=2)", "  dialect torchsparse"))).toEqual(["SP0220"]);
  });
});

describe("up", () => {
  const ups = (source: string): readonly (readonly [string, readonly number[]])[] => opsOf(build(source), "up").map((op) => [string(op.attrs, "onto"), numbers(op.attrs, "kernel")]);

  test("returns step by step to where one came from", () => {
    const body = "  let a = x |> conv(8, k=3, s=2, p=1, sites=reach)\n  let b = a |> conv(8, k=2, s=2)\n  output y = b |> up(8) |> up(4)";
    expect(ups(net(body))).toEqual([["S/2", [2, 2, 2]], ["S", [3, 3, 3]]]);
  });

  test("takes the kernel that says which step is meant", () => {
    const body = "  let a = x |> conv(8, k=2, s=2)\n  let b = x |> conv(8, k=3, s=2)\n  output y = (a + b) |> up(4, k=3)";
    expect(ups(net(body, "  dialect minkowski"))).toEqual([["S", [3, 3, 3]]]);
    expect(codes(net(body.replace(", k=3)", ")").replace("up(4, k=3)", "up(4)"), "  dialect minkowski"))).toContain("SP0407");
  });

  test("reverses pools as well", () => {
    expect(ups(net("  output y = x |> max_pool(k=2, s=2) |> up(4)"))).toEqual([["S", [2, 2, 2]]]);
  });

  test("in MinkowskiEngine's way takes any kernel between two grids", () => {
    expect(ups(net("  output y = x |> conv(8, k=2, s=2) |> up(4, k=3)", "  dialect minkowski"))).toEqual([["S", [3, 3, 3]]]);
  });
});

describe("compile-time values", () => {
  test("loops, conditions, lists and constants vanish", () => {
    const source = "spnet 1\nconst C = [8, 16]\nnet N(deep: bool = true) {\n  sites S : (x)\n  input x : feat[S, 4]\n  var y = x\n  for c in C + [32] {\n    if c > 8 and deep { set y = y |> subm(c, k=3) } else { set y = y |> subm(c * 2, k=1) }\n  }\n  output out : feat[S, 32] = y\n}\n";
    expect(opsOf(build(source), "subm").map((op) => numbers(op.attrs, "kernel"))).toEqual([[1], [3], [3]]);
    expect(opsOf(build(source.replace("32] = y", "64] = y"), { params: { deep: false } }), "subm").map((op) => numbers(op.attrs, "kernel"))).toEqual([[1], [1], [1]]);
  });

  test("functions", () => {
    const assertions = ["len([1, 2]) == 2", "range(3) == [0, 1, 2]", "range(2, 4) == [2, 3]", "max(1, 2.5) == 2.5", "min(3, 2) == 2", "channels(x) == 4", "7 % 3 == 1", "-7 % 3 == 2", "6 / 3 == 2", "7 / 2 == 3.5", '"a" + "b" == "ab"', "same_sites(x, x)", "not same_sites(x, x |> conv(4, k=2, s=2))", "1 <= 1 and not 1 < 1", "true or 1 / 0 == 1"];
    build(net(`${assertions.map((a) => `  assert ${a}`).join("\n")}\n  output y = x`));
  });

  test("values from outside replace defaults, and are checked like them", () => {
    const source = "spnet 1\nnet N(c: int = 8, k: list[int] = [3]) {\n  sites S : (x)\n  input x : feat[S, 4]\n  output y = x |> subm(c, k=k)\n}\n";
    expect(printType(typeOf(build(source, { params: { c: 5 } }), build(source).outputs[0]!.value))).toBe("feat<@S, 5, f32>");
    expect(codes(source, { params: { c: "five" } })).toEqual(["SP0228"]);
    expect(codes(source, { params: { d: 1 } })).toEqual(["SP0214"]);
    expect(codes(source, { net: "M" })).toEqual(["SP0232"]);
    expect(codes(source, { layout: "caffe" })).toEqual(["SP0225"]);
    expect(codes(source.replace("c: int = 8", "c: int"))).toEqual(["SP0207"]);
  });

  test("a shadowing variable wins over the word of an argument", () => {
    const source = 'spnet 1\nblock down(x: feat, rule: text) { return x |> conv(4, k=3, s=2, p=1, sites=rule) }\nnet N {\n  sites S : (x)\n  input x : feat[S, 4]\n  output y = x |> down("floor")\n}\n';
    expect(opsOf(build(source), "conv")[0]!.attrs["sites"]).toBe("floor");
  });
});

describe("limits", () => {
  test.each([
    ["operations", net("  var y = x\n  for i in 0..400 { for j in 0..400 { set y = y |> relu } }\n  output z = y")],
    ["steps", net("  for i in 0..2000 { for j in 0..2000 { assert true } }\n  output y = x")],
    ["text", net('  var t = "aaaaaaaa"\n  for i in 0..40 { set t = t + t }\n  output y = x |> subm(4, k=3, w=t)')],
    ["lists", net("  var l = [1, 2]\n  for i in 0..40 { set l += l }\n  output y = x |> subm(len(l), k=3)")],
  ])("of %s end in one message", (_, source) => expect(codes(source)).toEqual(["SP0216"]));

  test("of calls end in one message", () => {
    const blocks = Array.from({ length: 70 }, (_, i) => `block b${i}(x: feat) { return x |> ${i === 69 ? "relu" : `b${i + 1}`} }`).join("\n");
    expect(codes(`spnet 1\n${blocks}\nnet N {\n  sites S : (x)\n  input x : feat[S, 4]\n  output y = x |> b0\n}\n`)).toEqual(["SP0216"]);
  });

  test("doubling calls do not take forever", () => {
    const blocks = Array.from({ length: 40 }, (_, i) => `block b${i}(x: int) -> int { return ${i === 39 ? "x" : `b${i + 1}(x) + b${i + 1}(x)`} }`).join("\n");
    expect(codes(`spnet 1\n${blocks}\nnet N {\n  sites S : (x)\n  input x : feat[S, 4]\n  output y = x |> subm(b0(1), k=3)\n}\n`)).toEqual(["SP0216"]);
  });
});

describe("places", () => {
  test("of an op lead through all the calls to the net", () => {
    const source = "spnet 1\nblock inner(x: feat) { return x |> relu }\nblock outer(x: feat) { return x |> inner }\nnet N {\n  sites S : (x)\n  sites Unused : (t: 4)\n  input x : feat[S, 4]\n  input spare : feat[Unused, 1]\n  output y = x |> outer\n}\n";
    expect(printLoc(opsOf(build(source), "relu")[0]!.loc)).toBe("main.spnet:2:36 via main.spnet:3:36 via main.spnet:9:19");
  });
});

describe("files", () => {
  const lib = "spnet 1\nexport const C = 8\nexport block f(x: feat) { return x |> subm(C, k=3) }\n";
  const main = 'spnet 1\nimport { f, C as WIDTH } from "../lib/lib.spnet"\nexport net N {\n  sites S : (x)\n  input x : feat[S, 4]\n  output y : feat[S, WIDTH] = x |> f\n}\nnet Other {\n  sites S : (x)\n  input x : feat[S, 4]\n  output y = x\n}\n';

  test("import by relative path, each read once", () => {
    const module = build({ "nets/main.spnet": main, "lib/lib.spnet": lib });
    expect(module.name).toBe("N");
    expect(printLoc(opsOf(module, "subm")[0]!.loc)).toBe("../lib/lib.spnet:3:39 via main.spnet:6:36");
  });

  test("a mistake in a library is one message", () => {
    const broken = lib.replace("k=3", "k=0");
    expect(compileText({ "nets/main.spnet": main, "lib/lib.spnet": broken }).diagnostics.map((d) => `${d.code} ${d.labels[0]!.span.file}`)).toEqual(["SP0412 lib/lib.spnet"]);
  });

  test("circles are refused", () => {
    const a = 'spnet 1\nimport { b } from "./b.spnet"\nexport const a = b\n';
    const b = 'spnet 1\nimport { a } from "./a.spnet"\nexport const b = a\n';
    expect(compileText({ "a.spnet": a, "b.spnet": b }).diagnostics.map((d) => d.code)).toEqual(["SP0213"]);
  });

  test("that are missing are named", () => expect(compileText({}).diagnostics.map((d) => d.code)).toEqual(["SP0211"]));

  test("several nets need a choice; all of them are checked", () => {
    const two = main.replace("export net", "net");
    const result = compileText({ "nets/main.spnet": two, "lib/lib.spnet": lib });
    expect(result.module).toBeUndefined();
    expect(result.nets).toEqual(["N", "Other"]);
    expect(result.diagnostics).toEqual([]);
    expect(build({ "nets/main.spnet": two, "lib/lib.spnet": lib }, { net: "Other" }).name).toBe("Other");
  });
});
