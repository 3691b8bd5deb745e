import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { optionRange, parseOption, type OptionValue } from "../../src/passes/options.ts";
import { defaultOptions } from "../../src/passes/pass.ts";
import { parsePipeline, printPipeline, type Step } from "../../src/passes/pipeline.ts";
import { presetPipeline, presets, withOptions } from "../../src/passes/presets.ts";
import { passes } from "../../src/passes/registry.ts";

const codes = (text: string): readonly string[] => parsePipeline(text).diagnostics.map((d) => `${d.code} ${d.labels[0]!.span.start}-${d.labels[0]!.span.end}`);

describe("pipeline text", () => {
  test.each([
    "lower",
    "lower,reuse-rulebooks{slices=false},fuse-pairs{pairs=always}",
    "fuse-pairs{pairs=always,capacity=64},dce",
    ...Object.values(presets),
  ])("%s reads and prints the same", (text) => {
    const { pipeline, diagnostics } = parsePipeline(text);
    expect(diagnostics).toEqual([]);
    expect(printPipeline(pipeline!)).toBe(text);
  });

  test("spaces are free, options at their default vanish", () => {
    expect(printPipeline(parsePipeline(" lower , fuse-pairs { pairs = never , capacity = 32 } ,dce{}\n").pipeline!)).toBe("lower,fuse-pairs{capacity=32},dce");
  });

  test("the empty text is the empty pipeline", () => {
    expect(parsePipeline(" ")).toEqual({ pipeline: [], diagnostics: [] });
  });

  test("round trip of random pipelines", () => {
    const fused = [...passes.values()].filter((p) => p.from === "fused");
    const values = (pass: (typeof fused)[number]): fc.Arbitrary<Step> =>
      fc.record(
        Object.fromEntries(
          Object.entries(pass.options).map(([name, def]): [string, fc.Arbitrary<OptionValue>] => [
            name,
            def.kind === "bool" ? fc.boolean() : def.kind === "int" ? fc.integer({ min: def.min, max: def.max }) : fc.constantFrom(...def.choices),
          ]),
        ),
      ).map((options) => ({ pass, options: { ...defaultOptions(pass), ...options } }));
    fc.assert(
      fc.property(fc.array(fc.oneof(...fused.map(values)), { minLength: 1, maxLength: 8 }), (steps) => {
        expect(parsePipeline(printPipeline(steps))).toEqual({ pipeline: steps, diagnostics: [] });
      }),
    );
  });

  test.each([
    ["lowr", ["SP0290 0-4"]],
    ["lower,", ["SP0190 6-6"]],
    [",lower", ["SP0190 0-1"]],
    ["lower dce", ["SP0190 6-7"]],
    ["lower}", ["SP0190 5-6"]],
    ["fuse-pairs{pairs}", ["SP0190 16-17"]],
    ["fuse-pairs{pairs=}", ["SP0190 17-18"]],
    ["fuse-pairs{=1}", ["SP0190 11-12"]],
    ["fuse-pairs{pairs=never", ["SP0190 22-22"]],
    ["fuse-pairs{pairs=maybe}", ["SP0292 17-22"]],
    ["fuse-pairs{capacity=0}", ["SP0292 20-21"]],
    ["fuse-pairs{capacity=1e3}", ["SP0292 20-23"]],
    ["reuse-rulebooks{slices=yes}", ["SP0292 23-26"]],
    ["dce{fast=true}", ["SP0291 4-8"]],
    ["dce{constructor=1}", ["SP0291 4-15"]],
    ["fuse-pairs{pairs=never,pairs=always}", ["SP0291 23-28"]],
    ["lower,dce,lower", ["SP0293 10-15"]],
    ["dce,x{y=1},fuse-pairs{pairs=no,size=1},lower", ["SP0290 4-5", "SP0292 28-30", "SP0291 31-35", "SP0293 39-44"]],
  ])("%s: %j", (text, wanted) => {
    expect(codes(text)).toEqual(wanted);
    expect(parsePipeline(text).pipeline).toBeUndefined();
  });

  test("never throws, whatever the text", () => {
    const token = fc.constantFrom("lower", "dce", "fuse-pairs", "{", "}", ",", "=", "pairs", "never", " ", "ü", "-", "1");
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const { pipeline, diagnostics } = parsePipeline(tokens.join(""));
        expect(pipeline === undefined).toBe(diagnostics.length > 0);
      }),
      { numRuns: 2000 },
    );
  });

  test("a pass name close to a known one is suggested", () => {
    expect(parsePipeline("pairs").diagnostics[0]!.help!.text).toBe("did you mean `fuse-pairs`?");
    expect(parsePipeline("zzz").diagnostics[0]!.help!.text).toMatch(/^passes: ground, lower, reuse-rulebooks/);
  });
});

describe("options", () => {
  test("every default is a value of its option", () => {
    for (const pass of passes.values()) {
      for (const def of Object.values(pass.options)) expect(parseOption(def, String(def.default)), `${pass.name} ${optionRange(def)}`).toBe(def.default);
    }
  });
});

describe("presets", () => {
  test.each(["O0", "O1", "O2"] as const)("-%s starts at the network and ends ready to plan", (preset) => {
    const pipeline = presetPipeline(preset);
    expect(pipeline.slice(0, 2).map((step) => step.pass.name)).toEqual(["ground", "lower"]);
    expect(pipeline.at(-1)!.pass.to).toBe("fused");
  });

  test("options can be set over a preset", () => {
    expect(printPipeline(withOptions(presetPipeline("O2"), "fuse-pairs", { pairs: "always" }))).toContain("fuse-pairs{pairs=always},");
  });
});
