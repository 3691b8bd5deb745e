import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { DenseValue, FeatValue } from "../../src/ir/interp/value.ts";
import { fromDense } from "../../src/runtime/index.ts";
import { cloud, netFromText } from "../support/source-net.ts";

const AXES = ["t", "z", "y", "x"];
const cases = fc.record({
  extents: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  channels: fc.integer({ min: 1, max: 3 }), batch: fc.integer({ min: 1, max: 3 }), fill: fc.constantFrom(0, 0.3, 1), seed: fc.nat(1000), ground: fc.constantFrom(0, 0.5, 0.1),
});

describe("from_dense", () => {
  it("keeps what the run time's function keeps, fills the rest with the ground, and reads known sites", () => {
    fc.assert(fc.property(cases, ({ extents, channels, batch, fill, seed, ground }) => {
      const rows = Math.floor(fill * extents.reduce((a, b) => a * b, 1));
      const scene = cloud(seed, rows, 1, extents, channels);
      // Every third number is the ground, and the last item has no site.
      const x = { coords: scene.coords, features: scene.features.map((v, i) => ((i + seed) % 3 === 0 ? ground : v)) };
      const net = netFromText(`spnet 1
net N {
  sites S : (${extents.map((n, a) => `${AXES.slice(-extents.length)[a]}: ${n}`).join(", ")})
  input x : feat[S, ${channels}]
  let grid = x |> to_dense
  output dense = grid
  output kept = grid |> from_dense
  output field = grid |> from_dense(ground=${ground}) |> to_dense
  output known = grid |> from_dense(onto=x)
}
`);
      const values = interpret(net.module, { inputs: { x }, params: net.params, batch });
      const dense = values.get("dense") as DenseValue;
      const kept = values.get("kept") as FeatValue;
      const wanted = fromDense({ shape: dense.shape, data: Float32Array.from(dense.data) });
      expect([kept.sites.coords, Float32Array.from(kept.data)]).toEqual([wanted.coords, wanted.features]);
      expect(values.get("field")).toEqual(dense);
      expect(Float32Array.from((values.get("known") as FeatValue).data)).toEqual(x.features);
    }), { numRuns: 200 });
  });

  it("begins a grid that sites of the same axes and extents share, whatever strides led to them", () => {
    const net = netFromText(`spnet 1
net N {
  sites S : (y: 8, x: 6)
  sites T : (y: 4, x: 3)
  input a : feat[S, 2]
  input b : feat[T, 2]
  let low = a |> max_pool(k=2, s=2)
  let grid = low |> to_dense
  output both = union(grid |> from_dense, b)
  output same = low + (grid |> from_dense(onto=low))
}
`);
    const [a, b] = [cloud(1, 20, 1, [8, 6], 2), cloud(2, 5, 1, [4, 3], 2)];
    const values = interpret(net.module, { inputs: { a, b }, params: net.params, batch: 1 });
    const [both, same] = [values.get("both") as FeatValue, values.get("same") as FeatValue];
    const at = (x: FeatValue, site: readonly number[], c: number): number => x.data[x.sites.find(site) * 2 + c] ?? 0;
    for (let row = 0; row < both.sites.count; row++) {
      const site = [...both.sites.coords.subarray(3 * row, 3 * row + 3)];
      const of = b.coords.findIndex((_, i) => i % 3 === 0 && site.every((v, k) => b.coords[i + k] === v)) / 3;
      for (const c of [0, 1]) expect(at(both, site, c)).toBeCloseTo(at(same, site, c) / 2 + (of < 0 ? 0 : b.features[of * 2 + c]!), 12);
    }
    expect(both.sites.count).toBeGreaterThan(same.sites.count);
  });
});
