import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { DenseValue } from "../../src/ir/interp/value.ts";
import { relativeError } from "../support/compare.ts";
import { convNd, deconvNd, type Sliding, type Tensor } from "../support/dense-nd.ts";
import { netFromText, numbers } from "../support/source-net.ts";

const list = (min: number, max: number): fc.Arbitrary<number[]> => fc.array(fc.integer({ min, max }), { minLength: 3, maxLength: 3 });
const cases = fc.record({
  dim: fc.integer({ min: 1, max: 3 }), k: list(1, 3), s: list(1, 3), p: list(0, 2), d: list(1, 2), extents: list(1, 5),
  groups: fc.constantFrom(1, 2), width: fc.integer({ min: 1, max: 2 }), bias: fc.boolean(), batch: fc.integer({ min: 1, max: 2 }), seed: fc.nat(1000),
});

describe("dense layers on one, two and three axes against loops over indices", () => {
  it("convolutions and transposed ones, of any kernel, stride, padding and dilation that leave a cell", () => {
    const tried = [0, 0];
    fc.assert(fc.property(cases, ({ dim, groups, width, bias, batch, seed, ...rest }) => {
      const [k, s, p, d, extents] = [rest.k, rest.s, rest.p, rest.d, rest.extents].map((all) => all.slice(0, dim)) as [number[], number[], number[], number[], number[]];
      const g: Sliding = { k, s, p, d };
      const [cin, cout] = [groups * width, groups * (1 + (seed % 2))];
      const added = k.map((_, a) => seed % Math.max(s[a]!, d[a]!));
      const fits = extents.every((n, a) => n + 2 * p[a]! >= d[a]! * (k[a]! - 1) + 1);
      const grows = extents.every((n, a) => (n - 1) * s[a]! - 2 * p[a]! + d[a]! * (k[a]! - 1) + added[a]! >= 0);
      const written = `k=[${k.join(", ")}], s=[${s.join(", ")}], p=[${p.join(", ")}], d=[${d.join(", ")}], groups=${groups}, bias=${bias}`;
      const outputs = [
        ...(fits ? [`  output y = x |> conv${dim}d(${cout}, ${written}, w="c")`] : []),
        ...(grows ? [`  output z = x |> deconv${dim}d(${cout}, ${written}, output_padding=[${added.join(", ")}], w="t")`] : []),
      ];
      if (outputs.length === 0) return;
      const net = netFromText(`spnet 1\nnet T {\n  input x : dense[${[cin, ...extents].join(", ")}]\n${outputs.join("\n")}\n}\n`, seed);
      const random = numbers(seed);
      const shape = [batch, cin, ...extents];
      const x: Tensor = { shape, data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() * 2 - 1) };
      const values = interpret(net.module, { inputs: { x: { coords: [], features: x.data } }, params: net.params, batch });
      const weight = (name: string): ArrayLike<number> => net.weights(name)!.data;
      const check = (name: string, wanted: Tensor): void => {
        const value = values.get(name) as DenseValue;
        expect(value.shape).toEqual(wanted.shape);
        expect(relativeError(value.data, wanted.data)).toBeLessThan(1e-9);
      };
      if (fits) check("y", convNd(x, weight("c.weight"), cout, g, bias ? weight("c.bias") : undefined, groups));
      if (grows) check("z", deconvNd(x, weight("t.weight"), cout, g, bias ? weight("t.bias") : undefined, added, groups));
      tried[0]! += fits ? 1 : 0;
      tried[1]! += grows ? 1 : 0;
    }), { numRuns: 250 });
    expect(Math.min(...tried)).toBeGreaterThan(100);
  });
});
