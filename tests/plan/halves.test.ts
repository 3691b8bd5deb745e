import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { numberToHalf } from "../../src/codegen/plan/half.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { PlanReader } from "../../src/codegen/plan/plan-reader.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import { printModule } from "../../src/ir/print.ts";
import { readModule } from "../../src/ir/read.ts";
import { verify } from "../../src/ir/verify.ts";
import { halfToNumber } from "../../src/runtime/safetensors.ts";
import { relativeError } from "../support/compare.ts";
import { randomInputs, wantedOf } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { HALF_NETS } from "../support/half-nets.ts";

describe("float16", () => {
  it("of every half is that half", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfToNumber(bits);
      if (Number.isNaN(value)) expect(numberToHalf(value)).toBe(0x7e00);
      else expect(numberToHalf(value)).toBe(bits);
    }
  });

  it("is the nearest half, and the even one of two", () => {
    fc.assert(fc.property(fc.oneof(fc.float({ min: -65519, max: 65519, noNaN: true }), fc.float({ min: Math.fround(-1e-4), max: Math.fround(1e-4), noNaN: true })), (value) => {
      const bits = numberToHalf(value);
      const distance = Math.abs(halfToNumber(bits) - value);
      for (const near of [bits - 1, bits + 1]) {
        if ((near & 0x8000) !== (bits & 0x8000) || (near & 0x7c00) === 0x7c00) continue;
        const other = Math.abs(halfToNumber(near) - value);
        expect(distance < other || (distance === other && bits % 2 === 0)).toBe(true);
      }
    }), { numRuns: 20_000 });
    expect([65520, -1e9, 65519.9].map(numberToHalf)).toEqual([0x7c00, 0xfc00, 0x7bff]);
  });
});

describe.each(HALF_NETS)("rows between layers in float16: $name", ({ net }) => {
  describe.each(pipelines)("%s", (_, pipeline) => {
    const plan = lowerToPlan(fuse(net.module, pipeline));
    const halves = storeHalves(plan);

    it("says so in the plan, which is printed, read back and checked", () => {
      expect(verify(halves)).toEqual([]);
      const text = printModule(halves);
      expect(text).toContain("half = true");
      const read = readModule({ name: "halves.spir", text });
      expect("module" in read && printModule(read.module)).toBe(text);
      const { plan: data, kernels } = buildProgram(halves);
      expect(data.features).toEqual(["shader-f16"]);
      expect(buildProgram(plan).plan.features).toBeUndefined();
      expect(kernels.some((k) => k.code.includes("enable f16;"))).toBe(true);
      // What callers give and get stays as it was.
      for (const { buffer } of [...data.inputs, ...data.outputs]) expect(data.buffers[buffer]!.half).toBeUndefined();
      const reader = new PlanReader(halves);
      expect(reader.buffers.filter((b) => b.half === true).length).toBeGreaterThan(0);
    });

    it("means the same to three digits", () => {
      const inputs = randomInputs(net.module, 5, 150, 2);
      const wanted = wantedOf(net, inputs, 2);
      const [exact, rounded] = [plan, halves].map((p) => executePlan(p, inputs, net.weights, 2));
      let differ = 0;
      for (const [name, value] of wanted) {
        if (value.kind === "rulebook" || value.kind === "param") throw new Error("no output");
        expect(relativeError(exact![name]!.data, value.data), name).toBeLessThanOrEqual(1e-5);
        const error = relativeError(rounded![name]!.data, value.data);
        expect(error, name).toBeLessThanOrEqual(5e-3);
        if (error > 1e-5) differ++;
      }
      expect(differ).toBeGreaterThan(0);
    });
  });
});
