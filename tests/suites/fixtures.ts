import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { Value } from "../../src/ir/interp/value.ts";
import type { Module } from "../../src/ir/module.ts";
import type { FeatOutput } from "../../src/runtime/index.ts";
import { outputRowsAt, relativeError } from "../support/compare.ts";
import type { Outputs } from "../support/differential.ts";
import { recordParity } from "../support/parity.ts";
import { layerModule, networkModule, type LayerCase, type NetworkCase } from "../support/fixture-modules.ts";
import { dataOf } from "../support/network-runs.ts";
import { fuse, pipelines, withOutputs } from "../support/plan-runs.ts";
import { fixtureFolder, readFixture, tensorOf, type FixtureTensor } from "../support/safetensors.ts";
import { useTarget, type OpenTarget, type TestTarget } from "../support/target.ts";

type Tensors = ReadonlyMap<string, FixtureTensor>;

const reference = (net: Module, tensors: Tensors, coords: Int32Array, features: Float32Array, batch: number): ReadonlyMap<string, Value> =>
  interpret(net, { inputs: { x: { coords, features } }, params: (name) => tensorOf(tensors, `weights.${name}`), batch });

/** A network against the interpreter, with the fixture's own input and weights. */
async function compare(target: TestTarget, wanted: ReadonlyMap<string, Value>, fused: Module, tensors: Tensors, coords: Int32Array, features: Float32Array, batch: number): Promise<Outputs> {
  const network = await target.open(fused, { weights: (name) => tensors.get(`weights.${name}`) });
  const scene = await network.prepare({ x: coords }, { batch });
  const outputs = await target.working(() => scene.run({ x: features }));
  for (const [name, value] of wanted) {
    if (value.kind === "rulebook") throw new Error("a rulebook is no output");
    const got = outputs[name]!;
    expect(relativeError(dataOf(got), value.data), name).toBeLessThanOrEqual(1e-5);
    if (value.kind === "feat") expect("coords" in got ? got.coords : undefined).toEqual(Int32Array.from(value.sites.coords));
  }
  scene.dispose();
  network.dispose();
  return outputs;
}

/** Values of float32 kernels against recorded ones: what `cases.json` allows them. */
const FLOAT32 = 1e-5;

const casesOf = <T>(folder: string): readonly T[] => (JSON.parse(readFileSync(`${folder}cases.json`, "utf8")) as { cases: T[] }).cases;
const layers = fixtureFolder("layers");
const networks = fixtureFolder("networks");

/** Layers and networks of other systems, with their own input and weights: networks under the pipelines of `chosen`. */
export function fixturesSuite(open: OpenTarget, chosen: (network: string) => typeof pipelines): void {
  const target = useTarget(open);

  describe.skipIf(layers === undefined)(`layers${layers === undefined ? " (skipped: the shared folder fixtures/layers is not here)" : ""}`, () => {
    const cases = layers === undefined ? [] : casesOf<LayerCase>(layers);
    it.each(cases.map((c) => [c.file, c] as const))("%s", async (file, c) => {
      const tensors = readFixture(`${layers}${file}`);
      const inverse = tensors.has("orig_feats");
      const coords = tensorOf(tensors, inverse ? "expect.coords" : "input.coords").data as Int32Array;
      const features = tensorOf(tensors, inverse ? "orig_feats" : "input.features").data as Float32Array;
      const net = layerModule(c);
      const { y } = await compare(target(), reference(net, tensors, coords, features, c.parameters.batch_size), fuse(net, pipelines[2]![1]), tensors, coords, features, c.parameters.batch_size);
      const error = relativeError("coords" in y! ? outputRowsAt(y, tensorOf(tensors, "expect.coords").data) : dataOf(y!), tensorOf(tensors, "expect.features").data);
      recordParity({ folder: "layers", file, target: target().name, error, tolerance: FLOAT32, relative: true });
      expect(error).toBeLessThanOrEqual(FLOAT32);
    });
  });

  describe.skipIf(networks === undefined)(`networks${networks === undefined ? " (skipped: the shared folder fixtures/networks is not here)" : ""}`, () => {
    const cases = networks === undefined ? [] : casesOf<NetworkCase>(networks);
    describe.each(cases.map((c) => [c.network, c] as const))("%s", (network, c) => {
      const tensors = readFixture(`${networks}${c.file}`);
      const net = withOutputs(networkModule(c), [c.output_node]);
      const coords = tensorOf(tensors, "input.coords").data as Int32Array;
      const features = tensorOf(tensors, "input.features").data as Float32Array;
      const batch = 1 + coords.reduce((most, v, i) => (i % 4 === 0 ? Math.max(most, v) : most), 0);
      let wanted: ReadonlyMap<string, Value>;
      beforeAll(() => {
        wanted = reference(net, tensors, coords, features, batch);
      });
      it.each(chosen(network))("%s", async (level, pipeline) => {
        const outputs = await compare(target(), wanted, fuse(net, pipeline), tensors, coords, features, batch);
        const order = tensorOf(tensors, `sites.${c.nodes.find((n) => n.id === c.output_node)!.level_out}`).data;
        const error = relativeError(outputRowsAt(outputs[c.output_node] as FeatOutput, order), tensorOf(tensors, `layer.${c.output_node}.output`).data);
        if (level === "O2") recordParity({ folder: "networks", file: c.file, target: target().name, error, tolerance: FLOAT32, relative: true });
        expect(error).toBeLessThanOrEqual(FLOAT32);
      }, 240_000);
    });
  });
}
