import { SpnetError } from "../errors.ts";
import { volume } from "../geometry/record.ts";
import { grids, type Grid } from "./boxes.ts";
import type { Call, Engine } from "./engine.ts";
import { CHUNK_ROWS, CHUNK_WORDS, CLEAR_CHUNK, MAX_ROWS, TABLE, TILE, tileBytes } from "./fields.ts";
import { Region } from "./heap.ts";
import type { CpuInput } from "./inputs.ts";
import type { CpuPlan } from "./plan.ts";

/** Sites and rulebooks of one scene in memory. */
export interface CpuGeometry {
  /** Rows per site set, and the address of their coordinates in sorted order. */
  readonly rows: readonly number[];
  readonly coords: readonly number[];
  /** Address, per input set, of the sorted row of each of the caller's rows. */
  readonly order: ReadonlyMap<number, number>;
  /** Addresses of pair lists. */
  readonly lists: readonly { readonly forward?: number; readonly transposed?: number }[];
  readonly pairs: readonly number[];
  /** Bytes that the scene keeps, and that tables took meanwhile. */
  readonly bytes: number;
  readonly tableBytes: number;
  /** Bytes of what is kept at its actual size. */
  readonly live: number;
  free(): void;
}

/** Bytes behind a bitmap that windows at its end may read. */
const SLACK = 64;
/** Cells of a bitmap at most: 512 MiB with its ranks. */
const MAX_CELLS = 2 ** 31;

/** Builds all site sets, level by level, then all rulebooks at once. Duplicate rows of an input are left to the caller: its set then has fewer rows. */
export async function buildGeometry(plan: CpuPlan, engine: Engine, inputs: ReadonlyMap<number, CpuInput>, batch: number): Promise<CpuGeometry> {
  const kept = new Region(engine.heap);
  const tables = new Region(engine.heap);
  try {
    return await new Builder(plan, engine, inputs, batch, kept, tables).build();
  } catch (cause) {
    kept.free();
    throw cause;
  } finally {
    tables.free();
  }
}

class Builder {
  readonly #plan: CpuPlan;
  readonly #engine: Engine;
  readonly #inputs: ReadonlyMap<number, CpuInput>;
  readonly #kept: Region;
  readonly #tables: Region;
  readonly #grids: readonly Grid[];
  readonly #rows: number[] = [];
  readonly #coords: number[] = [];
  readonly #order = new Map<number, number>();
  readonly #table: number[] = [];

  constructor(plan: CpuPlan, engine: Engine, inputs: ReadonlyMap<number, CpuInput>, batch: number, kept: Region, tables: Region) {
    this.#plan = plan;
    this.#engine = engine;
    this.#inputs = inputs;
    this.#kept = kept;
    this.#tables = tables;
    this.#grids = grids(plan.geometry, plan.geometry.sites.map((_, i) => inputs.get(i)?.bounds), batch);
  }

  async build(): Promise<CpuGeometry> {
    const { sites, rulebooks } = this.#plan.geometry;
    const calls: Call[] = [];
    sites.forEach((_, i) => calls.push(...this.#makeTable(i)));
    const levels = this.#levels();
    for (const [depth, level] of levels.entries()) {
      for (const i of level) calls.push(this.#mark(i), this.#perWord("count_words", i, []));
      await this.#engine.run(calls.splice(0));
      for (const i of level) calls.push(...this.#emit(i));
      if (depth === levels.length - 1) break;
    }
    const lists = rulebooks.map((_, i) => this.#allocLists(i));
    const pairs = this.#kept.alloc(4 * 2 * rulebooks.length, "counts of pairs");
    this.#engine.heap.i32(pairs, 2 * rulebooks.length).fill(0);
    rulebooks.forEach((r, i) => {
      const { forward, transposed } = lists[i]!;
      if (r.forward !== undefined) calls.push(this.#search(r.forward, r.to, r.from, forward!, pairs + 8 * i));
      if (r.transposed !== undefined) calls.push(this.#search(r.transposed, r.from, r.to, transposed!, pairs + 8 * i + 4));
    });
    await this.#engine.run(calls);
    const found = this.#engine.heap.i32(pairs, 2 * rulebooks.length);
    const counts = rulebooks.map((r, i) => (r.forward !== undefined ? found[2 * i]! : found[2 * i + 1]!));
    const coordBytes = sites.reduce((n, s, i) => n + 4 * (s.dim + 1) * this.#rows[i]!, 0);
    const listBytes = rulebooks.reduce((n, r, i) => n + (4 * counts[i]!) * ((r.forward === undefined ? 0 : 1) + (r.transposed === undefined ? 0 : 1)), 0);
    return {
      rows: this.#rows, coords: this.#coords, order: this.#order, lists, pairs: counts,
      bytes: this.#kept.bytes, tableBytes: this.#tables.bytes, live: coordBytes + listBytes,
      free: () => this.#kept.free(),
    };
  }

  /** Site sets by how many derivations lead to them. */
  #levels(): readonly (readonly number[])[] {
    const depth: number[] = [];
    const levels: number[][] = [];
    this.#plan.geometry.sites.forEach((s, i) => {
      depth.push(s.of < 0 ? 0 : depth[s.of]! + 1);
      (levels[depth[i]!] ??= []).push(i);
    });
    return levels;
  }

  /** Lays a site set's table out and clears its bitmap. */
  #makeTable(i: number): readonly Call[] {
    const { min, extent, lineCells, cells } = this.#grids[i]!;
    const { id } = this.#plan.geometry.sites[i]!;
    if (cells > MAX_CELLS) throw new SpnetError("SP0611", `site set ${id} lies in a box of ${cells} cells, at most ${MAX_CELLS} can be numbered on the CPU`, { site: id, cells });
    const words = cells / 64;
    const bits = this.#tables.alloc(8 * words + SLACK, "a bitmap");
    const at = this.#tables.alloc(4 * TABLE.size, "a table");
    const table = this.#engine.heap.i32(at, TABLE.size);
    this.#table.push(at);
    table[TABLE.bits] = bits;
    table[TABLE.ranks] = this.#tables.alloc(4 * words, "ranks");
    table[TABLE.words] = words;
    table[TABLE.lineWords] = lineCells / 64;
    table[TABLE.sums] = this.#tables.alloc(4 * Math.ceil(words / CHUNK_WORDS), "sums of chunks");
    let size = 1;
    for (let a = extent.length - 1; a >= 0; a--) {
      table[TABLE.origin + a] = min[a]!;
      table[TABLE.extent + a] = extent[a]!;
      table[TABLE.cells + a] = size;
      size *= a === extent.length - 1 ? lineCells : extent[a]!;
    }
    table[TABLE.batchCells] = size;
    const bytes = 8 * words + SLACK;
    return [{ name: "clear", units: Math.ceil(bytes / CLEAR_CHUNK), words: [bytes, bits] }];
  }

  #perWord(name: string, i: number, more: readonly number[]): Call {
    return { name, units: Math.ceil(this.#grids[i]!.cells / 64 / CHUNK_WORDS), words: [0, this.#table[i]!, ...more] };
  }

  #perRow(name: string, rows: number, words: readonly number[]): Call {
    return { name, units: Math.ceil(rows / CHUNK_ROWS), words: [rows, ...words] };
  }

  #mark(i: number): Call {
    const site = this.#plan.geometry.sites[i]!;
    const input = this.#inputs.get(i);
    if (input !== undefined) return this.#perRow(site.mark, input.rows, [input.at, this.#table[i]!]);
    return this.#perRow(site.mark, this.#rows[site.of]!, [this.#coords[site.of]!, this.#table[i]!]);
  }

  /** Once a set's sites are counted: room for them, and the calls that list them. */
  #emit(i: number): readonly Call[] {
    const site = this.#plan.geometry.sites[i]!;
    const { heap } = this.#engine;
    const sums = heap.i32(heap.i32(this.#table[i]!, TABLE.size)[TABLE.sums]!, Math.ceil(this.#grids[i]!.cells / 64 / CHUNK_WORDS));
    const rows = sums.reduce((a, b) => a + b, 0);
    if (rows > MAX_ROWS) throw new SpnetError("SP0611", `site set ${site.id} has ${rows} sites, the CPU target numbers at most ${MAX_ROWS}`, { site: site.id, rows });
    this.#rows[i] = rows;
    this.#coords[i] = this.#kept.alloc(4 * (site.dim + 1) * rows, "coordinates");
    const emit = this.#perWord(site.emit, i, [this.#coords[i]!]);
    const input = this.#inputs.get(i);
    if (input === undefined) return [emit];
    const order = this.#kept.alloc(4 * input.rows, "row order");
    this.#order.set(i, order);
    return [emit, this.#perRow(site.place!, input.rows, [input.at, this.#table[i]!, order])];
  }

  #allocLists(i: number): { readonly forward?: number; readonly transposed?: number } {
    const r = this.#plan.geometry.rulebooks[i]!;
    const bytes = (site: number): number => Math.ceil(this.#rows[site]! / TILE) * tileBytes(volume(r.kernel));
    return {
      ...(r.forward === undefined ? {} : { forward: this.#kept.alloc(bytes(r.to), "pair lists") }),
      ...(r.transposed === undefined ? {} : { transposed: this.#kept.alloc(bytes(r.from), "pair lists") }),
    };
  }

  #search(name: string, rowsOf: number, tableOf: number, lists: number, pairs: number): Call {
    return { name, units: Math.ceil(this.#rows[rowsOf]! / TILE), words: [this.#rows[rowsOf]!, this.#coords[rowsOf]!, this.#table[tableOf]!, lists, pairs] };
  }
}
