import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Module } from "../../src/ir/module.ts";
import { ops } from "../../src/ir/ops/registry.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import { NetBuilder } from "../support/fixture-modules.ts";
import { pipelines } from "../support/plan-runs.ts";
import { printModule } from "../../src/ir/print.ts";
import { readModule } from "../../src/ir/read.ts";
import { findProblems, verify } from "../../src/ir/verify.ts";
import { fusedModules } from "../support/random-fused.ts";
import { netModules } from "../support/random-module.ts";

/** All that a module says, as plain data. */
const contents = (m: Module): unknown => ({
  level: m.level,
  name: m.name,
  sites: m.sites.ids.map((id) => [id, m.sites.def(id)]),
  ops: m.ops,
  types: [...m.types].sort(([a], [b]) => a - b),
  outputs: m.outputs,
});

function readBack(text: string): Module {
  const result = readModule({ name: "t.spir", text });
  if ("diagnostics" in result) throw new Error(`${JSON.stringify(result.diagnostics, undefined, 1)}\n${text}`);
  return result.module;
}

/** Codes with the text that the first label covers. */
function problemsOf(text: string): readonly string[] {
  const result = readModule({ name: "t.spir", text });
  if (!("diagnostics" in result)) return [];
  return result.diagnostics.map((d) => `${d.code} ${JSON.stringify(text.slice(d.labels[0]!.span.start, d.labels[0]!.span.end))}`);
}

describe.each([
  ["net", netModules],
  ["fused", fusedModules],
] as const)("text of random %s modules", (_, modules) => {
  it("reads back as the same module, and prints again as the same text", () => {
    fc.assert(
      fc.property(modules, (module) => {
        const text = printModule(module);
        const again = readBack(text);
        expect(contents(again)).toEqual(contents(module));
        expect(printModule(again)).toBe(text);
        expect(verify(module)).toEqual([]);
        expect(verify(again)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("meets every op of the level", () => {
    const seen = new Set(fc.sample(modules, { numRuns: 600, seed: 1 }).flatMap((m) => m.ops.map((op) => op.name)));
    const level = fc.sample(modules, 1)[0]!.level;
    const all = [...ops.values()].filter((op) => op.levels.includes(level)).map((op) => op.name);
    expect(all.filter((name) => !seen.has(name))).toEqual([]);
  });
});

describe("text of a plan", () => {
  it.each(pipelines)("keeps the laws and the invariants after %s", (_, pipeline) => {
    const net = new NetBuilder(2, 4, [16, 16]);
    const geometry = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1] };
    const { kernel, padding, dilation } = geometry;
    const subm = net.op("relu", [net.bn(net.op("subm", [net.x, ...net.weights("a", kernel, 4, 8, false)], { kernel, padding, dilation }), "n", 8, 1e-3)]);
    const again = net.op("subm", [subm, ...net.weights("b", kernel, 8, 8, true)], { kernel, padding, dilation });
    const down = net.op("conv", [net.op("add", [again, subm]), ...net.weights("c", kernel, 8, 6, false)], { ...geometry, sites: "reach" });
    const up = net.op("up", [down, ...net.weights("d", kernel, 6, 5, false)], { ...geometry, onto: net.sites });
    const fused = runPipeline(net.finish({ up, bev: net.op("to_dense", [down], { fold: "y" }) }), pipeline).module;
    for (const module of [fused, lowerToPlan(fused)]) {
      const text = printModule(module);
      expect(verify(module)).toEqual([]);
      expect(contents(readBack(text))).toEqual(contents(module));
      expect(printModule(readBack(text))).toBe(text);
    }
  });
});

const small = `spir 1 net "N"
sites @S = input(y: 8, x: 8)
sites @S/2 = reach(@S) {kernel = [3, 3], stride = [2, 2], padding = [1, 1], dilation = [1, 1]}
%0 = input {name = "in", sites = @S, channels = 2} : feat<@S, 2, f32> loc(a.spnet:1:1)
%1 = param {name = "w", role = "conv", shape = [3, 3, 2, 4]} : param<[3, 3, 2, 4], f32> loc(a.spnet:2:3 via b.spnet:4:5, c.spnet:6:7)
%2 = conv %0, %1 {kernel = [3, 3], stride = [2, 2], padding = [1, 1], dilation = [1, 1], sites = "reach"} : feat<@S/2, 4, f32> loc("a b.spnet":2:3)
output "y" = %2 loc(a.spnet:9:1)
`;

describe("the text form", () => {
  it("prints as it was written, defaults left out", () => {
    const module = readBack(small);
    expect(printModule(module)).toBe(small);
    expect(module.ops[1]!.attrs["layout"]).toBe("spconv2");
    expect(module.ops[1]!.loc).toEqual([
      { file: "a.spnet", line: 2, column: 3, via: { file: "b.spnet", line: 4, column: 5 } },
      { file: "c.spnet", line: 6, column: 7 },
    ]);
  });

  it("reads any layout and comments", () => {
    const loose = `// RUN: spnet opt\n${small.replaceAll(" = ", "\n=  // what\n")}`;
    expect(printModule(readBack(loose))).toBe(small);
  });

  it("leaves locations out on request and prints problems under their lines", () => {
    const module = readBack(small.replace("feat<@S/2, 4, f32>", "feat<@S/2, 5, f32>"));
    const lines = printModule(module, { locations: false, problems: findProblems(module) }).split("\n");
    expect(lines[5]).toMatch(/: feat<@S\/2, 5, f32>$/);
    expect(lines[6]).toBe("// error: %2 is stored as feat<@S/2, 5, f32>, its rule gives feat<@S/2, 4, f32>");
  });

  it("reads site names with factors and second sets", () => {
    const sites = ["S/8x16x16", "S/2~2", "S"].map((id) => `sites @${id} = input(x)`).join("\n");
    expect(readBack(`spir 1 net ""\n${sites}\n`).sites.ids).toEqual(["S/8x16x16", "S/2~2", "S"]);
  });

  it("keeps numbers exactly", () => {
    const attrs = "terms = [0.1, -0, 1e-7, 1e+21, -2.5e-300, 9007199254740993], epilogue = {true = false, \"a b\" = []}";
    const module = readBack(`spir 1 fused ""\n%7 = fused.conv {${attrs}} : buffer\n`);
    expect(module.ops[0]!.attrs).toEqual({ terms: [0.1, -0, 1e-7, 1e21, -2.5e-300, 9007199254740992], epilogue: { true: false, "a b": [] } });
    expect(printModule(readBack(printModule(module)))).toBe(printModule(module));
  });

  it("takes time linear in the length", () => {
    const time = (n: number): number => {
      const ops = Array.from({ length: n }, (_, i) => `%${i + 1} = relu %${i} : feat<@S, 2, f32> loc(a.spnet:${i + 1}:1)`);
      const text = `spir 1 net "N"\nsites @S = input(x)\n%0 = input {name = "in", sites = @S, channels = 2} : feat<@S, 2, f32> loc(a:1:1)\n${ops.join("\n")}\n`;
      const start = performance.now();
      expect(verify(readBack(text))).toEqual([]);
      return performance.now() - start;
    };
    time(2000);
    const [short, long] = [Math.min(time(2500), time(2500)), Math.min(time(10_000), time(10_000))];
    expect(long / short, "four times the text").toBeLessThan(12);
  });
});

describe("errors of the text form", () => {
  const line = (text: string): string => small.replace(/^%2.*$/m, text);
  it.each([
    ["a stray character", line("%2 = relu %0 ? : feat<@S, 2, f32>"), ['SP0951 "?"']],
    ["a missing operand", line("%2 = add %0, : feat<@S, 2, f32>"), ['SP0952 ":"']],
    ["a text that ends early", small.slice(0, small.indexOf("feat<@S/2, 4")), ['SP0952 ""']],
    ["another version", small.replace("spir 1", "spir 2"), ['SP0953 "2"']],
    ["an unknown level", small.replace(" net ", " tensor "), ['SP0953 "tensor"']],
    ["an unknown parent", small.replace("reach(@S)", "reach(@T)"), ['SP0954 "@S/2"']],
    ["the same derivation twice", small.replace("%0", "sites @B = reach(@S) {kernel = [3, 3], stride = [2, 2], padding = [1, 1], dilation = [1, 1]}\n%0"), ['SP0954 "@B"']],
    ["a limit of voxels that is no number", small.replace("%0", 'sites @P = points(y, x)\nsites @V = voxels(@P) {axes = ["y", "x"], size = [1, 1], origin = [0, 0], rounding = "floor", outside = "error", max_voxels = "3"}\n%0'), ['SP0954 "@V"']],
    ["a site set twice", small.replace("%0", "sites @S = input(z)\n%0"), ['SP0954 "@S"']],
    ["half the extents", small.replace("y: 8, x: 8", "y: 8, x"), ['SP0954 "@S"']],
    ["a missing list", small.replace("stride = [2, 2], padding = [1, 1], dilation = [1, 1]}\n%0", "padding = [1, 1], dilation = [1, 1]}\n%0"), ['SP0954 "@S/2"']],
    ["a malformed type", line("%2 = relu %0 : feat<@S, f32>"), ['SP0955 "feat"']],
    ["types and results that differ in number", line("%2 = relu %0 : feat<@S, 2, f32>, feat<@S, 2, f32>"), ['SP0955 "relu"']],
    ["an unknown operation", line("%2 = relo %0 : feat<@S, 2, f32>"), ['SP0956 "relo"']],
    ["an attribute twice", line("%2 = leaky_relu %0 {slope = 1, slope = 2} : feat<@S, 2, f32>"), ['SP0956 "slope"']],
    ["an unquoted text", line("%2 = leaky_relu %0 {slope = steep} : feat<@S, 2, f32>"), ['SP0956 "steep"']],
    ["two mistakes", line("%2 = relo %0 : feat<@S, f32>"), ['SP0956 "relo"', 'SP0955 "feat"']],
  ] as const)("%s", (_, text, wanted) => {
    expect(problemsOf(text)).toEqual(wanted);
  });

  it("never throws on torn texts", () => {
    fc.assert(
      fc.property(fc.nat(small.length), fc.nat(30), fc.constantFrom("", "%9", "{", "<@S", "\"", "loc(", "= ["), (at, cut, put) => {
        const torn = small.slice(0, at) + put + small.slice(at + cut);
        const result = readModule({ name: "t.spir", text: torn });
        if ("module" in result) verify(result.module);
      }),
      { numRuns: 400 },
    );
  });
});
