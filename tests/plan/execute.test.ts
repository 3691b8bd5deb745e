import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { lowerToCpuPlan, WASM_STEPS } from "../../src/codegen/wasm/program.ts";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { Module } from "../../src/ir/module.ts";
import { verify } from "../../src/ir/verify.ts";
import { relativeError } from "../support/compare.ts";
import { layerModule, networkModule, type LayerCase, type NetworkCase } from "../support/fixture-modules.ts";
import { fuse, pipelines, withOutputs } from "../support/plan-runs.ts";
import { fixtureFolder, readFixture, tensorOf, type FixtureTensor } from "../support/safetensors.ts";

type Tensors = ReadonlyMap<string, FixtureTensor>;

/** The plan's executor and the interpreter on the same input; both see the weights of the fixture. */
function compare(net: Module, fused: Module, tensors: Tensors, coords: Int32Array, features: Float32Array, batch: number): void {
  const wanted = interpret(net, { inputs: { x: { coords, features } }, params: (name) => tensorOf(tensors, `weights.${name}`), batch });
  for (const [target, plan, columnTile] of [["webgpu", lowerToPlan(fused), Infinity], ["wasm", lowerToCpuPlan(fused), WASM_STEPS.columnTile]] as const) {
    expect(verify(plan), target).toEqual([]);
    const got = executePlan(plan, { x: { coords, features } }, (name) => tensors.get(`weights.${name}`), batch, columnTile);
    for (const [name, value] of wanted) {
      if (value.kind === "rulebook") throw new Error("a rulebook is no output");
      expect(relativeError(got[name]!.data, value.data), `${target} ${name}`).toBeLessThanOrEqual(2e-6);
      if (value.kind === "feat") expect(got[name]!.coords, target).toEqual(Int32Array.from([...value.sites.coords].flat()));
    }
  }
}

const casesOf = <T>(folder: string): readonly T[] => (JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as { cases: T[] }).cases;
const layers = fixtureFolder("layers");
const networks = fixtureFolder("networks");

describe.skipIf(layers === undefined)(`plans of single layers${layers === undefined ? " (skipped: the shared folder fixtures/layers is not here)" : ""}`, () => {
  const cases = layers === undefined ? [] : casesOf<LayerCase>(layers);
  it.each(cases.map((c) => [c.file, c] as const))("%s", (file, c) => {
    const tensors = readFixture(`${layers}${file}`);
    const inverse = tensors.has("orig_feats");
    const coords = tensorOf(tensors, inverse ? "expect.coords" : "input.coords").data as Int32Array;
    const features = tensorOf(tensors, inverse ? "orig_feats" : "input.features").data as Float32Array;
    const net = layerModule(c);
    for (const [, pipeline] of pipelines) compare(net, fuse(net, pipeline), tensors, coords, features, c.parameters.batch_size);
  });
});

describe.skipIf(networks === undefined)(`plans of whole networks${networks === undefined ? " (skipped: the shared folder fixtures/networks is not here)" : ""}`, () => {
  const cases = networks === undefined ? [] : casesOf<NetworkCase>(networks).filter((c) => c.network === "MinkUNet18");
  describe.each(cases.map((c) => [c.network, c] as const))("%s", (_, c) => {
    it.each(pipelines.filter(([level]) => level !== "O1"))("%s", (_name, pipeline) => {
      const tensors = readFixture(`${networks}${c.file}`);
      const net = withOutputs(networkModule(c), [c.output_node]);
      compare(net, fuse(net, pipeline), tensors, tensorOf(tensors, "input.coords").data as Int32Array, tensorOf(tensors, "input.features").data as Float32Array, 2);
    });
  });
});
