import { describe, expect, it } from "vitest";
import { fromDense, SpnetError } from "../../src/runtime/index.ts";
import { fixtureFolder, readFixture, tensorOf } from "../support/safetensors.ts";
import { numbers } from "../support/source-net.ts";

const folder = fixtureFolder("spconv-golden");

describe("fromDense", () => {
  it.skipIf(folder === undefined)(`gives what spconv recorded${folder === undefined ? " (skipped: the shared folder fixtures/spconv-golden is not here)" : ""}`, () => {
    const tensors = readFixture(`${folder}from-dense-3d.safetensors`);
    const { coords, features } = fromDense({ ...tensorOf(tensors, "input.dense"), layout: "channels_last" });
    expect(coords).toEqual(tensorOf(tensors, "expect.coords").data);
    expect(features).toEqual(tensorOf(tensors, "expect.features").data);
  });

  it.each([1, 2, 3, 4])("keeps a cell where any channel differs from 0, on %i axes, channels first and last", (dim) => {
    const random = numbers(dim);
    const extents = [5, 3, 4, 2].slice(0, dim);
    const shape = [2, 3, ...extents];
    const cells = new Map<string, number[]>();
    const first = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const last = new Float32Array(first.length);
    const sizes = extents.reduce((a, b) => a * b, 1);
    for (let b = 0; b < 2; b++) {
      for (let cell = 0; cell < sizes; cell++) {
        if (random() < 0.6) continue;
        // At least one of the three is not 0.
        const row = [0, 1, 2].map((c) => (c === cell % 3 || random() < 0.3 ? Math.fround(random() - 2) : 0));
        const site = extents.map((n, a) => Math.floor(cell / extents.slice(a + 1).reduce((p, m) => p * m, 1)) % n);
        cells.set([b, ...site].join(), row);
        row.forEach((v, c) => {
          first[(b * 3 + c) * sizes + cell] = v;
          last[(b * sizes + cell) * 3 + c] = v;
        });
      }
    }
    for (const given of [fromDense({ shape, data: first }), fromDense({ shape: [2, ...extents, 3], data: last, layout: "channels_last" })]) {
      const rows = Array.from({ length: given.features.length / 3 }, (_, r) => [given.coords.slice(r * (dim + 1), (r + 1) * (dim + 1)).join(), [...given.features.slice(3 * r, 3 * r + 3)]] as const);
      expect(new Map(rows)).toEqual(cells);
      expect(rows.length).toBe(cells.size);
    }
  });

  it("gives nothing of zeros, and one row of one value", () => {
    expect(fromDense({ shape: [1, 2, 3], data: new Float32Array(6) }).coords.length).toBe(0);
    expect(fromDense({ shape: [1, 2, 3], data: [0, 0, 0, 0, 0, Number.NaN] })).toEqual({ coords: Int32Array.of(0, 2), features: Float32Array.of(0, Number.NaN) });
  });

  it("leaves out the cells that hold the ground", () => {
    const data = Float32Array.of(0.1, 0.1, 0, 0.1, /* channel 1 */ 2, 0, 2, 2);
    expect(fromDense({ shape: [1, 2, 4], data, ground: [0.1, 2] })).toEqual({ coords: Int32Array.of(0, 1, 0, 2), features: Float32Array.of(0.1, 0, 0, 2) });
    expect(fromDense({ shape: [1, 2, 1], data: [1, 1], ground: 1 }).coords.length).toBe(0);
    expect(fromDense({ shape: [1, 1, 2], data: [0, Number.NaN], ground: 1, layout: "channels_first" }).coords).toEqual(Int32Array.of(0, 0, 0, 1));
    expect(() => fromDense({ shape: [1, 2, 4], data, ground: [1] })).toThrow(expect.objectContaining({ code: "SP0871" }) as SpnetError);
  });

  it("refuses shapes that do not fit", () => {
    for (const [shape, length] of [[[2, 3], 6], [[1, 2, 3], 5], [[1, 1, 1, 1, 1, 1, 1], 1], [[1, -2, 3], 6]] as const) {
      expect(() => fromDense({ shape, data: new Float32Array(length) })).toThrow(expect.objectContaining({ code: "SP0871" }) as SpnetError);
    }
  });
});
