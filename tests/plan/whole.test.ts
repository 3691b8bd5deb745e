import { describe, expect, it } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { PlanReader } from "../../src/codegen/plan/plan-reader.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import { WASM_STEPS } from "../../src/codegen/wasm/program.ts";
import { printModule } from "../../src/ir/print.ts";
import { readModule } from "../../src/ir/read.ts";
import { verify } from "../../src/ir/verify.ts";
import { wantedOf } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { WHOLE_NETS, wholeScene } from "../support/whole-nets.ts";

describe.each(WHOLE_NETS)("plans of whole numbers: $name", ({ net, channels }) => {
  describe.each(pipelines)("%s", (level, pipeline) => {
    const fused = fuse(net.module, pipeline);
    const plan = lowerToPlan(fused);
    const halves = storeHalves(plan);
    const plans = [["float32", plan], ["rows in float16", halves], ...(level.includes("pairs") ? [] : [["of the CPU", lowerToPlan(fused, WASM_STEPS)] as const])] as const;

    it.each(plans)("%s: the interpreter's numbers, every one", (_name, module) => {
      expect(verify(module)).toEqual([]);
      const scene = wholeScene(9, 130, channels);
      const found = executePlan(module, { e: scene }, net.weights, 2, ...(module === plans[2]?.[1] ? [WASM_STEPS.columnTile] : []));
      for (const [name, value] of wantedOf(net, { e: scene }, 2)) {
        if (value.kind === "rulebook" || value.kind === "param") throw new Error("no output");
        expect(Array.from(found[name]!.data), name).toEqual(Array.from(value.data));
      }
    });

    it("keeps rows of 16 and 32 bits out of float16, and puts those of 8 bits there", () => {
      const stored = new PlanReader(halves).buffers;
      const ops = halves.ops.filter((op) => op.name === "buffer");
      expect(stored.filter((b) => b.half === true).length).toBeGreaterThan(3);
      const exact = ops.filter((op) => op.attrs["exact"] === true);
      expect(exact.length).toBeGreaterThan(0);
      expect(exact.every((op) => op.attrs["half"] !== true)).toBe(true);
    });

    it("reads back from its text", () => {
      const text = printModule(halves);
      const read = readModule({ name: "whole.spir", text });
      expect("module" in read && printModule(read.module)).toBe(text);
    });
  });
});
