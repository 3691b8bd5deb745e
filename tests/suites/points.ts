import { describe, expect, it } from "vitest";
import { expectRun, wantedOf, type Inputs } from "../support/differential.ts";
import type { FeatOutput } from "../../src/runtime/index.ts";
import { pipelines } from "../support/plan-runs.ts";
import { pointInputs, pointNet } from "../support/point-nets.ts";
import { interpolatedFeatures, nearestFeatures, voxelize } from "../../src/runtime/points/index.ts";
import { outputRowsAt, relativeError } from "../support/compare.ts";
import { netFromText, numbers } from "../support/source-net.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const GRIDS = [1, 2, 3, 4].flatMap((dim) => [
  { dim, bounded: true, rounding: "floor" },
  { dim, bounded: false, rounding: dim % 2 === 0 ? "nearest" : "floor" },
  ...(dim % 2 === 1 ? [{ dim, bounded: true, rounding: "nearest" } as const] : []),
  ...(dim === 2 || dim === 3 ? [{ dim, bounded: true, rounding: dim === 3 ? "nearest" : "floor", most: 11 } as const] : []),
] as const);

export function pointsSuite(open: OpenTarget): void {
  const target = useTarget(open);

  it.each(GRIDS.map((grid) => [grid.dim, "most" in grid ? "limited" : grid.bounded ? "bounded" : "unbounded", grid.rounding, grid] as const))("%d axes, %s, %s: what the interpreter says, with any number of points", async (dim, _bounds, _rounding, grid) => {
    const net = pointNet(grid);
    const network = await openNet(target(), net);
    for (const [rows, batch] of [[150, 3], [1, 1], [0, 2], [33, 1], [64, 2]] as const) {
      const inputs = pointInputs(dim, rows, batch, rows + dim);
      await expectRun(network, inputs, batch, wantedOf(net, inputs, batch), `${rows} points`);
    }
    network.dispose();
  });

  it.each(pipelines)("under %s", async (_name, pipeline) => {
    const net = pointNet({ dim: 2, bounded: true, rounding: "floor" });
    const network = await openNet(target(), net, pipeline);
    const inputs = pointInputs(2, 100, 2, 3);
    await expectRun(network, inputs, 2, wantedOf(net, inputs, 2));
    network.dispose();
  });

  it("grids too large for a bitmap, batch items out of order", async () => {
    const net = netFromText(`spnet 1
net Wide {
  sites P : (z, y, x) = points
  sites V : (z: 40000, y: 40000, x: 40000) = voxels(P, size=0.001, outside=drop)
  sites U : (z, y, x) = voxels(P, size=0.0001)
  input p : feat[P, 3]
  let v = p |> voxelize(onto=V) |> subm(5, k=3)
  let u = p |> voxelize(onto=U/7, reduce=max)
  output low = v |> conv(4, k=2, s=2)
  output back = v |> devoxelize(mode=trilinear)
  output far = u |> devoxelize
}
`);
    const random = numbers(11);
    const inputs: Inputs = {
      p: {
        coords: Float32Array.from({ length: 4 * 300 }, (_, i) => (i % 4 === 0 ? Math.floor(random() * 3) : Math.floor(random() * 8) * 6 + Math.floor(random() * 8) * 0.0005 - 2)),
        features: Float32Array.from({ length: 3 * 300 }, () => random() * 2 - 1),
      },
    };
    const network = await openNet(target(), net);
    await expectRun(network, inputs, 3, wantedOf(net, inputs, 3));
    network.dispose();
  });

  it("all points in one voxel, more than one run of a sort holds; the same bits again", async () => {
    const net = netFromText(`spnet 1
net Crowd {
  sites P : (y, x) = points
  sites V : (y: 4, x: 4) = voxels(P, size=1)
  input p : feat[P, 3]
  let v = p |> voxelize(onto=V)
  output mean = v
  output most = p |> voxelize(onto=V/2, reduce=max)
  output some = p |> voxelize(onto=V, reduce=sum, max_points=7)
  output back = v |> devoxelize(mode=trilinear)
}
`);
    const rows = 5000;
    const inputs: Inputs = {
      p: {
        coords: Float32Array.from({ length: 3 * rows }, (_, i) => (i % 3 === 0 ? 0 : i === 3001 ? 0.5 : 2.25)),
        features: Float32Array.from({ length: 3 * rows }, (_, i) => Math.sin(i)),
      },
    };
    const network = await openNet(target(), net);
    const wanted = wantedOf(net, inputs, 1);
    const first = await expectRun(network, inputs, 1, wanted, "", 1e-4);
    expect((first["mean"] as FeatOutput).rows).toBe(2);
    expect(await expectRun(network, inputs, 1, wanted, "", 1e-4)).toEqual(first);
    expect(await network.run({ p: { coords: inputs["p"]!.coords, features: inputs["p"]!.features } })).toEqual(first);
    network.dispose();
  });

  it.each(["floor", "nearest"] as const)("rounding %s: what the functions of spnet/points say", async (rounding) => {
    const net = netFromText(`spnet 1
net Exchange {
  sites P : (y, x) = points
  sites V : (y: 8, x: 6) = voxels(P, size=0.5, origin=[-2, 1], rounding=${rounding}, outside=drop)
  input p : feat[P, 3]
  let v = p |> voxelize(onto=V)
  output mean = v
  output most = p |> voxelize(onto=V, reduce=max)
  output first = p |> voxelize(onto=V, reduce=first)
  output some = p |> voxelize(onto=V, max_points=2)
  output low = p |> voxelize(onto=V/2)
  output near = v |> devoxelize
  output between = v |> devoxelize(mode=trilinear)
  output all = v |> devoxelize(mode=trilinear, weights=all)
  output coarse = p |> voxelize(onto=V/2) |> devoxelize(mode=trilinear)
}
`);
    const random = numbers(3);
    const rows = 120;
    const places = Float32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? -2.3 : 0.8) + random() * 3.8);
    const features = Float32Array.from({ length: 3 * rows }, () => random() * 2 - 1);
    const network = await openNet(target(), net);
    const outputs = (await network.run({ p: { coords: Float32Array.from({ length: 3 * rows }, (_, i) => (i % 3 === 0 ? 0 : places[2 * Math.floor(i / 3) + (i % 3) - 1]!)), features } })) as Readonly<Record<string, FeatOutput>>;
    network.dispose();

    const points = { columns: 5, data: Float32Array.from({ length: 5 * rows }, (_, i) => (i % 5 < 2 ? places[2 * Math.floor(i / 5) + (i % 5)]! : features[3 * Math.floor(i / 5) + (i % 5) - 2]!)) };
    const grid = { voxel: [0.5, 0.5], range: { min: [-2, 1], max: [2, 4] }, rounding };
    const close = (name: string, got: ArrayLike<number>, wanted: ArrayLike<number>): void => expect(relativeError(got, wanted), name).toBeLessThanOrEqual(1e-6);
    for (const [name, options] of [["mean", {}], ["most", { reduce: "max" }], ["first", { reduce: "first" }], ["some", { maxPoints: 2 }]] as const) {
      const voxels = voxelize(points, { ...grid, ...options });
      const own = Float32Array.from({ length: 3 * voxels.rows }, (_, i) => voxels.features[5 * Math.floor(i / 3) + 2 + (i % 3)]!);
      close(name, outputRowsAt(outputs[name]!, voxels.coords), own);
    }
    const voxels = voxelize(points, grid);
    const inRange = [...voxels.pointRow].map((row) => row >= 0);
    expect(inRange.filter((inside) => !inside).length, "some points are left out").toBeGreaterThan(3);
    const sparse = (name: string): { coords: Int32Array; features: Float32Array; channels: number } => ({ coords: outputs[name]!.coords, features: outputs[name]!.features, channels: 3 });
    const v = { ...sparse("mean"), features: outputRowsAt(outputs["mean"]!, voxels.coords), coords: voxels.coords };
    close("near", outputs["near"]!.features, nearestFeatures(voxels.pointRow, v));
    // Where a point is left out there is nothing, whatever lies around it.
    const steps = places.map((value, i) => Math.fround(Math.fround(value - grid.range.min[i % 2]!) / 0.5));
    const masked = (values: Float32Array): Float32Array => values.map((value, i) => (inRange[Math.floor(i / 3)]! ? value : 0));
    close("between", outputs["between"]!.features, masked(interpolatedFeatures(steps, v)));
    close("all", outputs["all"]!.features, masked(interpolatedFeatures(steps, v, { weights: "all" })));
    close("coarse", outputs["coarse"]!.features, masked(interpolatedFeatures(steps, sparse("low"), { stride: 2 })));
  });

  it("no more voxels than the limit: what spconv's order of first appearance keeps, in every batch item", async () => {
    const net = netFromText(`spnet 1
net Limited {
  sites P : (y, x) = points
  sites V : (y: 8, x: 6) = voxels(P, size=0.5, origin=[-2, 1], outside=drop, max_voxels=9)
  input p : feat[P, 3]
  let v = p |> voxelize(onto=V, max_points=2)
  output v = v
  output low = p |> voxelize(onto=V/2)
  output back = v |> devoxelize
}
`);
    const random = numbers(8);
    const [rows, items] = [160, 2];
    const places = Float32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? -2.3 : 0.8) + random() * 3.8);
    const features = Float32Array.from({ length: 3 * rows }, () => random() * 2 - 1);
    const itemOf = Array.from({ length: rows }, () => Math.floor(random() * items));
    const coords = Float32Array.from({ length: 3 * rows }, (_, i) => (i % 3 === 0 ? itemOf[i / 3]! : places[2 * Math.floor(i / 3) + (i % 3) - 1]!));
    const network = await openNet(target(), net);
    const outputs = (await network.run({ p: { coords, features } }, { batch: items })) as Readonly<Record<string, FeatOutput>>;
    expect(outputs["v"]!.rows).toBe(9 * items);
    for (let item = 0; item < items; item++) {
      const own = itemOf.flatMap((of, row) => (of === item ? [row] : []));
      const points = { columns: 5, data: Float32Array.from(own.flatMap((row) => [...places.subarray(2 * row, 2 * row + 2), ...features.subarray(3 * row, 3 * row + 3)])) };
      const voxels = voxelize(points, { voxel: [0.5, 0.5], range: { min: [-2, 1], max: [2, 4] }, maxPoints: 2, maxVoxels: 9, batch: item });
      const wanted = Float32Array.from({ length: 3 * voxels.rows }, (_, i) => voxels.features[5 * Math.floor(i / 3) + 2 + (i % 3)]!);
      const { coords: sites, features: found } = outputs["v"]!;
      const mine = Array.from({ length: outputs["v"]!.rows }, (_, row) => row).filter((row) => sites[3 * row] === item);
      const v = { rows: mine.length, channels: 3, coords: Int32Array.from(mine.flatMap((row) => [...sites.subarray(3 * row, 3 * row + 3)])), features: Float32Array.from(mine.flatMap((row) => [...found.subarray(3 * row, 3 * row + 3)])) };
      expect(relativeError(outputRowsAt(v, voxels.coords), wanted)).toBeLessThanOrEqual(1e-6);
      const back = own.flatMap((row) => [...outputs["back"]!.features.subarray(3 * row, 3 * row + 3)]);
      expect(relativeError(back, nearestFeatures(voxels.pointRow, { features: wanted, channels: 3 }))).toBeLessThanOrEqual(1e-6);
    }
    expect(outputs["low"]!.rows).toBeLessThan(9 * items);
    network.dispose();
  });

  describe("refuses", () => {
    const net = netFromText(`spnet 1
net Strict {
  sites P : (y, x) = points
  sites V : (y: 4, x: 4) = voxels(P, size=0.5, origin=[-1, 0])
  sites U : (y, x) = voxels(P, size=0.001)
  input p : feat[P, 1]
  input q : feat[P, 2]
  output v = cat(p, q) |> voxelize(onto=V)
  output u = p |> voxelize(onto=U)
}
`);
    const refused = async (p: readonly number[], q: readonly number[] = p, batch?: number): Promise<unknown> => {
      const network = await openNet(target(), net);
      const coords = { p: Float32Array.from(p), q: Float32Array.from(q) };
      const error: unknown = await network.prepare(coords, batch === undefined ? {} : { batch }).catch((e: unknown) => e);
      network.dispose();
      return error;
    };

    it.each([
      ["SP0850", /2 of 3 points lie outside .* first point 1 \(0, 1.5, 0.25\)/, [0, 0, 0, 0, 1.5, 0.25, 0, 0, -0.5]],
      ["SP0832", /point 1: x is NaN/, [0, 0, 0, 0, 0, Number.NaN]],
      ["SP0810", /not a multiple of 3/, [0, 0]],
      ["SP0812", /point 0: batch index -1 is negative/, [-1, 0, 0]],
      ["SP0812", /no whole number/, [0.5, 0, 0]],
    ] as const)("%s", async (code, message, p) => {
      expect(await refused(p)).toMatchObject({ code, message: expect.stringMatching(message) as string });
    });

    it("batch items beyond those asked for, other positions for another input, and cells that nobody can count", async () => {
      expect(await refused([2, 0, 0], [2, 0, 0], 2)).toMatchObject({ code: "SP0812" });
      expect(await refused([0, 0, 0], [0, 0, 0.5])).toMatchObject({ code: "SP0817" });
      const far = netFromText("spnet 1\nnet Far {\n  sites P : (x) = points\n  sites V : (x) = voxels(P, size=0.001)\n  input p : feat[P, 1]\n  output v = p |> voxelize(onto=V)\n}\n");
      const network = await openNet(target(), far);
      await expect(network.prepare({ p: Float32Array.of(0, 3e7) })).rejects.toMatchObject({ code: "SP0833" });
      network.dispose();
    });
  });
}
