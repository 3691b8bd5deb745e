import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { DenseValue, FeatValue, Value, VecValue } from "../../src/ir/interp/value.ts";
import type { Module, ValueId } from "../../src/ir/module.ts";
import { outputExtent, type Geometry } from "../../src/ir/sites.ts";
import { relativeError } from "../support/compare.ts";
import { NetBuilder } from "../support/fixture-modules.ts";
import { addProduct, compareSites, floored, generated, reached, tapBetween, type Point } from "../support/site-oracle.ts";

const BATCH = 3;

interface Scene {
  readonly dim: number;
  readonly channels: number;
  readonly extents: readonly number[] | undefined;
  readonly points: readonly Point[];
}

/** Few sites around the origin, negative ones too where the grid is unbounded; batch items may be empty. */
const scenes: fc.Arbitrary<Scene> = fc
  .record({ dim: fc.integer({ min: 1, max: 4 }), channels: fc.integer({ min: 1, max: 5 }), bounded: fc.boolean() })
  .chain(({ dim, channels, bounded }) => {
    const extent = 5;
    const coordinate = bounded ? fc.integer({ min: 0, max: extent - 1 }) : fc.integer({ min: -4, max: 3 });
    const at = fc.tuple(fc.integer({ min: 0, max: BATCH - 1 }), ...Array.from({ length: dim }, () => coordinate));
    const row = fc.array(fc.integer({ min: -50, max: 50 }).map((n) => n / 10), { minLength: channels, maxLength: channels });
    return fc
      .uniqueArray(fc.record({ at, row }), { maxLength: 14, selector: (p) => p.at.join(), size: "max" })
      .map((points) => ({ dim, channels, extents: bounded ? Array.from({ length: dim }, () => extent) : undefined, points }));
  });

const geometry = (dim: number): fc.Arbitrary<Geometry> => {
  const list = (min: number, max: number): fc.Arbitrary<number[]> => fc.array(fc.integer({ min, max }), { minLength: dim, maxLength: dim });
  return fc.record({ kernel: list(1, dim > 2 ? 3 : 4), stride: list(1, 3), padding: list(-1, 2), dilation: list(1, 2) });
};

const cases = scenes.chain((scene) => fc.record({ scene: fc.constant(scene), g: geometry(scene.dim), cout: fc.integer({ min: 1, max: 4 }), bias: fc.boolean() }));

/** Weights that differ at every index. */
const weightAt = (i: number): number => Math.sin(1 + i * 1.7);
const param = (shape: readonly number[]): { shape: readonly number[]; data: Float64Array } => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((p, n) => p * n, 1) }, (_, i) => weightAt(i)),
});

function run(module: Module, scene: Scene): ReadonlyMap<string, Value> {
  const shapes = new Map(module.ops.filter((op) => op.name === "param").map((op) => [op.attrs["name"], op.attrs["shape"] as readonly number[]]));
  return interpret(module, {
    inputs: { x: { coords: scene.points.flatMap((p) => p.at), features: scene.points.flatMap((p) => p.row) } },
    params: (name) => param(shapes.get(name)!),
    batch: BATCH,
  });
}

const netOf = (scene: Scene): NetBuilder => new NetBuilder(scene.dim, scene.channels, scene.extents);
const sitesOf = (value: FeatValue): number[][] =>
  Array.from({ length: value.sites.count }, (_, i) => [...value.sites.coords.subarray(i * (value.sites.dim + 1), (i + 1) * (value.sites.dim + 1))]);

function expectPoints(actual: Value | undefined, expected: readonly Point[]): void {
  const value = actual as FeatValue;
  expect(sitesOf(value)).toEqual(expected.map((p) => p.at));
  expect(relativeError(value.data, expected.flatMap((p) => p.row))).toBeLessThan(1e-12);
}

/** Σ W[tap]·x over all inputs that meet each output, plus the bias (weights [Cout] of the same formula). */
function convolve(inputs: readonly Point[], outputs: readonly (readonly number[])[], tap: (input: readonly number[], output: readonly number[]) => number | undefined, weight: ArrayLike<number>, cout: number, bias: boolean): Point[] {
  return outputs.map((at) => {
    const row = Array.from({ length: cout }, (_, o) => (bias ? weightAt(o) : 0));
    for (const input of inputs) {
      const t = tap(input.at, at);
      if (t !== undefined) addProduct(row, input.row, weight, t);
    }
    return { at, row };
  });
}

const fits = (extents: readonly number[] | undefined, g: Geometry): readonly number[] | undefined =>
  extents?.map((n, a) => outputExtent(n, g.kernel[a]!, g.stride[a]!, g.padding[a]!, g.dilation[a]!));

describe("the interpreter against comparing every site with every other, 1 to 4 axes", () => {
  it("subm with every kernel, dilation and padding; rows in the caller's order", () => {
    fc.assert(
      fc.property(cases, ({ scene, g, cout, bias }) => {
        const net = netOf(scene);
        const { kernel, padding, dilation } = g;
        const y = net.op("subm", [net.x, ...net.weights("", kernel, scene.channels, cout, bias)], { kernel, padding, dilation });
        const own: Geometry = { ...g, stride: g.stride.map(() => 1) };
        const weight = param([...kernel, scene.channels, cout]).data;
        expectPoints(run(net.finish({ y }), scene).get("y"), convolve(scene.points, scene.points.map((p) => p.at), (i, o) => tapBetween(i, o, own), weight, cout, bias));
      }),
      { numRuns: 150 },
    );
  });

  it.each(["reach", "floor"] as const)("conv by %s, and up by the same pairs exchanged", (sites) => {
    let met = 0;
    fc.assert(
      fc.property(cases, ({ scene, g, cout, bias }) => {
        const net = netOf(scene);
        const attrs = { ...g, sites };
        const operands = [net.x, ...net.weights("", g.kernel, scene.channels, cout, bias)];
        const inferred = net.b.infer("conv", operands, attrs);
        const limits = fits(scene.extents, g);
        if (sites === "reach" && limits?.some((n) => n < 1) === true) {
          expect(inferred).toHaveProperty("problems");
          return;
        }
        const down = net.op("conv", operands, attrs);
        const up = net.op("up", [down, net.param("up", [...g.kernel, cout, 2])], { ...g, onto: net.sites });
        const outputs = run(net.finish({ down, up }), scene);
        const inputs = scene.points.map((p) => p.at);
        const coarse = sites === "floor" ? (g.stride.every((s) => s === 1) ? inputs : floored(inputs, g.stride)) : reached(inputs, g, limits);
        const weight = param([...g.kernel, scene.channels, cout]).data;
        const wanted = convolve(scene.points, coarse, (i, o) => tapBetween(i, o, g), weight, cout, bias);
        // A stride of 1 by floor, or taps that change nothing, are the input's own set: its rows keep the caller's order.
        const sorted = net.b.typeOf(down).kind === "feat" && (net.b.typeOf(down) as { sites: string }).sites === net.sites;
        expectPoints(outputs.get("down"), sorted ? wanted.toSorted((a, b) => position(inputs, a.at) - position(inputs, b.at)) : wanted);
        const upWeight = param([...g.kernel, cout, 2]).data;
        expectPoints(outputs.get("up"), convolve(wanted, inputs, (i, o) => tapBetween(o, i, g), upWeight, 2, false));
        met += wanted.length;
      }),
      { numRuns: 150 },
    );
    expect(met).toBeGreaterThan(500);
  });

  it("deconv: generated sites by the same pairs exchanged, inside the extents", () => {
    let met = 0;
    const small = cases.filter(({ scene, g }) => scene.dim < 3 || [...g.kernel, ...g.stride].every((n) => n < 3));
    fc.assert(
      fc.property(small, fc.integer({ min: 0, max: 1 }), ({ scene, g, cout, bias }, added) => {
        const net = netOf(scene);
        const extents = scene.extents?.map((n, a) => (n - 1) * g.stride[a]! - 2 * g.padding[a]! + g.dilation[a]! * (g.kernel[a]! - 1) + 1 + added);
        fc.pre(extents?.every((n) => n > 0) !== false);
        const onto = net.b.sites.deriveGenerate(net.sites, g, g.kernel.map(() => added));
        const y = net.op("up", [net.x, ...net.weights("", g.kernel, scene.channels, cout, bias)], { ...g, onto });
        fc.pre(onto !== net.sites);
        expect(net.b.sites.extents(onto)).toEqual(extents);
        const fine = generated(scene.points.map((p) => p.at), g, extents);
        const weight = param([...g.kernel, scene.channels, cout]).data;
        expectPoints(run(net.finish({ y }), scene).get("y"), convolve(scene.points, fine, (i, o) => tapBetween(o, i, g), weight, cout, bias));
        met += fine.length;
      }),
      { numRuns: 60 },
    );
    expect(met).toBeGreaterThan(500);
  });

  it.each(["sum", "product"] as const)("union, %s: a site that an operand lacks counts as 0", (by) => {
    let both = 0;
    fc.assert(
      fc.property(scenes, fc.array(fc.nat(2), { minLength: 14, maxLength: 14 }), (scene, draw) => {
        const net = netOf(scene);
        // Two inputs that share some sites.
        const parts = [0, 1].map((side) => scene.points.filter((_, i) => draw[i] === side || draw[i] === 2));
        const sites = net.b.sites.addInput({ kind: "input", name: "T", axes: net.b.sites.axes(net.sites), extents: scene.extents });
        const y = net.op("union", [net.x, net.op("input", [], { name: "b", sites, channels: scene.channels })], { by });
        const inputs = Object.fromEntries(parts.map((part, i) => [["x", "b"][i]!, { coords: part.flatMap((p) => p.at), features: part.flatMap((p) => p.row.map((v) => v * (i + 1))) }]));
        const value = interpret(net.finish({ y }), { inputs, params: () => param([1]), batch: BATCH }).get("y");
        const wanted = scene.points.map(({ at, row }, i) => ({ at, row: row.map((v) => (by === "sum" ? v * [1, 2, 3][draw[i]!]! : draw[i] === 2 ? 2 * v * v : 0)) }));
        both += scene.points.filter((_, i) => draw[i] === 2).length;
        expectPoints(value, wanted.toSorted((a, b) => compareSites(a.at, b.at)));
      }),
      { numRuns: 100 },
    );
    expect(both).toBeGreaterThan(100);
  });

  it("prune keeps the rows whose mask is greater, sorted, and what follows sees no others", () => {
    let met = 0;
    fc.assert(
      fc.property(cases, fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 14, maxLength: 14 }), ({ scene, g, cout, bias }, draw) => {
        const net = netOf(scene);
        const mask = net.op("input", [], { name: "m", sites: net.sites, channels: 1 });
        const sites = net.b.sites.derivePrune(net.sites);
        expect(net.b.sites.derivePrune(net.sites)).not.toBe(sites);
        const kept = net.op("prune", [net.x, mask], { above: 0.5, sites });
        const { kernel, padding, dilation } = g;
        const y = net.op("subm", [kept, ...net.weights("", kernel, scene.channels, cout, bias)], { kernel, padding, dilation });
        const weight = param([...kernel, scene.channels, cout]);
        const coords = scene.points.flatMap((p) => p.at);
        const inputs = { x: { coords, features: scene.points.flatMap((p) => p.row) }, m: { coords, features: scene.points.map((_, i) => draw[i]!) } };
        const outputs = interpret(net.finish({ kept, y }), { inputs, params: (name) => (name === "weight" ? weight : param([cout])), batch: BATCH });
        const left = scene.points.filter((_, i) => draw[i]! > 0.5).toSorted((a, b) => compareSites(a.at, b.at));
        expectPoints(outputs.get("kept"), left);
        const own: Geometry = { ...g, stride: g.stride.map(() => 1) };
        expectPoints(outputs.get("y"), convolve(left, left.map((p) => p.at), (i, o) => tapBetween(i, o, own), weight.data, cout, bias));
        met += left.length;
      }),
      { numRuns: 60 },
    );
    expect(met).toBeGreaterThan(100);
  });

  it("union is commutative, flat, and each part once", () => {
    const net = new NetBuilder(2, 1, [8, 8]);
    const table = net.b.sites;
    const grown = [[3, 1], [1, 3], [3, 3]].map((kernel) => table.deriveReach(net.sites, { kernel, stride: [1, 1], padding: kernel.map((k) => (k - 1) / 2), dilation: [1, 1] }));
    const [a, b, c] = grown as [string, string, string];
    const ab = table.deriveUnion([a, b]);
    expect(table.deriveUnion([b, a])).toBe(ab);
    expect(table.deriveUnion([a, a])).toBe(a);
    expect(table.deriveUnion([b, ab])).toBe(ab);
    expect(table.deriveUnion([c, ab])).toBe(table.deriveUnion([table.deriveUnion([b, c]), a]));
    expect(table.deriveUnion([a, c])).not.toBe(ab);
  });

  it("conv onto given sites, and a pool", () => {
    let met = 0;
    fc.assert(
      fc.property(cases, fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }), ({ scene, g, cout, bias }, draw) => {
        const net = netOf(scene);
        const stride = g.stride.map(() => 1);
        const target = scene.points.filter((_, i) => draw[i]).map((p) => p.at);
        const sites = net.b.sites.addInput({ kind: "input", name: "T", axes: net.b.sites.axes(net.sites), extents: scene.extents });
        net.op("input", [], { name: "t", sites, channels: 1 });
        const y = net.op("conv", [net.x, ...net.weights("", g.kernel, scene.channels, cout, bias)], { ...g, stride, sites: "given", onto: sites });
        const sum = net.op("pool", [net.x], { mode: "sum", ...g, stride, sites: "given", onto: sites });
        const weight = param([...g.kernel, scene.channels, cout]);
        const inputs = { x: { coords: scene.points.flatMap((p) => p.at), features: scene.points.flatMap((p) => p.row) }, t: { coords: target.flat(), features: target.map(() => 0) } };
        const outputs = interpret(net.finish({ y, sum }), { inputs, params: (name) => (name === "weight" ? weight : param([cout])), batch: BATCH });
        const own: Geometry = { ...g, stride };
        expectPoints(outputs.get("y"), convolve(scene.points, target, (i, o) => tapBetween(i, o, own), weight.data, cout, bias));
        const sums = target.map((at) => {
          const rows = scene.points.filter((p) => tapBetween(p.at, at, own) !== undefined).map((p) => p.row);
          return { at, row: Array.from({ length: scene.channels }, (_, c) => rows.reduce((n, r) => n + r[c]!, 0)) };
        });
        expectPoints(outputs.get("sum"), sums);
        met += target.length;
      }),
      { numRuns: 100 },
    );
    expect(met).toBeGreaterThan(200);
  });

  it.each(["max", "avg", "sum"] as const)("pool, %s", (mode) => {
    fc.assert(
      fc.property(cases, fc.constantFrom("same", "reach", "floor"), fc.constantFrom("count", "volume"), ({ scene, g: drawn }, sites, divisor) => {
        const g = sites === "same" ? { ...drawn, stride: drawn.stride.map(() => 1) } : drawn;
        const net = netOf(scene);
        const attrs = { mode, ...g, sites, divisor };
        if ("problems" in net.b.infer("pool", [net.x], attrs)) return;
        const y = net.op("pool", [net.x], attrs);
        const value = run(net.finish({ y }), scene).get("y") as FeatValue;
        const wanted = sitesOf(value).map((at) => {
          const rows = scene.points.filter((p) => tapBetween(p.at, at, g) !== undefined).map((p) => p.row);
          const channel = (c: number): number => {
            const all = rows.map((r) => r[c]!);
            if (all.length === 0) return 0;
            const volume = g.kernel.reduce((p, k) => p * k, 1);
            // Over the volume what is missing counts as 0.
            if (mode === "max") return Math.max(...all, ...(divisor === "volume" && all.length < volume ? [0] : []));
            const sum = all.reduce((a, b) => a + b, 0);
            return mode === "sum" ? sum : sum / (divisor === "count" ? all.length : volume);
          };
          return { at, row: scene.points[0]!.row.map((_, c) => channel(c)) };
        });
        expectPoints(value, wanted);
      }),
      { numRuns: 100 },
    );
  });

  it("global pools, concatenation, linear, dense: by their formulas", () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const net = netOf(scene);
        const { channels } = scene;
        const pool = (mode: string): ValueId => net.op("global_pool", [net.x], { mode });
        const [max, avg, sum] = ["max", "avg", "sum"].map(pool) as [ValueId, ValueId, ValueId];
        const cat = net.op("cat", [max, avg, sum]);
        const linear = net.op("linear", [net.op("sigmoid", [cat]), net.param("w", [3 * channels, 2]), net.param("b", [2])]);
        const dense = scene.extents === undefined ? {} : { dense: net.op("to_dense", [net.x]), folded: net.op("to_dense", [net.x], { fold: ["w", "z", "y", "x"].at(-1)! }) };
        const outputs = run(net.finish({ cat, linear, ...dense }), scene);
        const rows = Array.from({ length: BATCH }, (_, b) => scene.points.filter((p) => p.at[0] === b).map((p) => p.row));
        const wanted = rows.map((own) => {
          const column = (c: number): number[] => own.map((r) => r[c]!);
          const each = (f: (all: number[]) => number): number[] => Array.from({ length: channels }, (_, c) => (own.length === 0 ? 0 : f(column(c))));
          const total = (all: number[]): number => all.reduce((a, b) => a + b, 0);
          return [...each((all) => Math.max(...all)), ...each((all) => total(all) / all.length), ...each(total)];
        });
        expect(relativeError((outputs.get("cat") as VecValue).data, wanted.flat())).toBeLessThan(1e-12);
        const projected = wanted.map((row) => {
          const y = [weightAt(0), weightAt(1)];
          addProduct(y, row.map((v) => 1 / (1 + Math.exp(-v))), param([3 * channels, 2]).data, 0);
          return y;
        });
        expect(relativeError((outputs.get("linear") as VecValue).data, projected.flat())).toBeLessThan(1e-12);
        if (scene.extents === undefined) return;
        const image = outputs.get("dense") as DenseValue;
        expect(image.shape).toEqual([BATCH, channels, ...scene.extents]);
        const cells = new Float64Array(image.data.length);
        for (const { at, row } of scene.points) row.forEach((v, c) => (cells[[at[0]!, c, ...at.slice(1)].reduce((index, n, i) => index * image.shape[i]! + n, 0)] = v));
        expect(image.data).toEqual(cells);
        // Folding the last axis moves it behind the channel: [C·e_last, others].
        const folded = outputs.get("folded") as DenseValue;
        const last = scene.extents.at(-1)!;
        expect(folded.shape).toEqual([BATCH, channels * last, ...scene.extents.slice(0, -1)]);
        const moved = new Float64Array(folded.data.length);
        for (const { at, row } of scene.points) {
          row.forEach((v, c) => (moved[[at[0]!, c * last + at.at(-1)!, ...at.slice(1, -1)].reduce((index, n, i) => index * folded.shape[i]! + n, 0)] = v));
        }
        expect(folded.data).toEqual(moved);
      }),
      { numRuns: 150 },
    );
  });
});

const position = (sites: readonly (readonly number[])[], at: readonly number[]): number => sites.findIndex((s) => compareSites(s, at) === 0);

describe("one site", () => {
  it.each([1, 2, 3, 4])("%i axes: becomes 3^d, then 5^d, under conv by reach, and stays one under subm", (dim) => {
    const net = new NetBuilder(dim, 1);
    const kernel = Array.from({ length: dim }, () => 3);
    const ones = kernel.map(() => 1);
    const conv = (x: ValueId, name: string): ValueId => net.op("conv", [x, net.param(name, [...kernel, 1, 1])], { kernel, stride: ones, padding: ones, dilation: ones, sites: "reach" });
    const subm = net.op("subm", [net.x, net.param("s", [...kernel, 1, 1])], { kernel, padding: ones, dilation: ones });
    const once = conv(net.x, "a");
    const module = net.finish({ subm, once, twice: conv(once, "b") });
    const outputs = run(module, { dim, channels: 1, extents: undefined, points: [{ at: [1, ...kernel.map(() => -7)], row: [2] }] });
    expect(["subm", "once", "twice"].map((name) => (outputs.get(name) as FeatValue).sites.count)).toEqual([1, 3 ** dim, 5 ** dim]);
    expect((outputs.get("subm") as FeatValue).data[0]).toBeCloseTo(2 * weightAt((3 ** dim - 1) / 2), 12);
  });
});
