import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/cli/random.ts";
import { penStrokes } from "../../src/cli/scan/strokes.ts";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { DenseValue, FeatValue } from "../../src/ir/interp/value.ts";
import { relativeError } from "../support/compare.ts";
import { denseOutputs, rowAt, type Field } from "../support/dense-field.ts";
import { convNd } from "../support/dense-nd.ts";
import { EXTENT, randomGroundNet } from "../support/ground-nets.ts";
import type { Inputs } from "../support/differential.ts";
import { example } from "../passes/support.ts";
import { cloud, netFromModule, netFromText, numbers, type SourceNet } from "../support/source-net.ts";

const BATCH = 2;

/** Rows of a field at the active sites, −1 where one lies outside of the box. */
const rowsAt = (field: Field, { sites }: FeatValue): readonly number[] => {
  const width = sites.dim + 1;
  return Array.from({ length: sites.count }, (_, row) => rowAt(field, sites.coords[row * width]!, [...sites.coords.subarray(row * width + 1, (row + 1) * width)]));
};

const gather = (field: Field, rows: readonly number[]): Float64Array => Float64Array.from(rows.flatMap((row) => [...field.data.subarray(row * field.channels, (row + 1) * field.channels)]));

/** The dense network on a box that is large enough for every active site of `y`. */
function denseAround(net: SourceNet, inputs: Inputs, y: FeatValue): { readonly field: Field; readonly rows: readonly number[] } {
  for (const margin of [5, 10, 20, 40, 80]) {
    const field = denseOutputs(net.module, { inputs, params: net.params, batch: BATCH, margin }).get("y")!;
    const rows = rowsAt(field, y);
    if (!rows.includes(-1)) return { field, rows };
  }
  throw new Error("no box is large enough");
}

/** A scene in the middle of a box: `side` cells per axis. */
const sceneOf = (seed: number, dim: number, bounded: boolean, channels: number, rows: number): { coords: Int32Array; features: Float32Array } => {
  const side = [0, 20, 7, 4][dim]!;
  return cloud(seed, rows, BATCH, Array.from({ length: dim }, () => side), channels, bounded ? Math.floor((EXTENT[dim]! - side) / 2) : -Math.floor(side / 2));
};

describe("networks with a ground, interpreted", () => {
  for (const dim of [1, 2, 3]) {
    for (const bounded of [false, true]) {
      it(`are the dense network at every active site, ${dim} ${dim === 1 ? "axis" : "axes"}, ${bounded ? "bounded" : "unbounded"}`, () => {
        let [met, grounds] = [0, 0];
        for (let seed = 1; seed <= (dim === 3 ? 8 : 25); seed++) {
          const made = randomGroundNet(100 * dim + seed, dim, bounded);
          const net = netFromText(made.text, seed);
          const inputs = { a: sceneOf(seed, dim, bounded, made.channels, 1 + (seed % 9)) };
          const values = interpret(net.module, { inputs, params: net.params, batch: BATCH });
          const y = values.get("y") as FeatValue;
          const { field, rows } = denseAround(net, inputs, y);
          expect(relativeError(y.data, gather(field, rows)), made.text).toBeLessThan(1e-11);
          met += y.sites.count;
          const ground = Array.from({ length: field.channels }, (_, c) => y.ground![c]!);
          if (ground.some((v) => Math.abs(v) > 1e-3)) grounds++;
          // Every other cell of the box holds the ground.
          const active = new Set(rows);
          const rest = Array.from({ length: field.data.length / field.channels }, (_, row) => row).filter((row) => !active.has(row));
          expect(relativeError(gather(field, rest), Float64Array.from(rest.flatMap(() => ground))), made.text).toBeLessThan(1e-11);
          if (bounded) expect((values.get("dense") as DenseValue).data.reduce((s, v) => s + v, 0)).toBeCloseTo(field.data.reduce((s, v) => s + v, 0), 6);
        }
        expect(met).toBeGreaterThan(100);
        expect(grounds).toBeGreaterThan(5);
      });
    }
  }
});

describe("dense layers behind a field", () => {
  it.each(["", '(fold="z")'])("work on what to_dense%s fills with the ground", (form) => {
    const [layer, k] = form === "" ? ["conv3d", [3, 3, 3]] : ["conv2d", [3, 3]];
    const net = netFromText(`spnet 1\nnet T {\n  sites S : (z: 4, y: 7, x: 6) ground=[0.5, -1]\n  input a : feat[S, 2]\n  let d = a |> conv(3, k=2, p=0, sites=reach, bias=true, w="p") |> sigmoid |> to_dense${form}\n  output dense = d\n  output y = d |> ${layer}(4, k=3, p=1, bias=true, w="q")\n}\n`);
    for (const rows of [0, 1, 40]) {
      const values = interpret(net.module, { inputs: { a: cloud(3 + rows, rows, 2, [4, 7, 6], 2) }, params: net.params, batch: 2 });
      const [dense, y] = [values.get("dense") as DenseValue, values.get("y") as DenseValue];
      const ones = k.map(() => 1);
      const wanted = convNd(dense, net.weights("q.weight")!.data, 4, { k, s: ones, p: ones, d: ones }, net.weights("q.bias")!.data);
      expect(y.shape).toEqual(wanted.shape);
      expect(relativeError(y.data, wanted.data)).toBeLessThan(1e-11);
      if (rows === 0) expect(Math.min(...dense.data)).toBeGreaterThan(0);
    }
  });

  it("meet the field again by from_dense on its ground", () => {
    const net = netFromText(`spnet 1\nnet T {\n  input i : dense[2, 9, 8]\n  let f = i |> from_dense(ground=[0.5, -1])\n  output sparse = f |> conv(3, k=3, p=0, sites=reach, bias=true, w="a") |> relu |> max_pool(k=2, s=1, p=0, sites=reach) |> to_dense\n}\n`);
    const random = numbers(4);
    const features = Float32Array.from({ length: 144 }, (_, i) => (random() < 0.3 ? random() : i < 72 ? 0.5 : -1));
    const { data, shape } = interpret(net.module, { inputs: { i: { coords: [], features } }, params: net.params, batch: 1 }).get("sparse") as DenseValue;
    const dense = netFromText(`spnet 1\nnet T {\n  input i : dense[2, 9, 8]\n  output y = i |> conv2d(3, k=3, bias=true, w="a") |> relu |> max_pool(k=2)\n}\n`);
    const kernel = net.params("a.weight");
    const wanted = interpret(dense.module, { inputs: { i: { coords: [], features } }, params: (name) => (name === "a.weight" ? kernel : net.params(name)), batch: 1 }).get("y") as DenseValue;
    expect(shape).toEqual(wanted.shape);
    expect(relativeError(data, wanted.data)).toBeLessThan(1e-11);
  });
});

describe("DeepCNet, from a field of 96 cells a side", () => {
  const strokes = penStrokes(new Random(3), [96, 96], 2);
  const inputs = { strokes: { coords: Int32Array.from({ length: (strokes.indices.length / 2) * 3 }, (_, i) => (i % 3 === 0 ? 0 : strokes.indices[Math.floor(i / 3) * 2 + (i % 3) - 1]!)), features: strokes.values } };

  it("gives the scores of the dense network", () => {
    const net = netFromModule(example("deepcnet", { width: 5 }));
    const y = interpret(net.module, { inputs, params: net.params, batch: 1 }).get("scores") as FeatValue;
    const field = denseOutputs(net.module, { inputs, params: net.params, batch: 1, margin: 0 }).get("scores")!;
    expect([field.low, field.high, y.sites.count]).toEqual([[0, 0], [1, 1], 1]);
    expect(relativeError(y.data, field.data)).toBeLessThan(1e-11);
  });

  it("and others without a ground", () => {
    const net = netFromText(readFileSync(new URL("../../examples/deepcnet.spnet", import.meta.url), "utf8").replace(" ground=0", "").replace("width: int = 40", "width: int = 5"));
    const grounded = netFromModule(example("deepcnet", { width: 5 }));
    const scores = [net, grounded].map(({ module, params }) => (interpret(module, { inputs, params, batch: 1 }).get("scores") as FeatValue).data);
    expect(relativeError(scores[0]!, scores[1]!)).toBeGreaterThan(1e-2);
  });
});
