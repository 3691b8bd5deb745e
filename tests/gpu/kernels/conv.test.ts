import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { addsAlike, needsSubgroups, tileCandidates } from "../../../src/codegen/tuning/tiles.ts";
import { standardTile } from "../../../src/codegen/plan/dataflow.ts";
import { DESKTOP_WORKGROUP_BYTES, WORKGROUP_BYTES } from "../../../src/codegen/wgsl/kernels/shape.ts";
import { buildKernel } from "../../../src/codegen/wgsl/kernels/index.ts";
import type { ConvSpec, ConvTerm, DenseTarget, EpilogueStep, RowAccess } from "../../../src/codegen/wgsl/spec.ts";
import { openGpu, type TestGpu, type Words } from "../../support/gpu.ts";
import { allTaps, blockOf, error, type Matrix, type Pair, ParamsBuilder, Random, randomPairs, rowsOf, toMatrix, zeros } from "./world.ts";

// Two to four kernels a test, each compiled by a software driver.
vi.setConfig({ testTimeout: 180_000 });

let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu({ optional: ["subgroups"] });
});
afterAll(() => gpu.close());

/** The tiles whose kernels run here; how many of them need subgroups is counted. */
const tilesHere = (spec: Parameters<typeof tileCandidates>[0]): ReturnType<typeof tileCandidates> => {
  const all = tileCandidates(spec);
  const there = gpu.device.features.has("subgroups");
  shared[there ? "run" : "left"] += all.filter(needsSubgroups).length;
  return there ? all : all.filter((tile) => !needsSubgroups(tile));
};
const shared = { run: 0, left: 0 };
afterAll(() => console.log(`tiles that share rows among neighbours: ${shared.run} run${shared.left === 0 ? "" : `, ${shared.left} left out: ${gpu.adapter} has no subgroups`}`));

/** Kinds of tiles that were run beside the standard one. */
const tilesTried = new Set<string>();
afterAll(() => expect([...tilesTried].sort()).toEqual(["direct", "packed", "streamed"]));

/** Bits of the results, the sign of a zero apart: compilers may leave out a sum that begins with 0. */
const bitsOf = (result: Record<string, Words>): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(result).map(([role, data]) => [role, Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length), (word) => (word === 0x8000_0000 ? 0 : word))]));

/** Columns with which the other dataflows are run too: lavapipe takes seconds to compile each kernel. */
const VARIED = new Set(process.env["SPNET_ADAPTER"] === "lavapipe" ? [16, 24] : [1, 5, 8, 12, 16, 17, 20, 24, 36]);

const CLOSE = 1e-5;
const UNTOUCHED = 12345;

interface Term {
  readonly cin: number;
  readonly taps?: number;
  /** Stored kernel and which of its taps this layer takes. */
  readonly slice?: { readonly stored: number; readonly taps: readonly number[] };
  readonly layout?: { readonly stride: number; readonly offset: number };
}

/** A convolution over random pairs with everything the kernel and the oracle need. */
class Case {
  readonly random: Random;
  readonly buffers: Record<string, Words> = {};
  readonly params = new ParamsBuilder();
  readonly terms: ConvTerm[] = [];
  readonly sum: number[][];
  readonly rows: number;
  readonly columns: number;

  constructor(rows: number, columns: number, terms: readonly Term[], seed = 1) {
    this.random = new Random(seed);
    this.rows = rows;
    this.columns = columns;
    this.sum = zeros(rows, columns);
    terms.forEach((t, i) => this.#term(t, i));
    this.buffers["counts"] = Uint32Array.from([9999, rows, 9999, 9999]);
  }

  #term(t: Term, i: number): void {
    const stored = t.slice?.stored ?? t.taps;
    const inputs = stored === undefined ? this.rows : Math.max(1, this.rows + 7);
    const source = rowsOf(`x${i}`, t.cin, t.layout?.stride, t.layout?.offset);
    const x = this.random.floats(inputs * source.stride);
    this.buffers[source.role] = x;
    const taps = t.slice?.taps ?? allTaps(t.taps ?? 1);
    const w = this.random.floats(taps.length * t.cin * this.columns);
    const weight = this.params.add(w, this.columns);
    const pairs = stored === undefined ? this.#identity() : randomPairs(this.random, stored, inputs, this.rows);
    if (stored === undefined) {
      this.terms.push({ source, weight });
    } else {
      this.buffers[`map${i}`] = blockOf(pairs, stored, this.rows);
      this.terms.push({ source, map: { role: `map${i}`, stored, taps }, weight });
    }
    for (const { tap, input, output } of pairs) {
      const layerTap = stored === undefined ? 0 : taps.indexOf(tap);
      if (layerTap < 0) continue;
      for (let c = 0; c < t.cin; c++) {
        const value = x[input * source.stride + source.offset + c]!;
        for (let o = 0; o < this.columns; o++) this.sum[output]![o]! += value * w[(layerTap * t.cin + c) * this.columns + o]!;
      }
    }
  }

  #identity(): Pair[] {
    return Array.from({ length: this.rows }, (_, r) => ({ tap: 0, input: r, output: r }));
  }

  vector(columns = this.columns): { readonly at: number; readonly values: Float32Array } {
    const values = this.random.floats(columns);
    return { at: this.params.add(values, columns), values };
  }

  source(role: string, access: RowAccess): Matrix {
    const data = this.random.floats(Math.max(1, this.rows * access.stride));
    this.buffers[role] = data;
    return toMatrix(data, this.rows, access);
  }

  target(access: RowAccess): RowAccess {
    this.buffers[access.role] = new Float32Array((this.rows + 3) * access.stride).fill(UNTOUCHED);
    return access;
  }

  async run(epilogue: readonly EpilogueStep[], target: RowAccess | DenseTarget, columns: readonly [number, number] = [0, this.columns]): Promise<Record<string, Words>> {
    const spec: ConvSpec = { kind: "conv", name: "k00_test", header: ["test"], rows: 1, terms: this.terms, columns, epilogue, target };
    const run = (tile?: ConvSpec["tile"]): Promise<Record<string, Words>> =>
      gpu.run(buildKernel(tile === undefined ? spec : { ...spec, tile }), { ...this.buffers, params: this.params.block }, { rows: this.rows });
    const result = await run();
    // Every other tile of one part adds in the same order: one of each kind must give the same bits.
    const others = tileCandidates(spec).filter((t) => !needsSubgroups(t));
    for (const dataflow of ["packed", "direct", "streamed"] as const) {
      const tile = others.findLast((t) => t.dataflow === dataflow && addsAlike(t, { threads: 1, perThread: 1 }));
      if (tile === undefined || !VARIED.has(this.columns)) continue;
      tilesTried.add(dataflow);
      expect(bitsOf(await run(tile)), JSON.stringify(tile)).toEqual(bitsOf(result));
    }
    return result;
  }

  /** Runs without an epilogue and compares. */
  async check(): Promise<void> {
    const target = this.target(rowsOf("out", this.columns));
    const result = await this.run([], target);
    expect(error(toMatrix(floats(result, "out"), this.rows, target), this.sum)).toBeLessThan(CLOSE);
    expectUntouched(floats(result, "out"), target, this.rows);
  }
}

const floats = (result: Record<string, Words>, role: string): Float32Array => {
  const data = result[role];
  if (!(data instanceof Float32Array)) throw new Error(`${role} was not written`);
  return data;
};

/** Neither rows beyond the count nor channels outside the window may change. */
function expectUntouched(data: Float32Array, access: RowAccess, rows: number): void {
  const touched = data.findIndex((v, i) => {
    const channel = (i % access.stride) - access.offset;
    const inside = Math.floor(i / access.stride) < rows && channel >= 0 && channel < access.channels;
    return !inside && v !== UNTOUCHED;
  });
  expect(touched).toBe(-1);
}

test("every tile that a plan may choose gives the same bits", async () => {
  const c = new Case(70, 24, [{ cin: 8, taps: 5 }]);
  const target = c.target(rowsOf("out", 24));
  const spec: ConvSpec = { kind: "conv", name: "k00_test", header: ["test"], rows: 1, terms: c.terms, columns: [0, 24], epilogue: [{ do: "relu" }], target };
  const tiles = tilesHere(spec).filter((t) => addsAlike(t, { threads: 1, perThread: 1 }));
  expect(tiles.length).toBeGreaterThan(12);
  const wanted = bitsOf(await c.run([{ do: "relu" }], target));
  for (const tile of tiles) {
    const found = await gpu.run(buildKernel({ ...spec, tile }), { ...c.buffers, params: c.params.block }, { rows: c.rows });
    expect(bitsOf(found), JSON.stringify(tile)).toEqual(wanted);
  }
}, 120_000);

describe("streamed, channels in parts", () => {
  const shapes: readonly (readonly [rows: number, columns: number, terms: readonly Term[]])[] = [
    [70, 24, [{ cin: 40, taps: 5 }]],
    [1, 36, [{ cin: 17, taps: 27 }]],
    [95, 130, [{ cin: 32 }, { cin: 70, taps: 27 }]],
    [0, 64, [{ cin: 32, taps: 8 }]],
  ];
  test.each(shapes)("%d rows, %d columns", async (rows, columns, terms) => {
    const c = new Case(rows, columns, terms, columns);
    const target = c.target(rowsOf("out", columns));
    const residual = rowsOf("e0", columns);
    const added = c.source("e0", residual);
    const bias = c.vector();
    const emit = c.target(rowsOf("emit0", columns));
    const epilogue: EpilogueStep[] = [{ do: "bias", at: bias.at }, { do: "emit", target: emit }, { do: "add", source: residual }];
    const spec: ConvSpec = { kind: "conv", name: "k00_test", header: ["test"], rows: 1, terms: c.terms, columns: [0, columns], epilogue, target };
    const inner = c.sum.map((row) => row.map((v, i) => v + bias.values[i]!));
    const expected = inner.map((row, r) => row.map((v, i) => v + added[r]![i]!));
    const tiles = tilesHere(spec).filter((t) => t.dataflow === "streamed").filter((t) => t.splits === 2);
    expect(tiles.filter((t) => t.folds).length).toBeGreaterThan(0);
    const bits = new Map<number, Record<string, readonly number[]>>();
    for (const tile of tiles) {
      for (const halved of tile.folds ? [false, true] : [false]) {
        const result = await gpu.run(buildKernel({ ...spec, tile }), { ...c.buffers, params: c.params.block }, { rows, halved });
        expect(error(toMatrix(floats(result, "out"), rows, target), expected), JSON.stringify(tile)).toBeLessThan(CLOSE);
        expect(error(toMatrix(floats(result, "emit0"), rows, emit), inner), JSON.stringify(tile)).toBeLessThan(CLOSE);
        expectUntouched(floats(result, "out"), target, rows);
        // As many quads ahead are the same parts of the channels.
        expect(bitsOf(result), `${JSON.stringify(tile)}, ${halved ? "halved" : "whole"}`).toEqual(bits.get(tile.ahead) ?? bitsOf(result));
        bits.set(tile.ahead, bitsOf(result));
      }
    }
  });
});

test("lists of 125 taps on the workgroup memory of a desktop give the bits of the packed kernel", async () => {
  const c = new Case(65, 16, [{ cin: 16, taps: 125 }]);
  const target = c.target(rowsOf("out", 16));
  const spec: ConvSpec = { kind: "conv", name: "k00_test", header: ["test"], rows: 1, terms: c.terms, columns: [0, 16], epilogue: [], target };
  const packed = await gpu.run(buildKernel({ ...spec, tile: standardTile(spec, WORKGROUP_BYTES)! }), { ...c.buffers, params: c.params.block }, { rows: c.rows });
  const tile = { threads: 4, perThread: 4, dataflow: "streamed", splits: 1, ahead: 4, folds: false } as const;
  const kernel = buildKernel({ ...spec, tile });
  expect(kernel.workgroupBytes).toBeGreaterThan(WORKGROUP_BYTES);
  const desktop = await openGpu({ requiredLimits: { maxComputeWorkgroupStorageSize: DESKTOP_WORKGROUP_BYTES } });
  const streamed = await desktop.run(kernel, { ...c.buffers, params: c.params.block }, { rows: c.rows });
  desktop.close();
  expect(bitsOf(streamed)).toEqual(bitsOf(packed));
  expect(error(toMatrix(floats(streamed, "out"), c.rows, target), c.sum)).toBeLessThan(CLOSE);
});

describe("channels", () => {
  const sizes = [1, 3, 5, 16, 17, 130];
  for (const cin of sizes) {
    test(`${cin} channels into ${sizes.join(", ")}`, async () => {
      for (const cout of sizes) await new Case(70, cout, [{ cin, taps: 27 }], cin * 1000 + cout).check();
    });
  }
  test("2048 channels in, 2048 out", async () => {
    await new Case(33, 8, [{ cin: 2048, taps: 3 }]).check();
    await new Case(5, 2048, [{ cin: 6 }]).check();
  });
  test.each([12, 20, 32, 36, 48, 60, 64, 68, 72, 96, 128])("%d columns", async (cout) => {
    await new Case(40, cout, [{ cin: 8, taps: 9 }], cout).check();
  });
});

describe("kernels and rows", () => {
  test.each([1, 3, 8, 9, 27, 32, 33, 64, 125])("%d taps", async (taps) => {
    await new Case(65, 8, [{ cin: 4, taps }], taps).check();
    await new Case(65, 8, [{ cin: 44, taps }], taps).check();
  });
  test.each([0, 1, 31, 32, 33, 63, 64, 65, 96, 1024])("%d rows", async (rows) => {
    await new Case(rows, 16, [{ cin: 16, taps: 27 }], rows).check();
    await new Case(rows, 2, [{ cin: 3 }], rows).check();
  });
  test.each([
    ["(1,3,3) of 27", 27, [9, 10, 11, 12, 13, 14, 15, 16, 17]],
    ["(3,1,1) of 27", 27, [4, 13, 22]],
    ["(3,3,1) of 27", 27, [1, 4, 7, 10, 13, 16, 19, 22, 25]],
    ["(3,1,3) of 27", 27, [3, 4, 5, 12, 13, 14, 21, 22, 23]],
    ["3^3 of 5^3", 125, [31, 32, 33, 36, 37, 38, 41, 42, 43, 56, 57, 58, 61, 62, 63, 66, 67, 68, 81, 82, 83, 86, 87, 88, 91, 92, 93]],
    ["centre of 27", 27, [13]],
    ["reversed 27", 27, allTaps(27).reverse()],
    ["no order at all", 27, [5, 2, 26, 0, 13, 7]],
  ])("slice %s", async (_, stored, taps) => {
    await new Case(50, 12, [{ cin: 20, slice: { stored, taps } }]).check();
    await new Case(50, 12, [{ cin: 3, slice: { stored, taps } }]).check();
  });
});

describe("sources and targets", () => {
  test.each([
    ["aligned slice", 8, { stride: 32, offset: 16 }],
    ["odd offset", 8, { stride: 32, offset: 13 }],
    ["odd stride", 8, { stride: 19, offset: 8 }],
    ["odd channels in aligned rows", 7, { stride: 24, offset: 4 }],
  ])("%s", async (_, channels, layout) => {
    const c = new Case(45, channels, [{ cin: channels, taps: 27, layout }]);
    const target = c.target(rowsOf("out", channels, layout.stride, layout.offset));
    const result = await c.run([], target);
    expect(error(toMatrix(floats(result, "out"), 45, target), c.sum)).toBeLessThan(CLOSE);
    expectUntouched(floats(result, "out"), target, 45);
  });

  test("two terms through maps and one without", async () => {
    await new Case(100, 24, [{ cin: 8, taps: 27 }, { cin: 5, taps: 9 }, { cin: 33 }]).check();
    await new Case(100, 24, [{ cin: 40 }, { cin: 2, taps: 3 }]).check();
  });

  test("two windows of one buffer", async () => {
    const c = new Case(37, 4, [{ cin: 8, layout: { stride: 13, offset: 0 } }, { cin: 5, taps: 3 }]);
    // The identity term's buffer is read again by the epilogue, at another offset.
    const other = rowsOf("x0", 4, 13, 9);
    const added = toMatrix(c.buffers["x0"] as Float32Array, 37, other);
    const target = c.target(rowsOf("out", 4));
    const result = await c.run([{ do: "add", source: other }], target);
    expect(error(toMatrix(floats(result, "out"), 37, target), c.sum.map((row, r) => row.map((v, i) => v + added[r]![i]!)))).toBeLessThan(CLOSE);
  });

  test.each([[0, 64], [64, 130], [5, 9], [128, 130]] as const)("columns %d to %d", async (from, to) => {
    const c = new Case(40, to - from, [{ cin: 6, taps: 8 }]);
    const target = c.target(rowsOf("out", 130, 140, 4));
    const residual = rowsOf("e0", 130);
    const added = c.source("e0", residual);
    const bias = c.vector();
    const result = await c.run([{ do: "bias", at: bias.at }, { do: "add", source: residual }], target, [from, to]);
    const expected = c.sum.map((row, r) => row.map((v, i) => v + bias.values[i]! + added[r]![from + i]!));
    const window = rowsOf("out", to - from, 140, 4 + from);
    expect(error(toMatrix(floats(result, "out"), 40, window), expected)).toBeLessThan(CLOSE);
    expectUntouched(floats(result, "out"), window, 40);
  });
});

describe("epilogue", () => {
  const relu = (v: number): number => (v < 0 ? 0 : v);

  test.each([1, 6, 32, 100])("bias, affine, add, mul and activations in order, %d columns", async (columns) => {
    const c = new Case(67, columns, [{ cin: 9, taps: 27 }]);
    const [bias, scale, shift] = [c.vector(), c.vector(), c.vector()];
    const [addAccess, mulAccess] = [rowsOf("e3", columns, columns + 5, 2), rowsOf("e5", columns)];
    const [added, factor] = [c.source("e3", addAccess), c.source("e5", mulAccess)];
    const emit = c.target(rowsOf("emit0", columns));
    const target = c.target(rowsOf("out", columns));
    const result = await c.run([
      { do: "bias", at: bias.at }, { do: "relu" }, { do: "affine", scale: scale.at, shift: shift.at },
      { do: "add", source: addAccess }, { do: "leaky_relu", slope: 0.1 }, { do: "emit", target: emit },
      { do: "mul", source: mulAccess }, { do: "sigmoid" },
    ], target);
    const before = c.sum.map((row, r) => row.map((v, i) => {
      const y = relu(v + bias.values[i]!) * scale.values[i]! + shift.values[i]! + added[r]![i]!;
      return y < 0 ? y * Math.fround(0.1) : y;
    }));
    const after = before.map((row, r) => row.map((v, i) => 1 / (1 + Math.exp(-v * factor[r]![i]!))));
    expect(error(toMatrix(floats(result, "emit0"), 67, emit), before)).toBeLessThan(CLOSE);
    expect(error(toMatrix(floats(result, "out"), 67, target), after)).toBeLessThan(CLOSE);
    expectUntouched(floats(result, "emit0"), emit, 67);
    expectUntouched(floats(result, "out"), target, 67);
  });

  test.each([[16, 16], [64, 7], [5, 128], [128, 128], [17, 64], [1, 1], [30, 2]] as const)("linear on chip, %d into %d", async (columns, cout) => {
    const c = new Case(70, columns, [{ cin: 12, taps: 9 }, { cin: 3 }]);
    const bias = c.vector();
    const w = c.random.floats(columns * cout);
    const weight = c.params.add(w, cout);
    const second = c.vector(cout);
    const emit = c.target(rowsOf("emit0", columns));
    const target = c.target(rowsOf("out", cout));
    const access = rowsOf("e4", cout);
    const added = c.source("e4", access);
    const result = await c.run([
      { do: "bias", at: bias.at }, { do: "relu" }, { do: "emit", target: emit },
      { do: "linear", weight, cout }, { do: "bias", at: second.at }, { do: "add", source: access }, { do: "relu" },
    ], target);
    const inner = c.sum.map((row) => row.map((v, i) => relu(v + bias.values[i]!)));
    const expected = inner.map((row, r) => Array.from({ length: cout }, (_, o) =>
      relu(row.reduce((s, v, i) => s + v * w[i * cout + o]!, second.values[o]! + added[r]![o]!))));
    expect(error(toMatrix(floats(result, "emit0"), 70, emit), inner)).toBeLessThan(CLOSE);
    expect(error(toMatrix(floats(result, "out"), 70, target), expected)).toBeLessThan(CLOSE);
    expectUntouched(floats(result, "out"), target, 70);
  });

  test("two linear steps", async () => {
    const c = new Case(33, 24, [{ cin: 4, taps: 3 }]);
    const [w1, w2] = [c.random.floats(24 * 40), c.random.floats(40 * 9)];
    const [at1, at2] = [c.params.add(w1, 40), c.params.add(w2, 9)];
    const target = c.target(rowsOf("out", 9));
    const result = await c.run([{ do: "linear", weight: at1, cout: 40 }, { do: "relu" }, { do: "linear", weight: at2, cout: 9 }], target);
    const inner = c.sum.map((row) => Array.from({ length: 40 }, (_, o) => relu(row.reduce((s, v, i) => s + v * w1[i * 40 + o]!, 0))));
    const expected = inner.map((row) => Array.from({ length: 9 }, (_, o) => row.reduce((s, v, i) => s + v * w2[i * 9 + o]!, 0)));
    expect(error(toMatrix(floats(result, "out"), 33, target), expected)).toBeLessThan(CLOSE);
  });

  test.each([
    ["three axes", [2, 3, 4], undefined, 5, [0, 5]],
    ["folded first axis", [4, 3, 5], 0, 6, [0, 6]],
    ["folded last axis", [3, 4, 5], 2, 3, [0, 3]],
    ["folded middle axis", [3, 4, 5], 1, 8, [0, 8]],
    ["two axes, columns of more", [7, 6], undefined, 70, [64, 70]],
    ["one axis", [40], undefined, 4, [0, 4]],
  ] as const)("dense, %s", async (_, extents, fold, channels, [from, to]) => {
    const volume = extents.reduce((a, b) => a * b, 1);
    const rows = Math.min(volume, 20);
    const batches = 2;
    const c = new Case(rows, to - from, [{ cin: 4, taps: 3 }]);
    const cells = c.random.shuffled(volume * batches).slice(0, rows);
    const coords = cells.map((cell) => {
      const site: number[] = [];
      let rest = cell;
      for (const e of [...extents].reverse()) {
        site.unshift(rest % e);
        rest = Math.floor(rest / e);
      }
      return [rest, ...site];
    });
    c.buffers["coords"] = Int32Array.from(coords.flat());
    c.buffers["dense"] = new Float32Array(batches * channels * volume);
    const target: DenseTarget = { role: "dense", coords: "coords", channels, extents, fold };
    const result = await c.run([], target, [from, to]);
    // Shape [batch, channels, …extents], with a fold [batch, channels, folded, …others].
    const axes = fold === undefined ? extents.map((_, a) => a) : [fold, ...extents.map((_, a) => a).filter((a) => a !== fold)];
    const expected = new Float64Array(batches * channels * volume);
    coords.forEach(([b, ...site], r) => c.sum[r]!.forEach((v, i) => {
      expected[axes.reduce((at, a) => at * extents[a]! + site[a]!, b! * channels + from + i)] = v;
    }));
    expect(error([Array.from(floats(result, "dense"))], [Array.from(expected)])).toBeLessThan(CLOSE);
  });

  test("rows whose coordinates leave the extents are not scattered", async () => {
    const c = new Case(3, 1, [{ cin: 1 }]);
    c.buffers["coords"] = Int32Array.from([0, 4, 0, -1, 0, 1, 0, 3, 2]);
    c.buffers["dense"] = new Float32Array(8).fill(UNTOUCHED);
    const result = await c.run([], { role: "dense", coords: "coords", channels: 1, extents: [4, 2], fold: undefined });
    expect(Array.from(floats(result, "dense"))).toEqual(new Array(8).fill(UNTOUCHED));
  });
});

test("rows in another order give the same bits", async () => {
  for (const [cin, cout] of [[16, 32], [5, 17], [64, 64]] as const) {
    const rows = 150;
    const random = new Random(cin);
    const pairs = randomPairs(random, 27, rows, rows, 0.2);
    const order = random.shuffled(rows);
    const x = random.floats(rows * cin);
    const params = new ParamsBuilder();
    const weight = params.add(random.floats(27 * cin * cout), cout);
    const spec: ConvSpec = {
      kind: "conv", name: "k00_bits", header: [], rows: 0, columns: [0, cout], epilogue: [{ do: "relu" }],
      terms: [{ source: rowsOf("x", cin), map: { role: "map", stored: 27, taps: allTaps(27) }, weight }], target: rowsOf("out", cout),
    };
    const run = async (rename: (row: number) => number): Promise<Float32Array[]> => {
      const moved = new Float32Array(x.length);
      for (let r = 0; r < rows; r++) moved.set(x.subarray(r * cin, (r + 1) * cin), rename(r) * cin);
      const map = blockOf(pairs.map(({ tap, input, output }) => ({ tap, input: rename(input), output: rename(output) })), 27, rows);
      const { out } = await gpu.run(buildKernel(spec), {
        x: moved, map, params: params.block, counts: Uint32Array.from([rows, 0, 0, 0]), out: new Float32Array(rows * cout),
      }, { rows });
      return Array.from({ length: rows }, (_, r) => out.slice(rename(r) * cout, (rename(r) + 1) * cout));
    };
    expect(await run((r) => order[r]!)).toEqual(await run((r) => r));
  }
});

test("a launch larger than the rows writes nothing more", async () => {
  const c = new Case(40, 8, [{ cin: 8, taps: 27 }]);
  const target = c.target(rowsOf("out", 8));
  const spec: ConvSpec = { kind: "conv", name: "k", header: [], rows: 1, terms: c.terms, columns: [0, 8], epilogue: [], target };
  const result = await gpu.run(buildKernel(spec), { ...c.buffers, params: c.params.block }, { rows: 5000 });
  expectUntouched(floats(result, "out"), target, 40);
});

test("what a kernel cannot do is an internal error", () => {
  const term = { source: rowsOf("x", 4), weight: 0 };
  const spec: ConvSpec = { kind: "conv", name: "k", header: [], rows: 0, terms: [term], columns: [0, 4], epilogue: [], target: rowsOf("out", 4) };
  const adds = Array.from({ length: 5 }, (_, i): EpilogueStep => ({ do: "add", source: rowsOf(`e${i}`, 4) }));
  expect(() => buildKernel({ ...spec, epilogue: adds })).toThrow("storage buffers");
  expect(buildKernel({ ...spec, epilogue: adds.slice(1) }).bindings).toHaveLength(8);
  expect(() => buildKernel({ ...spec, epilogue: [{ do: "linear", weight: 0, cout: 132 }] })).toThrow("linear");
  expect(() => buildKernel({ ...spec, columns: [4, 8], epilogue: [{ do: "linear", weight: 0, cout: 4 }] })).toThrow("linear");
});
