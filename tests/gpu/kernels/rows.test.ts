import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildKernel } from "../../../src/codegen/wgsl/kernels/index.ts";
import type { FeatureSpec, RowAccess } from "../../../src/codegen/wgsl/spec.ts";
import { openGpu, type TestGpu, type Words } from "../../support/gpu.ts";
import { allTaps, blockOf, error, type Matrix, ParamsBuilder, Random, randomPairs, rowsOf, toMatrix, zeros } from "./world.ts";

let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const CLOSE = 1e-5;
const UNTOUCHED = 12345;
const ROWS = [0, 1, 31, 32, 33, 64, 65];
const CHANNELS = [1, 3, 5, 16, 17, 130];

/** Runs a kernel for counts [7777, rows] and gives its output as a matrix; what lies around it must be untouched. */
async function run(spec: FeatureSpec, target: RowAccess, rows: number, buffers: Record<string, Words>, counts = [7777, rows]): Promise<Matrix> {
  const out = new Float32Array((rows + 3) * target.stride).fill(UNTOUCHED);
  const all: Record<string, Words> = { ...buffers, counts: Uint32Array.from([...counts, 0, 0]), [target.role]: out };
  const written = (await gpu.run(buildKernel(spec), all, { rows }))[target.role];
  if (!(written instanceof Float32Array)) throw new Error("nothing was written");
  const stray = written.findIndex((v, i) => {
    const channel = (i % target.stride) - target.offset;
    return v !== UNTOUCHED && (Math.floor(i / target.stride) >= rows || channel < 0 || channel >= target.channels);
  });
  expect(stray).toBe(-1);
  return toMatrix(written, rows, target);
}

const head = { name: "k00_test", header: ["test"], rows: 1 };

describe("pointwise", () => {
  test.each(CHANNELS)("%d channels between slices", async (channels) => {
    for (const rows of ROWS) {
      const random = new Random(channels + rows);
      const source = rowsOf("x", channels, channels + 7, 4);
      const target = rowsOf("out", channels, channels + 4, 4);
      const x = random.floats((rows + 1) * source.stride);
      const [scale, shift] = [random.floats(channels), random.floats(channels)];
      const params = new ParamsBuilder();
      const [a, b] = [params.add(scale, channels), params.add(shift, channels)];
      const got = await run({ ...head, kind: "pointwise", source, epilogue: [{ do: "affine", scale: a, shift: b }, { do: "relu" }], target }, target, rows, { x, params: params.block });
      expect(error(got, toMatrix(x, rows, source).map((row) => row.map((v, c) => Math.max(0, v * scale[c]! + shift[c]!))))).toBeLessThan(CLOSE);
    }
  });

  test("a copy moves bits, also of NaN and infinities", async () => {
    const source = rowsOf("x", 6, 9, 1);
    const target = rowsOf("out", 6);
    const x = new Float32Array(40 * 9).fill(0);
    x.set([Number.NaN, Infinity, -Infinity, -0, 1e-30, 3e38], 1);
    const [first] = await run({ ...head, kind: "pointwise", source, epilogue: [], target }, target, 40, { x });
    expect(first).toEqual([Number.NaN, Infinity, -Infinity, -0, Math.fround(1e-30), Math.fround(3e38)]);
  });

  test("a linear step", async () => {
    const random = new Random(3);
    const [source, target] = [rowsOf("x", 20), rowsOf("out", 7)];
    const x = random.floats(50 * 20);
    const w = random.floats(20 * 7);
    const params = new ParamsBuilder();
    const weight = params.add(w, 7);
    const got = await run({ ...head, kind: "pointwise", source, epilogue: [{ do: "linear", weight, cout: 7 }, { do: "sigmoid" }], target }, target, 50, { x, params: params.block });
    const want = toMatrix(x, 50, source).map((row) => Array.from({ length: 7 }, (_, o) => 1 / (1 + Math.exp(-row.reduce((s, v, i) => s + v * w[i * 7 + o]!, 0)))));
    expect(error(got, want)).toBeLessThan(CLOSE);
  });
});

describe("fill", () => {
  test.each([[1, 1], [3, 1], [5, 7], [17, 450], [130, 33]])("%d channels, %d cells together", async (channels, together) => {
    for (const rows of [0, 1, 3]) {
      const values = new Random(channels).floats(channels);
      const params = new ParamsBuilder();
      params.add([9, 9, 9], 3);
      const at = params.add(values, channels);
      const volume = together === 1 ? channels * 11 : channels * together;
      const target = rowsOf("dense", volume);
      const got = await run({ ...head, kind: "fill", target, channels, run: together, at }, target, rows, { params: params.block });
      expect(got).toEqual(zeros(rows, volume).map((row) => row.map((_, i) => values[Math.floor(i / together) % channels]!)));
    }
  });
});

describe("pool", () => {
  const modes = [["max", "count"], ["sum", "count"], ["avg", "count"], ["avg", 27], ["max", 2]] as const;
  test.each(modes)("%s by %s", async (mode, divisor) => {
    for (const [i, channels] of CHANNELS.entries()) {
      const rows = ROWS[i + 1]!;
      const random = new Random(channels);
      const [source, target] = [rowsOf("x", channels, channels + 3, 1), rowsOf("out", channels)];
      // All negative, so that a maximum that begins at 0 shows; thin, so that some rows have no pair.
      const x = random.floats((rows + 9) * source.stride).map((v) => v - 2);
      const pairs = randomPairs(random, 27, rows + 9, rows, 0.08);
      const map = { role: "map", stored: 27, taps: allTaps(27) };
      const got = await run({ ...head, kind: "pool", source, map, mode, divisor, epilogue: [], target }, target, rows, { x, map: blockOf(pairs, 27, rows) });
      const input = toMatrix(x, rows + 9, source);
      const want = zeros(rows, channels).map((zero, r) => {
        const found = pairs.filter((p) => p.output === r).map((p) => input[p.input]!);
        if (found.length === 0) return zero;
        return zero.map((_, c) => {
          const values = found.map((row) => row[c]!);
          if (mode === "max") return Math.max(...values, ...(divisor !== "count" && found.length < divisor ? [0] : []));
          const sum = values.reduce((a, b) => a + b, 0);
          return mode === "sum" ? sum : sum / (divisor === "count" ? found.length : divisor);
        });
      });
      expect(error(got, want)).toBeLessThan(CLOSE);
    }
  });

  test("taps of a slice, and an epilogue", async () => {
    const random = new Random(8);
    const taps = [1, 4, 7];
    const [source, target, residual] = [rowsOf("x", 8), rowsOf("out", 8), rowsOf("e0", 8)];
    const [x, e] = [random.floats(60 * 8), random.floats(60 * 8)];
    const pairs = randomPairs(random, 9, 60, 60, 0.5);
    const got = await run(
      { ...head, kind: "pool", source, map: { role: "map", stored: 9, taps }, mode: "sum", divisor: "count", epilogue: [{ do: "add", source: residual }], target },
      target, 60, { x, e0: e, map: blockOf(pairs, 9, 60) },
    );
    const want = toMatrix(e, 60, residual).map((row) => [...row]);
    for (const p of pairs) if (taps.includes(p.tap)) for (let c = 0; c < 8; c++) want[p.output]![c]! += x[p.input * 8 + c]!;
    expect(error(got, want)).toBeLessThan(CLOSE);
  });
});

describe("global pool", () => {
  const sizes = [0, 1, 63, 64, 65, 0, 300, 2];
  const rows = sizes.reduce((a, b) => a + b, 0);
  const batchOf = sizes.flatMap((n, b) => new Array<number>(n).fill(b));
  const coords = Int32Array.from([...batchOf.flatMap((b, i) => [b, i, 0]), ...new Array<number>(30).fill(-1)]);

  const modes = ["max", "sum", "avg"] as const;
  test.each(modes.flatMap((mode) => CHANNELS.map((channels) => [mode, channels] as const)))("%s of %d channels", async (mode, channels) => {
    const random = new Random(channels);
    const [source, target] = [rowsOf("x", channels, channels + 2, 2), rowsOf("out", channels)];
    const x = random.floats(rows * source.stride).map((v) => v - 1.5);
    const spec: FeatureSpec = { ...head, kind: "global_pool", source, coords: "coords", dim: 2, sites: 0, mode, target };
    const got = await run(spec, target, sizes.length, { x, coords }, [rows, sizes.length]);
    const input = toMatrix(x, rows, source);
    const want = sizes.map((n, b) => Array.from({ length: channels }, (_, c) => {
      const values = input.filter((_, r) => batchOf[r] === b).map((row) => row[c]!);
      if (n === 0) return 0;
      if (mode === "max") return Math.max(...values);
      const sum = values.reduce((s, v) => s + v, 0);
      return mode === "sum" ? sum : sum / n;
    }));
    expect(error(got, want)).toBeLessThan(CLOSE);
  });

  test("through an order, in any row order, the bits are the same", async () => {
    const random = new Random(1);
    const [source, target] = [rowsOf("x", 5), rowsOf("out", 5)];
    const x = random.floats(rows * 5);
    const spec: FeatureSpec = {
      ...head, kind: "global_pool", source, order: { role: "order", stored: 1, taps: [0] }, coords: "coords", dim: 2, sites: 0, mode: "sum", target,
    };
    const inOrder = async (to: readonly number[]): Promise<Matrix> => {
      const moved = new Float32Array(x.length);
      to.forEach((row, r) => moved.set(x.subarray(r * 5, r * 5 + 5), row * 5));
      const order = blockOf(to.map((input, output) => ({ tap: 0, input, output })), 1, rows);
      return await run(spec, target, sizes.length, { x: moved, order, coords }, [rows, sizes.length]);
    };
    const plain = await inOrder(allTaps(rows));
    expect(await inOrder(random.shuffled(rows))).toEqual(plain);
    const want = sizes.map((_, b) => Array.from({ length: 5 }, (_, c) => batchOf.reduce((s, at, r) => (at === b ? s + x[r * 5 + c]! : s), 0)));
    expect(error(plain, want)).toBeLessThan(CLOSE);
  });
});
