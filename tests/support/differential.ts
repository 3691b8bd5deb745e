import { expect } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { Value } from "../../src/ir/interp/value.ts";
import { number, siteAttr, string, type Module } from "../../src/ir/module.ts";
import type { DenseOutput, FeatOutput } from "../../src/runtime/index.ts";
import { relativeError } from "./compare.ts";
import { dataOf, type AnyNetwork } from "./network-runs.ts";
import { pipelines } from "./plan-runs.ts";
import { cloud, numbers, type SourceNet } from "./source-net.ts";

/** Rows of each input, of points their positions; of a dense one no coordinates, and the numbers of [batch, channels, extents…]. */
export type Inputs = Readonly<Record<string, { readonly coords: Int32Array | Float32Array; readonly features: Float32Array }>>;
export type Outputs = Readonly<Record<string, FeatOutput | DenseOutput>>;

/** The pipeline that networks are compiled by unless a test is about another. */
export const STANDARD = pipelines[2]![1];

/** What the interpreter makes of the network as written. */
export const wantedOf = (net: SourceNet, inputs: Inputs, batch: number): ReadonlyMap<string, Value> =>
  interpret(net.module, { inputs, params: net.params, batch });

/** Prepares, runs and checks against `wanted`; returns the outputs. */
export async function expectRun(network: AnyNetwork, inputs: Inputs, batch: number, wanted: ReadonlyMap<string, Value>, what = "", tolerance = 1e-5): Promise<Outputs> {
  const pick = <K extends "coords" | "features">(key: K): Record<string, Inputs[string][K]> => Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, value[key]]));
  const sites = new Set(network.plan.inputs.filter((input) => input.shape === undefined).map((input) => input.name));
  const scene = await network.prepare(Object.fromEntries(Object.entries(pick("coords")).filter(([name]) => sites.has(name))), { batch });
  const outputs = await scene.run(pick("features"));
  scene.dispose();
  expectSame(outputs, wanted, what, tolerance);
  return outputs;
}

/** Same names, same sites in the same order, same shapes, and numbers within `tolerance` of the largest. */
export function expectSame(outputs: Outputs, wanted: ReadonlyMap<string, Value>, what = "", tolerance = 1e-5): void {
  expect(Object.keys(outputs), what).toEqual([...wanted.keys()]);
  for (const [name, value] of wanted) compareOutput(outputs[name]!, value, `${what} ${name}`, tolerance);
}

/** One output: same sites in the same order, same shape, and numbers within `tolerance` of the largest. Returns how far they are. */
export function compareOutput(got: Outputs[string], value: Value, label: string, tolerance: number): number {
  if (value.kind === "rulebook" || value.kind === "param") throw new Error(`${label} is a ${value.kind}`);
  if ("coords" in got) {
    if (value.kind !== "feat") throw new Error(`${label} is a ${value.kind}, not features`);
    expect(got.coords, label).toEqual(value.sites.coords);
    expect([got.rows, got.channels], label).toEqual([value.sites.count, value.channels]);
  } else {
    if (value.kind === "feat") throw new Error(`${label} has no sites`);
    expect(got.shape, label).toEqual(value.kind === "vec" ? [value.batch, value.channels] : value.shape);
  }
  const error = relativeError(dataOf(got), value.data);
  expect(error, label).toBeLessThanOrEqual(tolerance);
  return error;
}

/** Positions around the origin, on and between the borders of small cells, some of them twice. */
function somePositions(seed: number, rows: number, batch: number, axes: number): Float32Array {
  const random = numbers(seed);
  const out = new Float32Array(rows * (axes + 1));
  for (let row = 0; row < rows; row++) {
    const again = row > 0 && random() < 0.2 ? Math.floor(random() * row) : -1;
    for (let c = 0; c <= axes; c++) {
      const drawn = c === 0 ? Math.floor(random() * batch) : random() < 0.3 ? Math.floor(random() * 8) - 1 : random() * 8 - 1;
      out[row * (axes + 1) + c] = again < 0 ? drawn : out[again * (axes + 1) + c]!;
    }
  }
  return out;
}

/** Random rows for every input: at most `rows`, within the extents, or on both sides of the origin where there are none. A dense input has half of its cells. */
export function randomInputs(module: Module, seed: number, rows: number, batch: number): Inputs {
  const coordsOf = new Map<string, Int32Array | Float32Array>();
  const inputs = module.ops.filter((op) => op.name === "input").map((op, i): [string, Inputs[string]] => {
    const [site, channels] = [siteAttr(op.attrs, "sites"), number(op.attrs, "channels")];
    const def = module.sites.def(site);
    if (def.kind === "points") {
      const positions = coordsOf.get(site) ?? somePositions(seed + i, rows, batch, def.axes.length);
      coordsOf.set(site, positions);
      const draw = numbers(seed + 1000 + i);
      return [string(op.attrs, "name"), { coords: positions, features: Float32Array.from({ length: rows * channels }, () => draw() * 2 - 1) }];
    }
    const extents = module.sites.extents(site);
    if (module.sites.isFull(site)) {
      const random = numbers(seed + i);
      return [string(op.attrs, "name"), { coords: new Int32Array(0), features: Float32Array.from({ length: extents!.reduce((a, b) => a * b, batch * channels) }, () => Math.max(0, random() * 2 - 1)) }];
    }
    const side = Math.ceil((rows * 2) ** (1 / module.sites.dim(site)));
    const box = extents ?? module.sites.axes(site).map(() => side);
    const most = Math.min(rows, box.reduce((a, b) => a * b, batch));
    const coords = coordsOf.get(site) ?? cloud(seed + i, most, batch, box, 0, extents === undefined ? -Math.ceil(side / 2) : 0).coords;
    coordsOf.set(site, coords);
    const random = numbers(seed + 1000 + i);
    return [string(op.attrs, "name"), { coords, features: Float32Array.from({ length: most * channels }, () => random() * 2 - 1) }];
  });
  return Object.fromEntries(inputs);
}
