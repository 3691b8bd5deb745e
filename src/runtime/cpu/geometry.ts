import { SpnetError } from "../errors.ts";
import { volume } from "../geometry/record.ts";
import { grids } from "./boxes.ts";
import type { Call, Engine } from "./engine.ts";
import { LISTS, MAX_ROWS, TILE, tileBytes } from "./fields.ts";
import { Region } from "./heap.ts";
import type { CpuInput } from "./inputs.ts";
import type { CpuPlan, CpuRulebook } from "./plan.ts";
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
  /** Bytes that the scene keeps, that tables took meanwhile, and the most of both and of room for lists at once. */
  readonly bytes: number;
  readonly tableBytes: number;
  readonly peak: number;
  /** Bytes of what is kept at its actual size. */
  readonly live: number;
  free(): void;
}

/** Builds all site sets, level by level, then the rulebooks. Duplicate rows of an input are left to the caller: its set then has fewer rows. */
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
  #peak = 0;

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
    await this.#engine.run(calls);
    this.#peak = this.#kept.bytes + this.#tables.bytes;
    const lists: { forward?: number; transposed?: number }[] = rulebooks.map(() => ({}));
    const counts: number[] = [];
    const pairs = this.#tables.alloc(4, "a count of pairs");
    for (const [i, r] of rulebooks.entries()) {
      if (r.forward !== undefined) lists[i]!.forward = await this.#search(r, "forward", pairs);
      if (r.transposed !== undefined) lists[i]!.transposed = await this.#search(r, "transposed", pairs);
      counts.push(this.#engine.heap.i32(pairs, 1)[0]!);
    }
    const coordBytes = sites.reduce((n, s, i) => n + 4 * (s.dim + 1) * this.#rows[i]!, 0);
    const listBytes = rulebooks.reduce((n, r, i) => n + 4 * counts[i]! * ((r.forward === undefined ? 0 : 1) + (r.transposed === undefined ? 0 : 1)), 0);
    return {
      rows: this.#rows, coords: this.#coords, order: this.#order, lists, pairs: counts,
      bytes: this.#kept.bytes, tableBytes: this.#tables.bytes, peak: this.#peak, live: coordBytes + listBytes,
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

  /** Searches a rulebook in one form and keeps as much room as its lists take; `pairs` counts them. */
  async #search(r: CpuRulebook, form: "forward" | "transposed", pairs: number): Promise<number> {
    const [rows, sought] = form === "forward" ? [r.to, r.from] : [r.from, r.to];
    const tiles = Math.ceil(this.#rows[rows]! / TILE);
    const head = 4 * (LISTS.tiles + tiles);
    const { heap } = this.#engine;
    // What pages nobody writes to cost no memory, and other lists get them next.
    const lists = this.#kept.alloc(head + tiles * tileBytes(volume(r.kernel)), "pair lists");
    this.#peak = Math.max(this.#peak, this.#kept.bytes + this.#tables.bytes);
    heap.i32(lists, 1)[LISTS.end] = head;
    heap.i32(pairs, 1)[0] = 0;
    await this.#engine.run([this.#table[sought]!.search(r, form, this.#list(rows), lists, pairs)]);
    this.#kept.shrink(lists, heap.i32(lists, 1)[LISTS.end]! >>> 0);
    return lists;
  }

  #pairsOf(i: number, { forward, transposed }: { readonly forward?: number; readonly transposed?: number }, taps: readonly number[]): number {
    const r = this.#plan.geometry.rulebooks[i]!;
    const { heap } = this.#engine;
    const at = (forward ?? transposed)!;
    const words = heap.i32(at, (heap.i32(at, 1)[LISTS.end]! >>> 0) / 4);
    const tiles = Math.ceil(this.#rows[forward === undefined ? r.from : r.to]! / TILE);
    let sum = 0;
    for (let t = 0; t < tiles; t++) {
      const head = (words[LISTS.tiles + t]! >>> 0) / 4;
      for (const tap of taps) sum += (words[head + tap + 1]! - words[head + tap]!) / 4;
    }
    return sum;
  }
}
