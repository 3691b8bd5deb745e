import { describe, expect, test } from "vitest";
import type { Module } from "../../src/ir/module.ts";
import { printModule } from "../../src/ir/print.ts";
import { readModule } from "../../src/ir/read.ts";
import { dumping } from "../../src/passes/instrument/dump.ts";
import { printing, type PrintOptions } from "../../src/passes/instrument/print.ts";
import { checkStart, PassFailure, runPipeline } from "../../src/passes/manager.ts";
import { definePass, type Pass } from "../../src/passes/pass.ts";
import { parsePipeline, type Pipeline } from "../../src/passes/pipeline.ts";
import { passes } from "../../src/passes/registry.ts";
import { Draft, run } from "./support.ts";

const pipeline = (text: string): Pipeline => parsePipeline(text).pipeline!;

function net(): Module {
  const d = new Draft("net");
  return d.finish(d.relu(d.bn(d.subm(d.x, 8))));
}

const broken = (make: (module: Module) => Module): Pass => {
  const { name, summary, legality, from, to, options, stats } = passes.get("dce")!;
  return definePass({ name, summary, legality, from, to, options, stats, run: make });
};

describe("running a pipeline", () => {
  test("reports what each pass changed, its counters and its remarks with places", () => {
    const { steps } = run(net(), "lower,fold-bn,fold-bn");
    expect(steps.map((s) => [s.pass, s.changed, s.stats])).toEqual([
      ["lower", true, { searches: 1, pointwise: 0 }],
      ["fold-bn", true, { folded: 1, kept: 0 }],
      ["fold-bn", false, { folded: 0, kept: 0 }],
    ]);
    const [remark] = steps[1]!.remarks;
    expect(remark).toMatchObject({ pass: "fold-bn", kind: "done", text: "normalisation folded into the weights of the convolution before it" });
    expect(remark!.loc[0]!.file).toBe("t.spnet");
    expect(steps[0]).not.toHaveProperty("ms");
  });

  test("times with the clock it is given", () => {
    let time = 0;
    const { steps } = runPipeline(net(), pipeline("lower,dce"), { now: () => (time += 5) });
    expect(steps.map((s) => s.ms)).toEqual([5, 5]);
  });

  test("the module of an empty pipeline is the one given", () => {
    const module = net();
    expect(runPipeline(module, []).module).toBe(module);
  });

  test("a start at another level is an error of the user's", () => {
    const module = run(net(), "lower").module;
    expect(checkStart(pipeline("lower"), module)?.code).toBe("SP0293");
    expect(checkStart(pipeline("dce"), module)).toBeUndefined();
    expect(checkStart([], module)).toBeUndefined();
  });
});

describe("instruments", () => {
  const printed = (text: string, options: Omit<PrintOptions, "write">): string => {
    let out = "";
    runPipeline(net(), pipeline(text), { instruments: [printing({ ...options, write: (t) => (out += t) })] });
    return out;
  };

  test("print before and after by name", () => {
    const out = printed("lower,fold-bn,dce", { before: ["fold-bn"], after: ["fold-bn"] });
    expect(out.match(/^\/\/ .*$/gm)).toEqual(["// before fold-bn", "// after fold-bn"]);
    expect(out).toContain("fold.scale_out");
  });

  test("print after all, unchanged modules once", () => {
    const out = printed("lower,fuse-cat,dce", { after: "all", onlyChanged: true });
    expect(out.match(/^\/\/ .*$/gm)).toEqual(["// after lower", "// after fuse-cat (unchanged)", "// after dce (unchanged)"]);
    expect(out.match(/^spir 1 fused/gm)).toHaveLength(1);
  });

  test("dump hands over every module under a sorted name", () => {
    const seen: (readonly [string, boolean])[] = [];
    const modules: Module[] = [];
    const { module } = runPipeline(net(), pipeline("lower,fold-bn,fuse-cat"), {
      instruments: [
        dumping((name, m, changed) => {
          seen.push([name, changed]);
          modules.push(m);
        }),
      ],
    });
    expect(seen).toEqual([["01-lower", true], ["02-fold-bn", true], ["03-fuse-cat", false]]);
    expect(modules.at(-1)).toBe(module);
    // What is dumped reads back, so that a person may go on from it.
    const text = printModule(modules[1]!);
    const back = readModule({ name: "02-fold-bn.spir", text });
    expect("module" in back && printModule(back.module)).toBe(text);
  });
});

describe("a failing pass", () => {
  const fail = (pass: Pass): PassFailure => {
    const steps: Pipeline = [...pipeline("lower"), { pass, options: {} }, ...pipeline("schedule")];
    try {
      runPipeline(net(), steps);
    } catch (error) {
      if (error instanceof PassFailure) return error;
    }
    throw new Error("nothing failed");
  };

  test("that leaves an invalid module is named, with every problem and a reproducer", () => {
    const failure = fail(broken((m) => ({ ...m, ops: m.ops.slice(1) })));
    expect(failure.step).toBe("dce");
    expect(failure.code).toBe("SP0990");
    expect(failure.problems.length).toBeGreaterThan(1);
    expect(failure.problems.join()).toContain("is not defined before");
    const [first] = failure.reproducer.split("\n");
    expect(first).toBe("// RUN: spnet opt --pipeline=dce,schedule repro.spir");
    const back = readModule({ name: "repro.spir", text: failure.reproducer });
    expect("module" in back && back.module.level).toBe("fused");
  });

  test("that throws is named with what it said", () => {
    const failure = fail(broken(() => { throw new Error("internal: lost"); }));
    expect(failure.problems).toEqual(["internal: lost"]);
  });

  test("that leaves another level is named", () => {
    expect(fail(broken((m) => ({ ...m, level: "plan" }))).problems).toEqual(["dce left level plan instead of fused"]);
  });

  test("is told to the instruments", () => {
    const seen: string[] = [];
    const bad = broken((m) => ({ ...m, outputs: [{ ...m.outputs[0]!, value: 12345 }] }));
    expect(() => runPipeline(net(), [...pipeline("lower"), { pass: bad, options: {} }], { instruments: [{ passFailed: (e, _m, problems) => seen.push(`${e.index} ${problems.length}`) }] })).toThrow(PassFailure);
    expect(seen).toEqual(["1 1"]);
  });

  test("goes unnoticed without verification, as asked", () => {
    const bad = broken((m) => ({ ...m, outputs: [{ ...m.outputs[0]!, value: 12345 }] }));
    expect(runPipeline(net(), [...pipeline("lower"), { pass: bad, options: {} }], { verifyEach: false }).module.outputs[0]!.value).toBe(12345);
  });
});
