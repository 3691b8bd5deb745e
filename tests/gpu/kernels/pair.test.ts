import { afterAll, beforeAll, expect, test } from "vitest";
import { buildKernel } from "../../../src/codegen/wgsl/kernels/index.ts";
import type { FeatureSpec, Kernel } from "../../../src/codegen/wgsl/spec.ts";
import { openGpu, type TestGpu } from "../../support/gpu.ts";
import { allTaps, blockOf, error, type Pair, ParamsBuilder, Random, rowsOf, toMatrix, zeros } from "./world.ts";

let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu({ optional: ["shader-f16"] });
});
afterAll(() => gpu.close());

const CLOSE = 1e-5;
/** What float16 between the convolutions may change. */
const CLOSE_HALF = 2e-3;

const narrowed = { run: 0, left: 0 };
/** Whether rows between can be float16 here, counted. */
function halves(): boolean {
  const there = gpu.device.features.has("shader-f16");
  narrowed[there ? "run" : "left"]++;
  return there;
}
afterAll(() => console.log(`pairs with float16 between: ${narrowed.run} run${narrowed.left === 0 ? "" : `, ${narrowed.left} left out: ${gpu.adapter} has no shader-f16`}`));

/** Random submanifold-like pairs: the centre tap of every row is the row itself. */
function pairsOn(random: Random, taps: number, rows: number, density: number): Pair[] {
  const pairs: Pair[] = [];
  for (let tap = 0; tap < taps; tap++) {
    for (let output = 0; output < rows; output++) {
      if (tap === taps >> 1) pairs.push({ tap, input: output, output });
      else if (random.next() < density) pairs.push({ tap, input: random.below(rows), output });
    }
  }
  return pairs;
}

/** Halo tables as `HaloAccess` describes them, built by counting: least split whose parts all fit. */
function haloOf(pairs: readonly Pair[], taps: number, rows: number, capacity: number): { readonly words: Uint32Array<ArrayBuffer>; readonly splits: readonly number[] } {
  const list = 34;
  const positions = list + 32 * (taps + 1);
  const size = positions + 32 * Math.ceil(taps / 2);
  const words = new Uint32Array(Math.ceil(rows / 32) * size);
  const splits: number[] = [];
  for (let record = 0; record * 32 < rows; record++) {
    const base = record * size;
    const partsOf = (split: number): number[][] =>
      Array.from({ length: split }, (_, p) => {
        const [low, high] = [record * 32 + (p * 32) / split, Math.min(rows, record * 32 + ((p + 1) * 32) / split)];
        const own = Array.from({ length: Math.max(0, high - low) }, (_, i) => low + i);
        const others = new Set(pairs.filter((q) => q.output >= low && q.output < high && !own.includes(q.input)).map((q) => q.input));
        return [...own, ...[...others].sort((a, b) => a - b)];
      });
    const split = [1, 2, 4, 8, 16, 32].find((s) => partsOf(s).every((part) => part.length <= capacity));
    if (split === undefined) throw new Error("the capacity is too small for one row");
    splits.push(split);
    words[base] = split;
    let at = 0;
    const parts = partsOf(split);
    for (let p = 0; p <= 32; p++) {
      words[base + 1 + p] = at;
      for (const row of parts[p] ?? []) words[base + list + at++] = row + 1;
    }
    for (const { tap, input, output } of pairs) {
      if (Math.floor(output / 32) !== record) continue;
      const part = parts[Math.floor((output % 32) / (32 / split))]!;
      words[base + positions + (tap >> 1) * 32 + (output % 32)]! |= (part.indexOf(input) + 1) << (16 * (tap & 1));
    }
  }
  return { words, splits };
}

const cases: readonly (readonly [cin: number, middle: number, cout: number, taps: number, rows: number, capacity: number, density: number])[] = [
  [1, 1, 1, 27, 33, 100, 0.05],
  [3, 5, 17, 27, 65, 90, 0.1],
  [5, 16, 3, 9, 64, 64, 0.2],
  [16, 16, 16, 27, 96, 128, 0.03],
  [16, 16, 16, 27, 96, 27, 0.9],
  [32, 32, 32, 27, 40, 95, 0.1],
  [130, 17, 64, 9, 31, 40, 0.3],
  [4, 96, 8, 27, 32, 31, 0.3],
  [8, 8, 12, 125, 70, 128, 0.02],
  [6, 12, 20, 9, 100, 40, 0.2],
  [7, 20, 33, 27, 100, 64, 0.15],
  [2, 3, 4, 3, 1, 32, 0.5],
  [2, 3, 4, 1, 50, 32, 0.5],
  [4, 4, 4, 27, 0, 32, 0.5],
];

test.each(cases)("%d → %d → %d channels, %d taps, %d rows, capacity %d", async (cin, middle, cout, taps, rows, capacity, density) => {
  const random = new Random(cin * 7 + middle * 5 + cout);
  const pairs = pairsOn(random, taps, rows, density);
  const halo = haloOf(pairs, taps, rows, capacity);
  const x = random.floats(Math.max(1, rows * cin));
  const [w1, w2] = [random.floats(taps * cin * middle), random.floats(taps * middle * cout)];
  const [scale, shift, bias] = [random.floats(middle), random.floats(middle), random.floats(cout)];
  // Eight buffers leave room for one addend.
  const inFirst = cin % 2 === 1;
  const added = random.floats(Math.max(1, rows * (inFirst ? middle : cout)));
  const params = new ParamsBuilder();
  const firstWeight = params.add(w1, middle);
  const secondWeight = params.add(w2, cout);
  const [a, b, c] = [params.add(scale, middle), params.add(shift, middle), params.add(bias, cout)];
  const [emit, target] = [rowsOf("emit0", middle, middle + 3, 1), rowsOf("out", cout, cout + 4, 4)];
  const spec: FeatureSpec = {
    kind: "pair", name: "k00_pair", header: ["test"], rows: 1,
    source: rowsOf("x", cin), map: { role: "map", stored: taps, taps: allTaps(taps) }, halo: { role: "halo", capacity },
    middle, firstWeight, cout, secondWeight,
    first: [
      { do: "affine", scale: a, shift: b }, ...(inFirst ? [{ do: "add", source: rowsOf("e", middle) } as const] : []), { do: "relu" },
      { do: "emit", target: emit },
    ],
    second: [{ do: "bias", at: c }, ...(inFirst ? [] : [{ do: "add", source: rowsOf("e", cout) } as const]), { do: "leaky_relu", slope: 0.25 }],
    target,
  };
  const kernel = buildKernel(spec);
  expect(kernel.workgroupBytes).toBeLessThanOrEqual(16384);
  const untouched = 12345;
  const run = (k: Kernel) => gpu.run(k, {
    x, e: added, map: blockOf(pairs, taps, rows), halo: halo.words, params: params.block,
    counts: Uint32Array.from([9999, rows, 0, 0]),
    emit0: new Float32Array((rows + 2) * emit.stride).fill(untouched), out: new Float32Array((rows + 2) * target.stride).fill(untouched),
  }, { rows });
  const result = await run(kernel);

  const inner = zeros(rows, middle);
  for (const { tap, input, output } of pairs) {
    for (let i = 0; i < cin; i++) for (let o = 0; o < middle; o++) inner[output]![o]! += x[input * cin + i]! * w1[(tap * cin + i) * middle + o]!;
  }
  inner.forEach((row, r) => row.forEach((v, o) => (row[o] = Math.max(0, v * scale[o]! + shift[o]! + (inFirst ? added[r * middle + o]! : 0)))));
  const outer = zeros(rows, cout);
  for (const { tap, input, output } of pairs) {
    for (let i = 0; i < middle; i++) for (let o = 0; o < cout; o++) outer[output]![o]! += inner[input]![i]! * w2[(tap * middle + i) * cout + o]!;
  }
  outer.forEach((row, r) => row.forEach((v, o) => {
    const y = v + bias[o]! + (inFirst ? 0 : added[r * cout + o]!);
    row[o] = y < 0 ? y * 0.25 : y;
  }));
  expect(error(toMatrix(result.emit0, rows, emit), inner)).toBeLessThan(CLOSE);
  expect(error(toMatrix(result.out, rows, target), outer)).toBeLessThan(CLOSE);
  if (halves()) {
    const narrow = buildKernel({ ...spec, half: true });
    expect(narrow.workgroupBytes).toBeLessThan(kernel.workgroupBytes);
    const rounded = await run(narrow);
    expect(error(toMatrix(rounded.emit0, rows, emit), inner)).toBeLessThan(CLOSE);
    const apart = error(toMatrix(rounded.out, rows, target), outer);
    expect(apart).toBeLessThan(CLOSE_HALF);
    if (rows > 1) expect(apart).toBeGreaterThan(CLOSE / 10);
  }
  for (const [data, access] of [[result.emit0, emit], [result.out, target]] as const) {
    const stray = data.findIndex((v, i) => {
      const channel = (i % access.stride) - access.offset;
      return v !== untouched && (Math.floor(i / access.stride) >= rows || channel < 0 || channel >= access.channels);
    });
    expect(stray).toBe(-1);
  }
});

test("the cases split records in few parts and in many", () => {
  const splits = new Set(cases.flatMap(([cin, middle, cout, taps, rows, capacity, density]) =>
    haloOf(pairsOn(new Random(cin * 7 + middle * 5 + cout), taps, rows, density), taps, rows, capacity).splits));
  expect([...splits].sort((a, b) => a - b)).toEqual(expect.arrayContaining([1, 32]));
  expect(splits.size).toBeGreaterThanOrEqual(4);
});

test("a pair that does not fit says how much it needs", () => {
  const spec: FeatureSpec = {
    kind: "pair", name: "k", header: [], rows: 0, source: rowsOf("x", 4), map: { role: "map", stored: 27, taps: allTaps(27) },
    halo: { role: "halo", capacity: 128 }, middle: 32, firstWeight: 0, first: [], cout: 4, secondWeight: 27 * 4 * 32, second: [], target: rowsOf("out", 4),
  };
  expect(buildKernel(spec).workgroupBytes).toBeGreaterThan(16_384);
  expect(buildKernel({ ...spec, half: true }).workgroupBytes).toBeLessThan(16_384);
});
