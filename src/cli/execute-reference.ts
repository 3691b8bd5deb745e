import { interpret } from "../ir/interp/reference.ts";
import type { ParamTensor, Value } from "../ir/interp/value.ts";
import { number, numbers, string, type Module } from "../ir/module.ts";
import { runLoadPhase, type WeightTensor } from "../runtime/load.ts";
import { denseItems, inputSpecs, type Outputs, type OutputValue, type SceneInputs } from "./files/scene.ts";

/** Weights by their names in the file. */
export type WeightLookup = (name: string) => WeightTensor | undefined;

/** Runs a net- or fused-level module in the reference interpreter. Missing or misshapen weights: SP0501 and SP0502. */
export function executeReference(module: Module, scene: SceneInputs, weights: WeightLookup): Outputs {
  const params = canonicalParams(module, weights);
  const inputs = Object.fromEntries([...scene].map(([name, { coords, features }]) => [name, { coords, features }]));
  const values = interpret(module, { inputs, params: (name) => params.get(name)!, batch: batchOf(module, scene) });
  return new Map([...values].map(([name, value]) => [name, outputOf(value)]));
}

/** Every parameter of a module in canonical shape, float64. */
export function canonicalParams(module: Module, weights: WeightLookup): ReadonlyMap<string, ParamTensor> {
  const ops = module.ops
    .filter((op) => op.name === "param")
    .map(({ attrs }) => ({ op: "param" as const, name: string(attrs, "name"), role: string(attrs, "role"), layout: string(attrs, "layout"), shape: numbers(attrs, "shape"), groups: number(attrs, "groups") }));
  const values = runLoadPhase(ops, weights);
  return new Map(ops.map((op, i) => [op.name, values[i]!]));
}

/** Batch items of a scene: those of its dense inputs, or as many as coordinates name, at least one. */
export function batchOf(module: Module, scene: SceneInputs): number {
  const items = denseItems(scene);
  if (items !== undefined) return items;
  let most = 0;
  for (const { name, axes } of inputSpecs(module)) {
    const coords = scene.get(name)?.coords ?? new Int32Array();
    for (let at = 0; at < coords.length; at += 1 + axes.length) most = Math.max(most, coords[at]!);
  }
  return most + 1;
}

function outputOf(value: Value): OutputValue {
  switch (value.kind) {
    case "feat":
      return { kind: "feat", dim: value.sites.dim, coords: value.sites.coords, channels: value.channels, features: value.data };
    case "vec":
      return { kind: "dense", shape: [value.batch, value.channels], data: value.data };
    case "dense":
      return { kind: "dense", shape: value.shape, data: value.data };
    case "param":
    case "rulebook":
      throw new Error(`internal: a ${value.kind} is no output`);
  }
}
