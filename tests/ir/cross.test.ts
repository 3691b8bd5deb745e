import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { Attrs } from "../../src/ir/module.ts";
import { crossTaps } from "../../src/ir/ops/shape.ts";
import { NetBuilder } from "../support/fixture-modules.ts";
import { relativeError } from "../support/compare.ts";
import { cloud } from "../support/source-net.ts";

/** Offsets of MinkowskiEngine's HYPER_CROSS as its documentation of the region lists them, for 5 × 3. */
const OFFSETS = [[0, 0], [1, 0], [2, 0], [-2, 0], [-1, 0], [0, 1], [0, -1]];
const KERNEL = [5, 3];
const g = { kernel: KERNEL, stride: [2, 2], padding: [2, 1], dilation: [1, 1] };

describe("kernels that are crosses", () => {
  it("have the centre first, then axis by axis the positive and the negative offsets", () => {
    expect(crossTaps(KERNEL)).toEqual(OFFSETS.map(([y, x]) => (y! + 2) * 3 + x! + 1));
    expect(crossTaps([1, 1])).toEqual([0]);
    expect(crossTaps([3])).toEqual([1, 2, 0]);
  });

  it.each(["subm", "conv", "up", "pool"])("%s is the box with nothing off the axes", (name) => {
    const [cin, cout] = [3, 4];
    const cross = Float64Array.from({ length: OFFSETS.length * cin * cout }, (_, i) => Math.sin(1 + 1.7 * i));
    const box = new Float64Array(15 * cin * cout);
    for (const [i, [y, x]] of OFFSETS.entries()) box.set(cross.subarray(i * cin * cout, (i + 1) * cin * cout), ((y! + 2) * 3 + x! + 1) * cin * cout);
    const scene = cloud(3, 40, 2, [9, 8], cin, -2);
    const run = (shape: "cross" | "box"): Float64Array => {
      const net = new NetBuilder(2, cin);
      const w = net.param("w", shape === "cross" ? [OFFSETS.length, cin, cout] : [...KERNEL, cin, cout]);
      const attrs: Attrs = { ...g, shape };
      const { kernel, padding, dilation } = g;
      const down = (): number => net.op("conv", [net.x, net.param("d", [...KERNEL, cin, cin])], { ...g, sites: "floor" });
      const sums = (): number => {
        if (shape === "cross") return net.op("pool", [net.x], { mode: "sum", ...attrs, sites: "floor" });
        // A sum is a convolution by identities at the taps of the cross.
        return net.op("conv", [net.x, net.param("identity", [...KERNEL, cin, cin])], { ...g, sites: "floor" });
      };
      const y = name === "subm" ? net.op("subm", [net.x, w], { kernel, padding, dilation, shape })
        : name === "conv" ? net.op("conv", [net.x, w], { ...attrs, sites: "floor" })
        : name === "up" ? net.op("up", [down(), w], { ...attrs, onto: net.sites }) : sums();
      const identity = new Float64Array(15 * cin * cin);
      for (const [dy, dx] of OFFSETS) for (let c = 0; c < cin; c++) identity[(((dy! + 2) * 3 + dx! + 1) * cin + c) * cin + c] = 1;
      const data: Readonly<Record<string, Float64Array>> = { w: shape === "cross" ? cross : box, d: Float64Array.from({ length: 15 * cin * cin }, (_, i) => Math.cos(i)), identity };
      const params = (path: string): { shape: readonly number[]; data: Float64Array } =>
        ({ shape: path === "w" && shape === "cross" ? [OFFSETS.length, cin, cout] : [...KERNEL, cin, path === "w" ? cout : cin], data: data[path]! });
      const value = interpret(net.finish({ y }), { inputs: { x: scene }, params, batch: 2 }).get("y")!;
      return value.kind === "feat" ? value.data : new Float64Array();
    };
    expect(relativeError(run("cross"), run("box"))).toBeLessThan(1e-12);
  });
});
