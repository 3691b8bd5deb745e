import { describe, expect, it } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { WEBGPU_STEPS } from "../../src/codegen/plan/lower-steps.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { storeHalves } from "../../src/codegen/plan/store-halves.ts";
import { DESKTOP_WORKGROUP_BYTES, WORKGROUP_BYTES } from "../../src/codegen/wgsl/kernels/shape.ts";
import type { Module } from "../../src/ir/module.ts";
import { presetPipeline, withOptions } from "../../src/passes/presets.ts";
import { randomInputs } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";

const pairNet = (channels: number): ReturnType<typeof netFromText> => netFromText(`spnet 1
net Pair {
  sites S : (z, y, x)
  input v : feat[S, ${channels}]
  output out = v |> subm(${channels}, k=3, w="a") |> relu |> subm(${channels}, k=3, w="b")
}
`);

type Options = Parameters<typeof withOptions>[2];
const paired = (module: Module, options: Options): Module => fuse(module, withOptions(presetPipeline("O2"), "fuse-pairs", { pairs: "always", ...options }));

/** Halo rows of the one pair, its kernel's bytes on chip, and what the plan asks of a device. */
function pairOf(module: Module, options: Options, halves = false) {
  const fused = paired(module, options);
  const lowered = lowerToPlan(fused);
  const { plan, kernels } = buildProgram(halves ? storeHalves(lowered) : lowered);
  const pair = kernels.find((k) => k.code.includes("var<workgroup> middle"))!;
  return { rows: Number(fused.ops.find((op) => op.name === "rulebook.halo")!.attrs["capacity"]), bytes: pair.workgroupBytes, code: pair.code, limits: plan.limits };
}

describe("rows between the convolutions of a pair", () => {
  const { module } = pairNet(64);

  it("fit twice as often in float16, on the memory that every device has", () => {
    const [wide, narrow] = [pairOf(module, {}), pairOf(module, { numbers: "f16" }, true)];
    expect(wide).toMatchObject({ rows: 47, limits: undefined });
    expect(narrow).toMatchObject({ rows: 95, limits: undefined });
    expect(wide.code).toContain("var<workgroup> middle: array<vec4f, 768u>");
    expect(narrow.code).toContain("var<workgroup> middle: array<vec4h, 1536u>");
    for (const { bytes } of [wide, narrow]) expect(bytes).toBeLessThanOrEqual(WORKGROUP_BYTES);
  });

  it("take the memory of desktops where they may, and the plan says so", () => {
    const { rows, bytes, limits } = pairOf(module, { bytes: DESKTOP_WORKGROUP_BYTES });
    expect(rows).toBe(111);
    expect(bytes).toBeGreaterThan(WORKGROUP_BYTES);
    expect(bytes).toBeLessThanOrEqual(DESKTOP_WORKGROUP_BYTES);
    expect(limits).toEqual({ maxComputeWorkgroupStorageSize: bytes });
  });

  it("planned for float16 and kept in float32 ask for what they then need", () => {
    const { bytes, limits } = pairOf(module, { numbers: "f16" });
    expect(limits).toEqual({ maxComputeWorkgroupStorageSize: bytes });
  });

  it("are rounded as rows between two kernels are", () => {
    const net = pairNet(12);
    const inputs = randomInputs(net.module, 3, 90, 2);
    const run = (fused: Module): readonly number[] => {
      const value = executePlan(storeHalves(lowerToPlan(fused)), inputs, net.weights, 2)["out"]!;
      return Array.from(value.data);
    };
    expect(run(paired(net.module, { numbers: "f16" }))).toEqual(run(fuse(net.module, presetPipeline("O2"))));
  });
});

describe("lists of 125 taps", () => {
  const net = netFromText(`spnet 1
net Wide {
  sites S : (z, y, x)
  input v : feat[S, 16]
  output out = v |> subm(16, k=5, w="a")
}
`);
  const build = (workgroupBytes: number) => buildProgram(lowerToPlan(fuse(net.module, presetPipeline("O2")), { ...WEBGPU_STEPS, workgroupBytes }));

  it("are too long for 16 KiB, and streamed on desktops", () => {
    const [portable, desktop] = [build(WORKGROUP_BYTES), build(DESKTOP_WORKGROUP_BYTES)];
    expect(portable.plan.limits).toBeUndefined();
    expect(portable.kernels.some((k) => k.code.includes("var<workgroup> lists"))).toBe(false);
    const streamed = desktop.kernels.find((k) => k.code.includes("var<workgroup> lists"))!;
    expect(desktop.plan.limits).toEqual({ maxComputeWorkgroupStorageSize: streamed.workgroupBytes });
  });
});
