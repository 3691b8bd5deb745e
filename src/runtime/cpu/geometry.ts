import { SpnetError } from "../errors.ts";
import { gridCoords } from "../geometry/grid.ts";
import { volume } from "../geometry/record.ts";
import { grids, type Grid } from "./boxes.ts";
import type { Call, Engine } from "./engine.ts";
import { LISTS, MAX_ROWS, TILE, tileBytes } from "./fields.ts";
import { Region } from "./heap.ts";
import type { CpuInput } from "./inputs.ts";
import type { Bounds } from "../geometry/grid.ts";
import type { PointCells } from "../placed-points.ts";
import type { CpuPlan, CpuRulebook, CpuSite } from "./plan.ts";
import { coveredBounds, keptCells, listMembers } from "./points.ts";
import { BitmapTable, HashTable, type Mask, type RowList, type SiteTable } from "./tables.ts";

/** Addresses of a rulebook's pair lists. */
export interface Lists {
  readonly forward?: number;
  readonly transposed?: number;
}

/** Sites and rulebooks of one scene in memory. */
export interface CpuGeometry {
  /** Rows per site set, and the address of their coordinates in sorted order. */
  readonly rows: readonly number[];
  readonly coords: readonly number[];
  /** Address, per input set, of the sorted row of each of the caller's rows. */
  readonly order: ReadonlyMap<number, number>;
  /** Addresses of pair lists. */
  readonly lists: readonly Lists[];
  readonly pairs: readonly number[];
  /** Pairs of some taps of a rulebook, counted from its lists. */
  pairsOf(rulebook: number, taps: readonly number[]): number;
  /**
   * Makes a pruned set anew, of the parent's rows that a mask keeps, and all that derives from it, with their rulebooks.
   * Until then the set has all rows: no set has more rows ever than when the scene is made.
   */
  prune(site: number, mask: Mask): Promise<void>;
  /** Bytes that the scene keeps, that tables took meanwhile, and the most of both and of room for lists at once. */
  readonly bytes: number;
  readonly tableBytes: number;
  readonly peak: number;
  /** Bytes of what is kept at its actual size. */
  readonly live: number;
  free(): void;
}

/** Builds all site sets, level by level, then the rulebooks. Duplicate rows of an input are left to the caller: its set then has fewer rows. */
export async function buildGeometry(plan: CpuPlan, engine: Engine, inputs: ReadonlyMap<number, CpuInput>, batch: number, cells: ReadonlyMap<number, PointCells> = new Map()): Promise<CpuGeometry> {
  const kept = new Region(engine.heap);
  const tables = new Region(engine.heap);
  // Pruned sets are made anew in every run, from tables of the others.
  const again = plan.geometry.sites.some((s) => s.kind === "prune");
  try {
    const built = await new Builder(plan, engine, inputs, cells, batch, kept, tables).build();
    if (!again) tables.free();
    return built;
  } catch (cause) {
    kept.free();
    tables.free();
    throw cause;
  }
}

/** Where what is made goes: rows and lists, and the tables. */
interface Regions {
  readonly kept: Region;
  readonly tables: Region;
}

class Builder {
  readonly #plan: CpuPlan;
  readonly #engine: Engine;
  readonly #inputs: ReadonlyMap<number, CpuInput>;
  readonly #points: ReadonlyMap<number, PointCells>;
  /** Cells of points that are not left out, which mark their voxels. */
  readonly #kept = new Map<number, RowList>();
  readonly #first: Regions;
  readonly #grids: readonly Grid[];
  /** Of each pruned set, what its last pruning made. */
  readonly #pruned = new Map<number, Regions>();
  readonly #rows: number[] = [];
  readonly #coords: number[] = [];
  readonly #order = new Map<number, number>();
  readonly #full = new Map<number, RowList>();
  readonly #batch: number;
  readonly #table: SiteTable[] = [];
  readonly #lists: Lists[] = [];
  readonly #pairs: number[] = [];
  #peak = 0;

  constructor(plan: CpuPlan, engine: Engine, inputs: ReadonlyMap<number, CpuInput>, cells: ReadonlyMap<number, PointCells>, batch: number, kept: Region, tables: Region) {
    this.#plan = plan;
    this.#engine = engine;
    this.#inputs = inputs;
    this.#first = { kept, tables };
    this.#points = cells;
    this.#batch = batch;
    const boxOf = (i: number): Bounds | undefined => inputs.get(i)?.bounds ?? (cells.has(i) ? coveredBounds(cells.get(i)!) : undefined);
    this.#grids = grids(plan.geometry, plan.geometry.sites.map((_, i) => boxOf(i)), batch);
  }

  async build(): Promise<CpuGeometry> {
    const { sites, rulebooks } = this.#plan.geometry;
    const { kept, tables } = this.#first;
    for (const [site, cells] of this.#points) this.#placeCells(site, cells);
    await this.#make(() => true, this.#first);
    const coordBytes = sites.reduce((n, s, i) => n + 4 * (s.dim + 1) * this.#rows[i]!, 0);
    const listBytes = rulebooks.reduce((n, r, i) => n + 4 * this.#pairs[i]! * ((r.forward === undefined ? 0 : 1) + (r.transposed === undefined ? 0 : 1)), 0);
    return {
      rows: this.#rows, coords: this.#coords, order: this.#order, lists: this.#lists, pairs: this.#pairs,
      bytes: kept.bytes, tableBytes: tables.bytes, peak: this.#peak, live: coordBytes + listBytes,
      pairsOf: (i, taps) => this.#pairsOf(i, this.#lists[i]!, taps),
      prune: (site, mask) => this.#prune(site, mask),
      free: () => {
        for (const site of this.#pruned.keys()) this.#forget(site);
        kept.free();
        tables.free();
      },
    };
  }

  async #prune(site: number, mask: Mask): Promise<void> {
    this.#forget(site);
    const regions = { kept: new Region(this.#engine.heap), tables: new Region(this.#engine.heap) };
    this.#pruned.set(site, regions);
    const late = new Set([site]);
    this.#plan.geometry.sites.forEach((s, i) => {
      if ([s.of, ...(s.others ?? [])].some((p) => late.has(p))) late.add(i);
    });
    await this.#make((i) => late.has(i), regions, { site, mask });
  }

  #forget(site: number): void {
    const regions = this.#pruned.get(site);
    regions?.kept.free();
    regions?.tables.free();
    this.#pruned.delete(site);
  }

  /** Makes the site sets that are `wanted`, level by level, then all rulebooks from or to one of them. */
  async #make(wanted: (site: number) => boolean, regions: Regions, pruning?: { readonly site: number; readonly mask: Mask }): Promise<void> {
    const { sites, rulebooks } = this.#plan.geometry;
    const looked = (i: number): boolean => sites[i]!.kind !== "cells" && sites[i]!.kind !== "members";
    sites.forEach((s, i) => {
      if (!wanted(i) || !looked(i)) return;
      const grid = this.#grids[i]!;
      const rows = (): number => this.#from(i).reduce((n, list) => n + list.rows, 0);
      this.#table[i] = grid.cells <= this.#plan.bitmapCells ? new BitmapTable(this.#engine, regions.tables, s, grid) : new HashTable(this.#engine, regions.tables, s, rows);
    });
    let calls: Call[] = [];
    for (const level of this.#levels()) {
      const made = level.filter((i) => wanted(i) && looked(i));
      for (let open = made; open.length > 0; open = open.filter((i) => this.#table[i]!.counted() === undefined)) {
        for (const i of open) calls.push(...this.#table[i]!.begin(), ...this.#table[i]!.mark(this.#from(i), pruning?.site === i ? pruning.mask : undefined));
        await this.#engine.run(calls);
        calls = [];
      }
      for (const i of made) calls.push(...this.#emit(i, regions.kept));
    }
    await this.#engine.run(calls);
    this.#peak = Math.max(this.#peak, regions.kept.bytes + regions.tables.bytes);
    const pairs = regions.tables.alloc(4, "a count of pairs");
    for (const [i, r] of rulebooks.entries()) {
      if (!wanted(r.from) && !wanted(r.to)) continue;
      const forward = r.forward === undefined ? {} : { forward: await this.#search(r, "forward", pairs, regions) };
      const transposed = r.transposed === undefined ? {} : { transposed: await this.#search(r, "transposed", pairs, regions) };
      this.#lists[i] = { ...forward, ...transposed };
      this.#pairs[i] = this.#engine.heap.i32(pairs, 1)[0]!;
    }
    sites.forEach(({ members }, i) => {
      if (members !== undefined && wanted(members.into)) this.#listMembers(i, members, regions.kept);
    });
  }

  /** Cells of points, and apart from them those of points that are not left out. */
  #placeCells(site: number, cells: PointCells): void {
    const { dim } = this.#plan.geometry.sites[site]!;
    const place = (data: Int32Array, region: Region): RowList => {
      const at = region.alloc(data.byteLength, "cells of points");
      this.#engine.heap.i32(at, data.length).set(data);
      return { rows: data.length / (dim + 1), at };
    };
    const all = place(cells.coords, this.#first.kept);
    this.#rows[site] = all.rows;
    this.#coords[site] = all.at;
    this.#kept.set(site, cells.left === 0 ? all : place(keptCells(cells), this.#first.tables));
  }

  #listMembers(site: number, { into, search }: NonNullable<CpuSite["members"]>, kept: Region): void {
    const { heap } = this.#engine;
    const lists = this.#lists[search]!.transposed!;
    const points = this.#rows[this.#plan.geometry.rulebooks[search]!.from]!;
    const data = listMembers(heap.i32(lists, (heap.i32(lists, 1)[LISTS.end]! >>> 0) / 4), points, this.#rows[into]!);
    this.#rows[site] = points;
    this.#coords[site] = kept.alloc(data.byteLength, "points of sites");
    heap.i32(this.#coords[site], data.length).set(data);
  }

  /** Site sets by how many derivations lead to them. */
  #levels(): readonly (readonly number[])[] {
    const depth: number[] = [];
    const levels: number[][] = [];
    this.#plan.geometry.sites.forEach((s, i) => {
      depth.push(s.of < 0 ? 0 : Math.max(...[s.of, ...(s.others ?? [])].map((p) => depth[p]!)) + 1);
      (levels[depth[i]!] ??= []).push(i);
    });
    return levels;
  }

  #list(site: number): RowList {
    return { rows: this.#rows[site]!, at: this.#coords[site]! };
  }

  /** The rows that mark a set: the caller's, every cell of a full grid, or its parents'. */
  #from(site: number): readonly RowList[] {
    const input = this.#inputs.get(site) ?? this.#cells(site);
    if (input !== undefined) return [input];
    const { of, others = [] } = this.#plan.geometry.sites[site]!;
    return [of, ...others].map((p) => this.#kept.get(p) ?? this.#list(p));
  }

  /** All cells of a full grid, as long as tables are there; undefined for other sets. */
  #cells(site: number): RowList | undefined {
    const { full, dim, extents } = this.#plan.geometry.sites[site]!;
    if (full !== true) return undefined;
    const known = this.#full.get(site);
    if (known !== undefined) return known;
    const coords = gridCoords(extents!, this.#batch);
    const at = this.#first.tables.alloc(coords.byteLength, "cells of a grid");
    this.#engine.heap.i32(at, coords.length).set(coords);
    const list = { rows: coords.length / (dim + 1), at };
    this.#full.set(site, list);
    return list;
  }

  /** Once a set's sites are counted: room for them, and the calls that list them. */
  #emit(i: number, kept: Region): readonly Call[] {
    const { id, dim } = this.#plan.geometry.sites[i]!;
    const rows = this.#table[i]!.counted()!;
    if (rows > MAX_ROWS) throw new SpnetError("SP0611", `site set ${id} has ${rows} sites, the CPU target numbers at most ${MAX_ROWS}`, { site: id, rows });
    this.#rows[i] = rows;
    this.#coords[i] = kept.alloc(4 * (dim + 1) * rows, "coordinates");
    const emit = this.#table[i]!.emit(this.#coords[i]!);
    const input = this.#inputs.get(i);
    if (input === undefined) return [emit];
    const order = kept.alloc(4 * input.rows, "row order");
    this.#order.set(i, order);
    return [emit, this.#table[i]!.place(input, order)];
  }

  /** Searches a rulebook in one form and keeps as much room as its lists take; `pairs` counts them. */
  async #search(r: CpuRulebook, form: "forward" | "transposed", pairs: number, { kept, tables }: Regions): Promise<number> {
    const [rows, sought] = form === "forward" ? [r.to, r.from] : [r.from, r.to];
    const tiles = Math.ceil(this.#rows[rows]! / TILE);
    const head = 4 * (LISTS.tiles + tiles);
    const { heap } = this.#engine;
    // What pages nobody writes to cost no memory, and other lists get them next.
    const lists = kept.alloc(head + tiles * tileBytes(volume(r.kernel)), "pair lists");
    this.#peak = Math.max(this.#peak, kept.bytes + tables.bytes);
    heap.i32(lists, 1)[LISTS.end] = head;
    heap.i32(pairs, 1)[0] = 0;
    await this.#engine.run([this.#table[sought]!.search(r, form, this.#list(rows), lists, pairs)]);
    kept.shrink(lists, heap.i32(lists, 1)[LISTS.end]! >>> 0);
    return lists;
  }

  #pairsOf(i: number, { forward, transposed }: Lists, taps: readonly number[]): number {
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
