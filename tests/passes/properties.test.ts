/** Laws of every pass on random modules: it computes the same, what it leaves is valid, and doing it again changes nothing. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Module } from "../../src/ir/module.ts";
import { printModule } from "../../src/ir/print.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import { parsePipeline, type Pipeline } from "../../src/passes/pipeline.ts";
import { presets } from "../../src/passes/presets.ts";
import { passes } from "../../src/passes/registry.ts";
import { fusedModules } from "../support/random-fused.ts";
import { netModules } from "../support/random-module.ts";
import { networks } from "./random-network.ts";
import { evaluate, expectSame } from "./support.ts";

const pipeline = (text: string): Pipeline => parsePipeline(text).pipeline!;
const full = pipeline(presets.O2.replace("fuse-pairs", "fuse-pairs{pairs=always}").replace("skip-zeros", "skip-zeros{channels=1}"));

/** Deep chains of products can grow; such numbers say nothing about rounding. */
const sane = (outputs: ReturnType<typeof evaluate>): boolean =>
  [...outputs.values()].every((v) => v.kind !== "rulebook" && v.data.every((n) => Number.isFinite(n) && Math.abs(n) < 1e6));

/** Runs with verification after every pass and compares after each that changed something. */
function check(module: Module, steps: Pipeline, changed = new Set<string>()): void {
  const wanted = evaluate(module, 12);
  if (!sane(wanted)) return;
  runPipeline(module, steps, {
    instruments: [
      {
        afterPass({ step }, before, after) {
          if (after === before) return;
          changed.add(step.pass.name);
          expectSame(evaluate(after, 12), wanted, step.pass.name, 1e-9);
        },
      },
    ],
  });
}

describe("on random networks of the blocks that fusion is for", () => {
  test("every pass of -O2 with pairs always keeps the meaning", () => {
    const changed = new Set<string>();
    fc.assert(fc.property(networks, (module) => check(module, full, changed)), { numRuns: 300 });
    // Every parameter of these networks has a name of its own, so none is equal to another; split-pairs is for the CPU, and tests/passes/ground.test.ts has networks with a ground.
    expect([...passes.keys()].filter((name) => !changed.has(name))).toEqual(["ground", "split-pairs", "cse"]);
  });

  test("passes may run in any order", () => {
    const other = pipeline("lower,schedule,fuse-epilogue,fuse-siblings,fuse-pairs{pairs=always},fold-scale,compose-pointwise,fold-bn,reuse-rulebooks,fuse-shortcut,fuse-cat,fuse-pointwise-chain,compose-pointwise,fuse-epilogue,fold-scale,fuse-pairs{pairs=always},schedule,dce,cse");
    fc.assert(fc.property(networks, (module) => check(module, other, new Set())), { numRuns: 150 });
  });
});

describe("on random networks", () => {
  test("every pass of -O2 with pairs always keeps the meaning", () => {
    fc.assert(fc.property(netModules, (module) => check(module, full)), { numRuns: 400 });
  });

  test("pipelines are deterministic", () => {
    fc.assert(
      fc.property(netModules, (module) => {
        expect(printModule(runPipeline(module, full).module)).toBe(printModule(runPipeline(module, full).module));
      }),
      { numRuns: 50 },
    );
  });
});

describe("on random fused modules", () => {
  const fused = [...passes.values()].filter((pass) => pass.from === "fused");

  test.each(fused.map((pass) => pass.name))("%s alone keeps the meaning", (name) => {
    const step = pipeline(name === "fuse-pairs" ? "fuse-pairs{pairs=always}" : name);
    fc.assert(fc.property(fusedModules, (module) => check(module, step)), { numRuns: 150 });
  });

  test("all of them in a row keep the meaning", () => {
    fc.assert(fc.property(fusedModules, (module) => check(module, full.filter(({ pass }) => pass.from === "fused"))), { numRuns: 200 });
  });

  test.each(["reuse-rulebooks", "fold-bn", "fuse-cat", "cse", "dce", "schedule"])("%s has nothing left to do after itself", (name) => {
    fc.assert(
      fc.property(fusedModules, (module) => {
        const once = runPipeline(module, pipeline(name)).module;
        expect(runPipeline(once, pipeline(name)).module).toBe(once);
      }),
      { numRuns: 150 },
    );
  });
});
