import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { FeatValue, Value } from "../../src/ir/interp/value.ts";
import type { Module } from "../../src/ir/module.ts";
import { relativeError, rowsAt } from "../support/compare.ts";
import { layerModule, networkModule, type LayerCase, type NetworkCase } from "../support/fixture-modules.ts";
import { recordParity } from "../support/parity.ts";
import { fixtureFolder, readFixture, tensorOf, type FixtureTensor } from "../support/safetensors.ts";

type Tensors = ReadonlyMap<string, FixtureTensor>;

const casesOf = <T>(folder: string): readonly T[] => (JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as { cases: T[] }).cases;

function run(module: Module, tensors: Tensors, coords: string, features: string, batch: number, observe?: (name: string, value: Value) => void): ReadonlyMap<string, Value> {
  const nameOf = new Map(module.outputs.map((o) => [o.value, o.name]));
  return interpret(module, {
    inputs: { x: { coords: tensorOf(tensors, coords).data, features: tensorOf(tensors, features).data } },
    params: (name) => tensorOf(tensors, `weights.${name}`),
    batch,
    observe: (op, results) => op.results.forEach((v, i) => nameOf.has(v) && observe?.(nameOf.get(v)!, results[i]!)),
  });
}

const layers = fixtureFolder("layers");

describe.skipIf(layers === undefined)(`fixtures of single layers${layers === undefined ? " (skipped: the shared folder fixtures/layers is not here)" : ""}`, () => {
  const cases = layers === undefined ? [] : casesOf<LayerCase>(layers);

  it.each(cases.map((c) => [c.file, c] as const))("%s", (file, c) => {
    const tensors = readFixture(`${layers}${file}`);
    const inverse = tensors.has("orig_feats");
    const outputs = run(layerModule(c), tensors, inverse ? "expect.coords" : "input.coords", inverse ? "orig_feats" : "input.features", c.parameters.batch_size);
    const wanted = tensorOf(tensors, "expect.features").data;
    const y = outputs.get("y");
    const error = relativeError((y as FeatValue).data, wanted);
    recordParity({ folder: "layers", file, target: "interpreter", error, tolerance: c.tolerance.rel, relative: true });
    expect(error).toBeLessThanOrEqual(c.tolerance.rel);
    if (y?.kind === "vec") return;
    const coords = tensorOf(tensors, "expect.coords").data;
    expect((y as FeatValue).sites.coords, "rows in the caller's order, or sorted").toEqual(coords);
    if (inverse) {
      const down = rowsAt(outputs.get("down") as FeatValue, tensorOf(tensors, "input.coords").data);
      expect(relativeError(down, tensorOf(tensors, "input.features").data)).toBeLessThanOrEqual(c.tolerance.rel);
    }
  });
});

const networks = fixtureFolder("networks");

describe.skipIf(networks === undefined)(`fixtures of whole networks${networks === undefined ? " (skipped: the shared folder fixtures/networks is not here)" : ""}`, () => {
  const cases = networks === undefined ? [] : casesOf<NetworkCase>(networks);

  it.each(cases.map((c) => [c.network, c] as const))("%s, every recorded layer", (_, c) => {
    const tensors = readFixture(`${networks}${c.file}`);
    let [compared, most] = [0, 0];
    const level = new Map(c.nodes.map((n) => [n.id, n.level_out]));
    run(networkModule(c), tensors, "input.coords", "input.features", 2, (name, value) => {
      const wanted = tensors.get(`layer.${name}.output`);
      if (wanted === undefined) return;
      const rows = rowsAt(value as FeatValue, tensorOf(tensors, `sites.${level.get(name)}`).data);
      const error = relativeError(rows, wanted.data);
      expect(error, name).toBeLessThanOrEqual(c.tolerance.rel);
      most = Math.max(most, error);
      compared++;
    });
    recordParity({ folder: "networks", file: c.file, target: "interpreter", error: most, tolerance: c.tolerance.rel, relative: true });
    const recorded = [...tensors.keys()].filter((k) => k.startsWith("layer.") && level.has(k.slice(6, -7)));
    expect(compared).toBe(recorded.length);
    expect(compared).toBeGreaterThan(10);
  });
});
