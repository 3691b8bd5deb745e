import type { DenseTarget, EpilogueStep, MapAccess, RowAccess } from "../../../src/codegen/wgsl/spec.ts";

/** Seeded numbers, so that a failure can be run again (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  floats(n: number): Float32Array<ArrayBuffer> {
    return Float32Array.from({ length: n }, () => this.next() * 2 - 1);
  }

  shuffled(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}

/** A list of pairs, the plainest form of a rulebook. */
export interface Pair {
  readonly tap: number;
  readonly input: number;
  readonly output: number;
}

/** Random pairs: at most one input per output row and tap. Some taps are rare, so that masks have holes. */
export function randomPairs(random: Random, taps: number, inputs: number, outputs: number, density = 0.3): Pair[] {
  const pairs: Pair[] = [];
  for (let tap = 0; tap < taps; tap++) {
    const chance = tap % 3 === 1 ? density / 20 : density;
    for (let output = 0; output < outputs; output++) {
      if (inputs > 0 && random.next() < chance) pairs.push({ tap, input: random.below(inputs), output });
    }
  }
  return pairs;
}

/** Pairs as the block that geometry would build, with room for `spare` records whose words must not matter. */
export function blockOf(pairs: readonly Pair[], taps: number, rows: number, spare = 1): Uint32Array<ArrayBuffer> {
  const words = Math.ceil(taps / 32);
  const record = words + 32 * taps;
  const records = Math.ceil(rows / 32);
  const block = new Uint32Array((records + spare) * record);
  block.fill(0xffff_ffff, records * record);
  for (const { tap, input, output } of pairs) {
    const base = Math.floor(output / 32) * record;
    block[base + Math.floor(tap / 32)]! |= 1 << tap % 32;
    block[base + words + tap * 32 + (output % 32)] = input + 1;
  }
  return block;
}

export const allTaps = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export const rowsOf = (role: string, channels: number, stride = channels, offset = 0): RowAccess => ({ role, channels, stride, offset });

/** A parameter block under construction: matrices and vectors with rows padded to 4 columns. */
export class ParamsBuilder {
  readonly #values: number[] = [];

  /** Appends `rows` × `columns` values and returns their offset. The padding holds what must not matter: 0 by contract. */
  add(values: ArrayLike<number>, columns: number): number {
    const at = this.#values.length;
    for (let i = 0; i < values.length; i += columns) {
      for (let c = 0; c < Math.ceil(columns / 4) * 4; c++) this.#values.push(c < columns ? values[i + c]! : 0);
    }
    return at;
  }

  get block(): Float32Array<ArrayBuffer> {
    return Float32Array.from(this.#values);
  }
}

/** Rows as the oracle has them: plain matrices of float64. */
export type Matrix = readonly (readonly number[])[];

export const toMatrix = (data: Float32Array, rows: number, access: RowAccess): Matrix =>
  Array.from({ length: rows }, (_, r) => Array.from(data.subarray(r * access.stride + access.offset, r * access.stride + access.offset + access.channels)));

export const zeros = (rows: number, columns: number): number[][] => Array.from({ length: rows }, () => new Array<number>(columns).fill(0));

/** The largest difference over the largest expected value; NaN anywhere is infinitely wrong. */
export function error(actual: Matrix, expected: Matrix): number {
  let [difference, size] = [0, 0];
  expected.forEach((row, r) => row.forEach((want, c) => {
    const got = actual[r]?.[c] ?? Number.NaN;
    if (Number.isNaN(got) || Number.isNaN(want)) difference = Infinity;
    difference = Math.max(difference, Math.abs(got - want));
    size = Math.max(size, Math.abs(want));
  }));
  return difference === 0 ? 0 : difference / Math.max(size, 1e-30);
}

export type { DenseTarget, EpilogueStep, MapAccess, RowAccess };
