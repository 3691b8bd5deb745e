import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import { relativeError } from "../support/compare.ts";
import { NetBuilder } from "../support/fixture-modules.ts";
import { tapBetween } from "../support/site-oracle.ts";
import { cloud } from "../support/source-net.ts";

const geometry = fc.constantFrom([3, 2, 1, 1], [2, 2, 0, 1], [3, 1, 1, 1], [3, 2, 2, 2], [2, 3, 0, 1]).map(([k, s, p, d]) => ({ kernel: [k!, k!], stride: [s!, s!], padding: [p!, p!], dilation: [d!, d!] }));
const cases = fc.record({ g: geometry, seed: fc.nat(1000), rows: fc.integer({ min: 0, max: 30 }), channels: fc.integer({ min: 1, max: 4 }), sites: fc.constantFrom("reach", "floor"), mode: fc.constantFrom("sum", "avg") });

describe("unpool", () => {
  it("gives each finer site the sum or the average of the coarser rows that its pairs name, compared one by one", () => {
    fc.assert(fc.property(cases, ({ g, seed, rows, channels, sites, mode }) => {
      const net = new NetBuilder(2, channels, undefined);
      const pooled = net.op("pool", [net.x], { mode: "max", ...g, sites });
      const type = net.b.typeOf(pooled);
      if (type.kind !== "feat" || type.sites === net.sites) return;
      const module = net.finish({ pooled, y: net.op("unpool", [pooled], { mode, ...g, onto: net.sites }) });
      const scene = cloud(seed, rows, 2, [7, 6], channels, -3);
      const outputs = interpret(module, { inputs: { x: scene }, params: () => { throw new Error("none"); }, batch: 2 });
      const [coarse, y] = [outputs.get("pooled") as FeatValue, outputs.get("y") as FeatValue];
      const at = (coords: Int32Array, row: number): number[] => [...coords.subarray(3 * row, 3 * row + 3)];
      const wanted = new Float64Array(rows * channels);
      for (let fine = 0; fine < rows; fine++) {
        const found = Array.from({ length: coarse.sites.count }, (_, o) => o).filter((o) => tapBetween(at(scene.coords, fine), at(coarse.sites.coords, o), g) !== undefined);
        for (let c = 0; c < channels; c++) {
          const sum = found.reduce((n, o) => n + coarse.data[o * channels + c]!, 0);
          wanted[fine * channels + c] = mode === "avg" && found.length > 0 ? sum / found.length : sum;
        }
      }
      expect(relativeError(y.data, wanted)).toBeLessThan(1e-12);
    }), { numRuns: 80 });
  });
});
