import { SpnetError } from "../errors.ts";
import { volume } from "../geometry/record.ts";
import { grids } from "./boxes.ts";
import type { Call, Engine } from "./engine.ts";
import { MAX_ROWS, TILE, tileBytes } from "./fields.ts";
import { Region } from "./heap.ts";
import type { CpuInput } from "./inputs.ts";
import type { CpuPlan } from "./plan.ts";
import { BitmapTable, HashTable, type RowList, type SiteTable } from "./tables.ts";

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
  /** Pairs of some taps of a rulebook, counted from its lists. */
  pairsOf(rulebook: number, taps: readonly number[]): number;
  /** Bytes that the scene keeps, and that tables took meanwhile. */
  readonly bytes: number;
  readonly tableBytes: number;
  /** Bytes of what is kept at its actual size. */
  readonly live: number;
  free(): void;
}

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
  readonly #rows: number[] = [];
  readonly #coords: number[] = [];
  readonly #order = new Map<number, number>();
  readonly #table: readonly SiteTable[];

  constructor(plan: CpuPlan, engine: Engine, inputs: ReadonlyMap<number, CpuInput>, batch: number, kept: Region, tables: Region) {
    this.#plan = plan;
    this.#engine = engine;
    this.#inputs = inputs;
    this.#kept = kept;
    this.#tables = tables;
    const { sites } = plan.geometry;
    this.#table = grids(plan.geometry, sites.map((_, i) => inputs.get(i)?.bounds), batch).map((grid, i) =>
      grid.cells <= plan.bitmapCells ? new BitmapTable(engine, tables, sites[i]!, grid) : new HashTable(engine, tables, sites[i]!, () => this.#from(i).rows),
    );
  }

  async build(): Promise<CpuGeometry> {
    const { sites, rulebooks } = this.#plan.geometry;
    let calls: Call[] = [];
    for (const level of this.#levels()) {
      for (let open = level; open.length > 0; open = open.filter((i) => this.#table[i]!.counted() === undefined)) {
        for (const i of open) calls.push(...this.#table[i]!.begin(), ...this.#table[i]!.mark(this.#from(i)));
        await this.#engine.run(calls);
        calls = [];
      }
      for (const i of level) calls.push(...this.#emit(i));
    }
    const lists = rulebooks.map((_, i) => this.#allocLists(i));
    const pairs = this.#kept.alloc(4 * 2 * rulebooks.length, "counts of pairs");
    this.#engine.heap.i32(pairs, 2 * rulebooks.length).fill(0);
    rulebooks.forEach((r, i) => {
      const { forward, transposed } = lists[i]!;
      if (forward !== undefined) calls.push(this.#table[r.from]!.search(r, "forward", this.#list(r.to), forward, pairs + 8 * i));
      if (transposed !== undefined) calls.push(this.#table[r.to]!.search(r, "transposed", this.#list(r.from), transposed, pairs + 8 * i + 4));
    });
    await this.#engine.run(calls);
    const found = this.#engine.heap.i32(pairs, 2 * rulebooks.length);
    const counts = rulebooks.map((r, i) => (r.forward !== undefined ? found[2 * i]! : found[2 * i + 1]!));
    const coordBytes = sites.reduce((n, s, i) => n + 4 * (s.dim + 1) * this.#rows[i]!, 0);
    const listBytes = rulebooks.reduce((n, r, i) => n + 4 * counts[i]! * ((r.forward === undefined ? 0 : 1) + (r.transposed === undefined ? 0 : 1)), 0);
    return {
      rows: this.#rows, coords: this.#coords, order: this.#order, lists, pairs: counts,
      bytes: this.#kept.bytes, tableBytes: this.#tables.bytes, live: coordBytes + listBytes,
      pairsOf: (i, taps) => this.#pairsOf(i, lists[i]!, taps),
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

  #list(site: number): RowList {
    return { rows: this.#rows[site]!, at: this.#coords[site]! };
  }

  /** The rows that mark a set: the caller's, or its parent's. */
  #from(site: number): RowList {
    return this.#inputs.get(site) ?? this.#list(this.#plan.geometry.sites[site]!.of);
  }

  /** Once a set's sites are counted: room for them, and the calls that list them. */
  #emit(i: number): readonly Call[] {
    const { id, dim } = this.#plan.geometry.sites[i]!;
    const rows = this.#table[i]!.counted()!;
    if (rows > MAX_ROWS) throw new SpnetError("SP0611", `site set ${id} has ${rows} sites, the CPU target numbers at most ${MAX_ROWS}`, { site: id, rows });
    this.#rows[i] = rows;
    this.#coords[i] = this.#kept.alloc(4 * (dim + 1) * rows, "coordinates");
    const emit = this.#table[i]!.emit(this.#coords[i]!);
    const input = this.#inputs.get(i);
    if (input === undefined) return [emit];
    const order = this.#kept.alloc(4 * input.rows, "row order");
    this.#order.set(i, order);
    return [emit, this.#table[i]!.place(input, order)];
  }

  #pairsOf(i: number, { forward, transposed }: { readonly forward?: number; readonly transposed?: number }, taps: readonly number[]): number {
    const r = this.#plan.geometry.rulebooks[i]!;
    const bytes = tileBytes(volume(r.kernel));
    const tiles = Math.ceil(this.#rows[forward === undefined ? r.from : r.to]! / TILE);
    const words = this.#engine.heap.i32((forward ?? transposed)!, (tiles * bytes) / 4);
    let sum = 0;
    for (let t = 0; t < tiles; t++) for (const tap of taps) sum += (words[(t * bytes) / 4 + tap + 1]! - words[(t * bytes) / 4 + tap]!) / 4;
    return sum;
  }

  #allocLists(i: number): { readonly forward?: number; readonly transposed?: number } {
    const r = this.#plan.geometry.rulebooks[i]!;
    const bytes = (site: number): number => Math.ceil(this.#rows[site]! / TILE) * tileBytes(volume(r.kernel));
    return {
      ...(r.forward === undefined ? {} : { forward: this.#kept.alloc(bytes(r.to), "pair lists") }),
      ...(r.transposed === undefined ? {} : { transposed: this.#kept.alloc(bytes(r.from), "pair lists") }),
    };
  }
}
