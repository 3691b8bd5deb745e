import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { DenseValue } from "../../src/ir/interp/value.ts";
import { relativeError } from "../support/compare.ts";
import { bilinear, collapsed, concat, conv2d, deconv2d, groupNorm, nearest, normRelu, pool2d, type DenseGeometry, type Image } from "../support/dense-oracle.ts";
import { cloud, netFromText, type SourceNet } from "../support/source-net.ts";

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
const cases = fc.record({
  g: fc.record({ k: pair(1, 4), s: pair(1, 3), p: pair(0, 2), d: pair(1, 2) }),
  extents: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 6 })),
  channels: fc.integer({ min: 1, max: 3 }), cout: fc.integer({ min: 1, max: 4 }), bias: fc.boolean(),
  batch: fc.integer({ min: 1, max: 3 }), fill: fc.constantFrom(0, 0.1, 0.5, 1), seed: fc.nat(1000),
});

const written = ({ k, s, p, d }: DenseGeometry): string => Object.entries({ k, s, p, d }).map(([name, list]) => `${name}=[${list.join(", ")}]`).join(", ");
const tensor = (net: SourceNet, name: string): ArrayLike<number> => net.weights(name)!.data;

function textOf([z, y, x]: readonly number[], channels: number, body: string): string {
  return `spnet 1\nnet T {\n  sites S : (z: ${z}, y: ${y}, x: ${x})\n  input v : feat[S, ${channels}]\n  let d = v |> to_dense(fold="z")\n  ${body}\n}\n`;
}

/** Sites of the last batch item only, so that others are empty, as many as `fill` of the cells. */
function sceneOf(seed: number, extents: readonly number[], channels: number, batch: number, fill: number): { coords: Int32Array; features: Float32Array } {
  const scene = cloud(seed, Math.floor(fill * extents.reduce((a, b) => a * b, 1)), 1, extents, channels);
  return { ...scene, coords: scene.coords.map((c, i) => (i % 4 === 0 ? batch - 1 : c)) };
}

function expectImage(net: SourceNet, scene: { coords: Int32Array; features: Float32Array }, batch: number, name: string, wanted: Image): void {
  const value = interpret(net.module, { inputs: { v: scene }, params: net.params, batch }).get(name) as DenseValue;
  expect(value.shape).toEqual(wanted.shape);
  expect(relativeError(value.data, wanted.data)).toBeLessThan(1e-9);
}

describe("dense layers against loops over [N, C, H, W]", () => {
  it("conv2d, of any kernel, stride, padding and dilation that leave a cell", () => {
    let tried = 0;
    fc.assert(fc.property(cases, ({ g, extents, channels, cout, bias, batch, fill, seed }) => {
      if ([0, 1].some((a) => extents[a + 1]! + 2 * g.p[a]! < g.d[a]! * (g.k[a]! - 1) + 1)) return;
      tried++;
      const net = netFromText(textOf(extents, channels, `output y = d |> conv2d(${cout}, ${written(g)}, bias=${bias}, w="c")`), seed);
      const scene = sceneOf(seed, extents, channels, batch, fill);
      const x = collapsed(scene.coords, scene.features, channels, batch, extents);
      expectImage(net, scene, batch, "y", conv2d(x, tensor(net, "c.weight"), cout, g, bias ? tensor(net, "c.bias") : undefined));
    }), { numRuns: 150 });
    expect(tried).toBeGreaterThan(75);
  });

  it("conv2d in groups", () => {
    const extents = [3, 5, 4] as const;
    const g = { k: [3, 3], s: [1, 1], p: [1, 1], d: [1, 1] } as const;
    const net = netFromText(textOf(extents, 2, `output y = d |> conv2d(9, k=3, p=1, groups=3, w="c")`));
    const scene = sceneOf(4, extents, 2, 2, 0.6);
    expectImage(net, scene, 2, "y", conv2d(collapsed(scene.coords, scene.features, 2, 2, extents), tensor(net, "c.weight"), 9, g, undefined, 3));
  });

  it("deconv2d, of any kernel, stride, padding and dilation that leave a cell", () => {
    let tried = 0;
    fc.assert(fc.property(cases, ({ g, extents, channels, cout, bias, batch, fill, seed }) => {
      const added = [seed % Math.max(g.s[0]!, g.d[0]!), seed % Math.max(g.s[1]!, g.d[1]!)] as const;
      if ([0, 1].some((a) => (extents[a + 1]! - 1) * g.s[a]! - 2 * g.p[a]! + g.d[a]! * (g.k[a]! - 1) + added[a]! < 0)) return;
      tried++;
      const net = netFromText(textOf(extents, channels, `output y = d |> deconv2d(${cout}, ${written(g)}, output_padding=[${added.join(", ")}], bias=${bias}, w="c")`), seed);
      const scene = sceneOf(seed, extents, channels, batch, fill);
      const x = collapsed(scene.coords, scene.features, channels, batch, extents);
      expectImage(net, scene, batch, "y", deconv2d(x, tensor(net, "c.weight"), cout, g, bias ? tensor(net, "c.bias") : undefined, added));
    }), { numRuns: 150 });
    expect(tried).toBeGreaterThan(75);
  });

  it("deconv2d in groups, as many as there are channels, and fewer", () => {
    const extents = [3, 5, 4] as const;
    const g = { k: [3, 2], s: [2, 1], p: [1, 0], d: [1, 2] } as const;
    for (const [channels, groups, cout] of [[2, 3, 9], [2, 6, 6], [2, 2, 4], [4, 6, 18]] as const) {
      const net = netFromText(textOf(extents, channels, `output y = d |> deconv2d(${cout}, ${written({ ...g })}, groups=${groups}, bias=true, w="c")`));
      const scene = sceneOf(4, extents, channels, 2, 0.6);
      const x = collapsed(scene.coords, scene.features, channels, 2, extents);
      expect(net.weights("c.weight")!.shape).toEqual([3 * channels, cout / groups, 3, 2]);
      expectImage(net, scene, 2, "y", deconv2d(x, tensor(net, "c.weight"), cout, g, tensor(net, "c.bias"), [0, 0], groups));
    }
  });

  it("pools, of any kernel, stride, padding and dilation that leave a cell", () => {
    let tried = 0;
    fc.assert(fc.property(cases, ({ g, extents, channels, batch, fill, seed }) => {
      if ([0, 1].some((a) => extents[a + 1]! + 2 * g.p[a]! < g.d[a]! * (g.k[a]! - 1) + 1)) return;
      tried++;
      const call = written(g);
      const net = netFromText(textOf(extents, channels, `output largest = d |> max_pool(${call})\n  output volume = d |> avg_pool(${call})\n  output count = d |> avg_pool(${call}, divisor=count)\n  output sum = d |> sum_pool(${call})`), seed);
      const scene = sceneOf(seed, extents, channels, batch, fill);
      const x = collapsed(scene.coords, scene.features, channels, batch, extents);
      expectImage(net, scene, batch, "largest", pool2d(x, "max", g));
      expectImage(net, scene, batch, "count", pool2d(x, "count", g));
      const averages = pool2d(x, "volume", g);
      expectImage(net, scene, batch, "volume", averages);
      const ceiled = netFromText(textOf(extents, channels, `output largest = d |> max_pool(${call}, ceil=true)\n  output volume = d |> avg_pool(${call}, ceil=true)\n  output count = d |> avg_pool(${call}, divisor=count, ceil=true)`), seed);
      expectImage(ceiled, scene, batch, "largest", pool2d(x, "max", g, true));
      expectImage(ceiled, scene, batch, "volume", pool2d(x, "volume", g, true));
      expectImage(ceiled, scene, batch, "count", pool2d(x, "count", g, true));
      expectImage(net, scene, batch, "sum", { ...averages, data: averages.data.map((v) => v * g.k[0] * g.k[1]) });
    }), { numRuns: 100 });
    expect(tried).toBeGreaterThan(50);
  });

  it("interpolation between cells, by their edges and by their corners", () => {
    fc.assert(fc.property(cases, fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })), ({ extents, channels, batch, fill, seed }, times) => {
      const net = netFromText(textOf(extents, channels, `output edges = d |> upsample([${times.join(", ")}], mode=bilinear)\n  output corners = d |> upsample([${times.join(", ")}], mode=linear, align_corners=true)`), seed);
      const scene = sceneOf(seed, extents, channels, batch, fill);
      const x = collapsed(scene.coords, scene.features, channels, batch, extents);
      expectImage(net, scene, batch, "edges", bilinear(x, times, false));
      expectImage(net, scene, batch, "corners", bilinear(x, times, true));
    }), { numRuns: 100 });
  });

  it("interpolation gives the numbers of PyTorch's documentation", () => {
    const net = netFromText("spnet 1\nnet T {\n  input x : dense[1, 2, 2]\n  output edges = x |> upsample(2, mode=bilinear)\n  output corners = x |> upsample(2, mode=bilinear, align_corners=true)\n}\n");
    const values = interpret(net.module, { inputs: { x: { coords: [], features: [1, 2, 3, 4] } }, params: net.params, batch: 1 });
    const rounded = (name: string): number[] => [...(values.get(name) as DenseValue).data].map((v) => Math.round(v * 1e4) / 1e4);
    expect(rounded("edges")).toEqual([1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4]);
    expect(rounded("corners")).toEqual([1, 1.3333, 1.6667, 2, 1.6667, 2, 2.3333, 2.6667, 2.3333, 2.6667, 3, 3.3333, 3, 3.3333, 3.6667, 4]);
  });

  it("cells repeated, and norms by the cells of an item", () => {
    const extents = [2, 5, 3] as const;
    const net = netFromText(textOf(extents, 3, `
      output near = d |> upsample([2, 3])
      output groups = d |> group_norm(2, w="g")
      output each = d |> instance_norm(w="i")
      output plain = d |> instance_norm(affine=false, eps=0.25)`).replace("net T {", "net T {\n  dialect minkowski"));
    const scene = sceneOf(3, extents, 3, 2, 0.4);
    const x = collapsed(scene.coords, scene.features, 3, 2, extents);
    expectImage(net, scene, 2, "near", nearest(x, [2, 3]));
    expectImage(net, scene, 2, "groups", groupNorm(x, 2, tensor(net, "g.weight"), tensor(net, "g.bias")));
    expectImage(net, scene, 2, "each", groupNorm(x, 6, tensor(net, "i.weight"), tensor(net, "i.bias")));
    expectImage(net, scene, 2, "plain", groupNorm(x, 6, undefined, undefined, 0.25));
  });

  it("a backbone of two blocks, their branches joined, with a head of two outputs", () => {
    const body = `
      let a = d |> conv2d(6, k=3, p=1, w="a.0") |> bn(eps=1e-3, w="a.1") |> relu
      let b = a |> conv2d(8, k=3, s=2, p=1, w="b.0") |> bn(w="b.1") |> relu
      let ua = a |> deconv2d(5, k=1, w="ua.0") |> bn(w="ua.1") |> relu
      let ub = b |> deconv2d(3, k=2, s=2, w="ub.0") |> bn(w="ub.1") |> relu
      let all : dense[8, 6, 8] = cat(ua, ub)
      output cls = all |> conv2d(2, k=1, bias=true, w="cls")
      output both = all
      output bev = d`;
    const extents = [2, 6, 8] as const;
    const net = netFromText(textOf(extents, 3, body), 5);
    const scene = sceneOf(9, extents, 3, 2, 0.3);
    const g = (k: number, s: number, p: number): DenseGeometry => ({ k: [k, k], s: [s, s], p: [p, p], d: [1, 1] });
    const w = (path: string): ArrayLike<number> => tensor(net, `${path}.weight`);
    const norm = (x: Image, path: string, eps = 1e-5): Image => normRelu(x, (part) => tensor(net, `${path}.${part}`), eps);
    const d = collapsed(scene.coords, scene.features, 3, 2, extents);
    const a = norm(conv2d(d, w("a.0"), 6, g(3, 1, 1)), "a.1", 1e-3);
    const b = norm(conv2d(a, w("b.0"), 8, g(3, 2, 1)), "b.1");
    const all = concat(norm(deconv2d(a, w("ua.0"), 5, g(1, 1, 0)), "ua.1"), norm(deconv2d(b, w("ub.0"), 3, g(2, 2, 0)), "ub.1"));
    expectImage(net, scene, 2, "bev", d);
    expectImage(net, scene, 2, "both", all);
    expectImage(net, scene, 2, "cls", conv2d(all, w("cls"), 2, g(1, 1, 0), tensor(net, "cls.bias")));
  });
});
