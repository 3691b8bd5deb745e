import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import { InferenceError } from "../../src/ir/builder.ts";
import { relativeError } from "../support/compare.ts";
import { NetBuilder } from "../support/fixture-modules.ts";
import { cloud } from "../support/source-net.ts";

const EXTENTS = [9, 8];
const one = { padding: [1, 1], dilation: [1, 1] };
const geometry = { kernel: [3, 3], stride: [2, 2], ...one };

/** A weight [taps, n, Cout] of groups as an ordinary one: each output channel reads the channels of its group, and zeros elsewhere. */
function wide(w: Float64Array, taps: number, cin: number, cout: number, groups: number): Float64Array {
  const n = cin / groups;
  const full = new Float64Array(taps * cin * cout);
  for (let tap = 0; tap < taps; tap++) {
    for (let i = 0; i < n; i++) for (let o = 0; o < cout; o++) full[(tap * cin + Math.floor(o / (cout / groups)) * n + i) * cout + o] = w[(tap * n + i) * cout + o]!;
  }
  return full;
}

const cases = fc.record({ seed: fc.nat(1000), groups: fc.integer({ min: 1, max: 4 }), reads: fc.integer({ min: 1, max: 3 }), writes: fc.integer({ min: 1, max: 3 }), rows: fc.integer({ min: 0, max: 30 }) });

describe("convolutions in groups", () => {
  it.each(["subm", "conv", "up"])("%s is the ordinary convolution by a weight that is zero between groups", (name) => {
    fc.assert(fc.property(cases, ({ seed, groups, reads, writes, rows }) => {
      const [cin, cout] = [groups * reads, groups * writes];
      const scene = cloud(seed, rows, 2, EXTENTS, name === "up" ? 1 : cin);
      const random = cloud(seed + 1, 1, 1, [4], 9 * reads * cout).features;
      const weight = Float64Array.from(random);
      const run = (apart: boolean): Float64Array => {
        const net = new NetBuilder(2, name === "up" ? 1 : cin, EXTENTS);
        const w = net.param("w", [3, 3, apart ? reads : cin, cout]);
        const attrs = apart ? { groups } : {};
        const down = (): number => net.op("conv", [net.x, net.param("d", [3, 3, 1, cin])], { ...geometry, sites: "reach" });
        const y = name === "subm" ? net.op("subm", [net.x, w], { kernel: [3, 3], ...one, ...attrs })
          : name === "conv" ? net.op("conv", [net.x, w], { ...geometry, sites: "reach", ...attrs })
          : net.op("up", [down(), w], { ...geometry, onto: net.sites, ...attrs });
        const data = apart ? weight : wide(weight, 9, cin, cout, groups);
        const params = (path: string): { shape: readonly number[]; data: Float64Array } =>
          path === "w" ? { shape: [3, 3, apart ? reads : cin, cout], data } : { shape: [3, 3, 1, cin], data: Float64Array.from({ length: 9 * cin }, (_, i) => Math.sin(i)) };
        const value = interpret(net.finish({ y }), { inputs: { x: scene }, params, batch: 2 }).get("y")!;
        return value.kind === "feat" ? value.data : new Float64Array();
      };
      expect(relativeError(run(true), run(false))).toBeLessThan(1e-12);
    }), { numRuns: 60 });
  });

  it("refuses groups that do not divide the channels", () => {
    const net = new NetBuilder(2, 6, EXTENTS);
    expect(() => net.op("subm", [net.x, net.param("w", [3, 3, 1, 6])], { kernel: [3, 3], ...one, groups: 4 })).toThrow(InferenceError);
  });
});
