import { expect } from "vitest";
import type { GeometrySpec } from "../../src/codegen/plan/geometry-spec.ts";
import { Assembly } from "../../src/codegen/wasm/assembly.ts";
import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { addBarrier } from "../../src/codegen/wasm/kernels/barrier.ts";
import { addCopies } from "../../src/codegen/wasm/kernels/copy.ts";
import { buildGeometry as assembleGeometry } from "../../src/codegen/wasm/program.ts";
import { Engine } from "../../src/runtime/cpu/engine.ts";
import { LISTS } from "../../src/runtime/cpu/fields.ts";
import { buildGeometry, type CpuGeometry } from "../../src/runtime/cpu/geometry.ts";
import { Region } from "../../src/runtime/cpu/heap.ts";
import type { CpuInput } from "../../src/runtime/cpu/inputs.ts";
import type { CpuPlan } from "../../src/runtime/cpu/plan.ts";
import { webAssembly } from "../../src/runtime/cpu/wasm.ts";
import { expectPairs } from "../geometry/compare.ts";
import { expectedGeometry, transposedPairs, type Pairs, type Rows } from "../geometry/oracle.ts";

const TILE_ROWS = 64;
const volume = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

export interface GeometryOptions {
  readonly threads?: number;
  /** Grids with more cells are hashed. */
  readonly bitmapCells?: number;
  /** Bytes of memory that are taken already. */
  readonly ballast?: number;
}

/** Builds a geometry on the CPU target and compares every site list, row order, list of pairs and count with the oracle. Returns rows per set. */
export async function checkCpuGeometry(spec: GeometrySpec, inputs: Readonly<Record<string, Rows>>, options: GeometryOptions = {}): Promise<readonly number[]> {
  const assembly = new Assembly();
  const geometry = assembleGeometry(assembly, spec);
  addCopies(assembly);
  addBarrier(assembly);
  const module = await webAssembly!.compile(await assembleWat(assembly.text()));
  const engine = new Engine(module, { lanes: "plain", threads: options.threads ?? 0, scratch: assembly.scratch, heap: assembly.dataEnd });
  const plan: CpuPlan = {
    name: "geometry", inputs: [], outputs: [], load: [], blocks: [], geometry, buffers: [], steps: [], checks: [],
    arithmetic: "strict", bitmapCells: options.bitmapCells ?? 2 ** 29, scratch: assembly.scratch, heap: assembly.dataEnd,
  };
  if (options.ballast !== undefined) engine.heap.alloc(options.ballast, "ballast");
  const given = new Region(engine.heap);
  const batch = 1 + Math.max(0, ...Object.values(inputs).flatMap((rows) => rows.map((row) => row[0]!)));
  const placed = new Map(spec.sites.flatMap((site, index): [number, CpuInput][] => (site.kind === "input" ? [[index, place(engine, given, index, site, inputs[site.id]!)]] : [])));
  try {
    const before = engine.heap.used;
    const made = await buildGeometry(plan, engine, placed, batch);
    compare(engine, spec, inputs, made);
    made.free();
    // Once its arguments have room, an engine keeps nothing of a scene.
    const after = engine.heap.used;
    (await buildGeometry(plan, engine, placed, batch)).free();
    expect(engine.heap.used).toBe(after);
    expect(after - before).toBeLessThan(1 << 16);
    return made.rows;
  } finally {
    engine.dispose();
  }
}

function place(engine: Engine, given: Region, index: number, site: GeometrySpec["sites"][number], rows: Rows): CpuInput {
  const coords = Int32Array.from(rows.flat());
  const at = given.alloc(coords.byteLength, "rows");
  engine.heap.i32(at, coords.length).set(coords);
  const axis = (a: number): readonly number[] => (rows.length === 0 ? [0] : rows.map((row) => row[a + 1]!));
  const axes = Array.from({ length: site.dim }, (_, a) => a);
  return {
    input: { name: site.id, site: index, axes: axes.map(String), channels: 1, buffer: 0 },
    rows: rows.length, at, bounds: { min: axes.map((a) => Math.min(...axis(a))), max: axes.map((a) => Math.max(...axis(a))) },
  };
}

function compare(engine: Engine, spec: GeometrySpec, inputs: Readonly<Record<string, Rows>>, made: CpuGeometry): void {
  const byCoords = (a: readonly number[], b: readonly number[]): number => a.map((n, i) => n - b[i]!).find((d) => d !== 0) ?? 0;
  const sorted = Object.fromEntries(Object.entries(inputs).map(([id, rows]) => [id, [...rows].sort(byCoords)]));
  const expected = expectedGeometry(spec, sorted);
  spec.sites.forEach((s, i) => {
    const rows = expected.sites.get(s.id)!;
    expect(`${s.id}: ${made.rows[i]} rows`).toBe(`${s.id}: ${rows.length} rows`);
    expect(Array.from(engine.heap.i32(made.coords[i]!, rows.length * (s.dim + 1))), s.id).toEqual(rows.flat());
    if (s.kind !== "input") return;
    const rowOf = new Map(rows.map((row, r) => [row.join(), r]));
    expect(Array.from(engine.heap.i32(made.order.get(i)!, rows.length)), s.id).toEqual(inputs[s.id]!.map((row) => rowOf.get(row.join())));
  });
  spec.rulebooks.forEach((r, i) => {
    const pairs = expected.rulebooks.get(r.name)!;
    const taps = volume(r.kernel);
    const rows = (id: string): number => expected.sites.get(id)!.length;
    const lists = (at: number | undefined, to: string): readonly [Pairs, readonly string[]] => decode(engine, at!, taps, rows(to));
    if (r.forward) expectPairs(`${r.name} forward`, ...swapped(lists(made.lists[i]!.forward, r.to), pairs));
    if (r.transposed) expectPairs(`${r.name} transposed`, ...swapped(lists(made.lists[i]!.transposed, r.from), transposedPairs(pairs)));
    if (!r.forward && !r.transposed) return;
    expect(`${r.name}: ${made.pairs[i]} pairs`).toBe(`${r.name}: ${pairs.size} pairs`);
    const half = Array.from({ length: taps }, (_, t) => t).filter((t) => t % 2 === 0);
    expect(made.pairsOf(i, half)).toBe([...pairs.keys()].filter((key) => Number(key.split(",")[1]) % 2 === 0).length);
  });
}

const swapped = ([found, wrong]: readonly [Pairs, readonly string[]], wanted: Pairs): readonly [Pairs, Pairs, readonly string[]] => [found, wanted, wrong];

/** Reads lists of pairs by their documented layout: per tile of 64 rows, found through its word, taps + 1 byte offsets, then entries: row found · 64 + row in the tile. */
function decode(engine: Engine, at: number, taps: number, rows: number): readonly [Pairs, readonly string[]] {
  const found = new Map<string, number>();
  const wrong: string[] = [];
  const memory = engine.heap.memory.buffer;
  const heads = new Uint32Array(memory, at, LISTS.tiles + Math.ceil(rows / TILE_ROWS));
  for (let tile = 0; tile * TILE_ROWS < rows; tile++) {
    const start = heads[LISTS.tiles + tile]!;
    const words = new Uint32Array(memory, at + start, (heads[LISTS.end]! - start) / 4);
    if (words[0] !== 4 * (taps + 1)) wrong.push(`the lists of tile ${tile} begin at ${words[0]}`);
    for (let tap = 0; tap < taps; tap++) {
      const [begin, end] = [words[tap]! / 4, words[tap + 1]! / 4];
      if (end < begin || end > words.length) wrong.push(`tile ${tile}, tap ${tap}: a list from ${begin} to ${end}`);
      for (let i = begin; i < Math.min(end, words.length); i++) {
        const row = tile * TILE_ROWS + (words[i]! % TILE_ROWS);
        if (row >= rows) wrong.push(`tile ${tile}, tap ${tap}: row ${row} of ${rows}`);
        if (i > begin && words[i]! % TILE_ROWS <= words[i - 1]! % TILE_ROWS) wrong.push(`tile ${tile}, tap ${tap}: rows do not ascend`);
        found.set(`${row},${tap}`, Math.floor(words[i]! / TILE_ROWS));
      }
    }
  }
  return [found, wrong];
}
