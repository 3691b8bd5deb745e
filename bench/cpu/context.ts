import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Arithmetic } from "../../src/runtime/cpu/plan.ts";
import type { Lanes } from "../../src/runtime/cpu/lanes.ts";
import type { Cloud } from "./subject.ts";

interface Timing {
  readonly workload: string;
  readonly threads: number;
  readonly total_ms: number;
  readonly compute_ms: number;
  readonly map_ms?: number;
}

/** GFLOP/s of a dense float32 product (OpenBLAS, one thread) on the machine of `native.json`: 243 to 253. */
export const NATIVE_DENSE = 248;

/** What a run of the bench was asked for, where it finds its clouds, and what it found out. */
export class Context {
  readonly threads: number;
  readonly lanes: Lanes;
  readonly arithmetic: Arithmetic;
  readonly runs: number;
  /** All figures, for `--json`. */
  readonly figures: Readonly<Record<string, unknown>>[] = [];
  /** GFLOP/s of products and sums in registers, once measured. */
  peak = 0;
  readonly #data: string;
  readonly #native: readonly Timing[];
  readonly #scale: number;

  /** `dense`: what OpenBLAS reaches on one thread of this machine; native times are scaled by it. */
  constructor(threads: number, lanes: Lanes, arithmetic: Arithmetic, runs: number, data: string, dense: number | undefined) {
    this.#scale = dense === undefined ? 1 : NATIVE_DENSE / dense;
    this.threads = threads;
    this.lanes = lanes;
    this.arithmetic = arithmetic;
    this.runs = runs;
    this.#data = data;
    const file = join(data, "native.json");
    this.#native = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { readonly timings: readonly Timing[] }).timings : [];
  }

  /** The fastest native system's milliseconds with as many threads, on a machine as fast as this one if that is known. */
  native(workload: string, of: "total_ms" | "compute_ms" | "map_ms"): number | undefined {
    const times = this.#native.filter((t) => t.workload === workload && t.threads === this.threads).flatMap((t) => t[of] ?? []);
    return times.length === 0 ? undefined : Math.min(...times) * this.#scale;
  }

  /** A cloud of the shared folder; undefined, and said, where it is not here. */
  cloud(name: string): Cloud | undefined {
    const file = join(this.#data, `${name}.i32`);
    if (!existsSync(file)) {
      console.log(`${name} is not here (--data DIR): left out`);
      return undefined;
    }
    const bytes = readFileSync(file);
    const coords = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    return { name, rows: coords.length / 4, coords };
  }

  /** Fraction of the register-only peak, in words. */
  ofPeak(gflops: number): string {
    return this.peak === 0 ? "" : `${((100 * gflops) / this.peak).toFixed(0)} %`;
  }
}

/** One row of the table on the console. */
export const row = (...cells: readonly string[]): void => console.log(cells.map((c, i) => (i === 0 ? c.padEnd(44) : c.padStart(13))).join(" ").trimEnd());

/** How many times faster than another. */
export const faster = (ours: number, theirs: number | undefined): string => (theirs === undefined ? "" : `${(theirs / ours).toFixed(2)}x`);

export const milliseconds = (ms: number | undefined): string => (ms === undefined ? "" : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`);

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Milliseconds of each of `count` runs, after three that are not counted. */
export async function timed(count: number, work: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = -3; i < count; i++) {
    const start = performance.now();
    await work();
    if (i >= 0) times.push(performance.now() - start);
  }
  return times;
}
