import type { Grid } from "./boxes.ts";
import type { Call, Engine } from "./engine.ts";
import { CHUNK_ROWS, CHUNK_WORDS, CLEAR_CHUNK, HASH, slotBytes, SPEC, SPEC_KIND, TABLE, TILE } from "./fields.ts";
import type { Region } from "./heap.ts";
import type { CpuRulebook, CpuSite } from "./plan.ts";

/** Rows in memory: how many, and where their coordinates are. */
export interface RowList {
  readonly rows: number;
  readonly at: number;
}

/** One value per row that decides whether it stays. */
export interface Mask {
  readonly at: number;
  /** Bytes from row to row. */
  readonly stride: number;
  readonly above: number;
}

const maskWords = ({ at, stride, above }: Mask): readonly number[] => [at, stride, new Int32Array(Float32Array.of(above).buffer)[0]!];

/** Where the sites of a set are looked up while a scene is prepared. */
export interface SiteTable {
  /** Makes room, and the calls that clear it. */
  begin(): readonly Call[];
  /** Puts the sites that the lists lead to into the table, and counts them: the caller's rows of an input, or each parent's rows, of pruned sets those that a mask keeps. */
  mark(from: readonly RowList[], mask?: Mask): readonly Call[];
  /** Sites there are, once the calls of `mark` were made; undefined when the table was too small: begin again. */
  counted(): number | undefined;
  /** Lists the sites' coordinates in sorted order; rows can be looked up afterwards. */
  emit(coords: number): Call;
  /** order[i] = the sorted row of row i of the caller. */
  place(from: RowList, order: number): Call;
  /** Pair lists of rows that look for this table's sites. */
  search(book: CpuRulebook, form: "forward" | "transposed", from: RowList, lists: number, pairs: number): Call;
}

const perRow = (name: string, from: RowList, words: readonly number[]): Call => ({ name, units: Math.ceil(from.rows / CHUNK_ROWS), words: [from.rows, from.at, ...words] });

const clear = (at: number, bytes: number): Call => ({ name: "clear", units: Math.ceil(bytes / CLEAR_CHUNK), words: [bytes, at] });

/** Bytes behind a bitmap that windows at its end may read. */
const SLACK = 64;

/** A bit per cell of the grid and a rank per 64: nothing is ever searched for. */
export class BitmapTable implements SiteTable {
  readonly #engine: Engine;
  readonly #region: Region;
  readonly #site: CpuSite;
  readonly #grid: Grid;
  #at = 0;
  #sums = 0;

  constructor(engine: Engine, region: Region, site: CpuSite, grid: Grid) {
    this.#engine = engine;
    this.#region = region;
    this.#site = site;
    this.#grid = grid;
  }

  begin(): readonly Call[] {
    const { min, extent, lineCells, cells } = this.#grid;
    const words = cells / 64;
    const bits = this.#region.alloc(8 * words + SLACK, "a bitmap");
    const ranks = this.#region.alloc(4 * words, "ranks");
    this.#sums = this.#region.alloc(4 * this.#chunks, "sums of chunks");
    this.#at = this.#region.alloc(4 * TABLE.size, "a table");
    const table = this.#engine.heap.i32(this.#at, TABLE.size);
    table[TABLE.bits] = bits;
    table[TABLE.ranks] = ranks;
    table[TABLE.words] = words;
    table[TABLE.lineWords] = lineCells / 64;
    table[TABLE.sums] = this.#sums;
    let size = 1;
    for (let a = extent.length - 1; a >= 0; a--) {
      table[TABLE.origin + a] = min[a]!;
      table[TABLE.extent + a] = extent[a]!;
      table[TABLE.cells + a] = size;
      size *= a === extent.length - 1 ? lineCells : extent[a]!;
    }
    table[TABLE.batchCells] = size;
    return [clear(bits, 8 * words + SLACK)];
  }

  mark(from: readonly RowList[], mask?: Mask): readonly Call[] {
    const [name, words] = mask === undefined ? [this.#site.mark, []] : [this.#site.pruned!, maskWords(mask)];
    return [...from.map((list) => perRow(name, list, [this.#at, ...words])), { name: "count_words", units: this.#chunks, words: [0, this.#at] }];
  }

  counted(): number {
    return this.#engine.heap.i32(this.#sums, this.#chunks).reduce((a, b) => a + b, 0);
  }

  emit(coords: number): Call {
    return { name: this.#site.emit, units: this.#chunks, words: [0, this.#at, coords] };
  }

  place(from: RowList, order: number): Call {
    return perRow(this.#site.place!, from, [this.#at, order]);
  }

  search(book: CpuRulebook, form: "forward" | "transposed", from: RowList, lists: number, pairs: number): Call {
    return { name: book[form]!, units: Math.ceil(from.rows / TILE), words: [from.rows, from.at, this.#at, lists, pairs] };
  }

  get #chunks(): number {
    return Math.ceil(this.#grid.cells / 64 / CHUNK_WORDS);
  }
}

/** Slots per row that marks a set, at first; it doubles until all sites find one. */
const SLOTS_PER_ROW = 2;

/** 64 cells a slot, found by hash: for grids too large for a bitmap. */
export class HashTable implements SiteTable {
  readonly #engine: Engine;
  readonly #region: Region;
  readonly #site: CpuSite;
  readonly #rows: () => number;
  #slots = 0;
  #at = 0;

  /** `rows`: how many rows will mark the set, known when it is begun. */
  constructor(engine: Engine, region: Region, site: CpuSite, rows: () => number) {
    this.#engine = engine;
    this.#region = region;
    this.#site = site;
    this.#rows = rows;
  }

  begin(): readonly Call[] {
    this.#slots = this.#slots === 0 ? 2 ** Math.ceil(Math.log2(Math.max(64, SLOTS_PER_ROW * this.#rows()))) : 2 * this.#slots;
    const take = (bytes: number): number => this.#region.alloc(bytes, "a hashed table");
    // One slot more: what is not found has no cells.
    const bytes = slotBytes(this.#site.dim) * (this.#slots + 1);
    const records = take(bytes);
    this.#at = take(4 * HASH.size);
    const table = this.#engine.heap.i32(this.#at, HASH.size).fill(0);
    table[HASH.slots] = this.#slots;
    table[HASH.records] = records;
    table[HASH.sorted] = take(4 * this.#slots);
    table[HASH.spare] = take(4 * this.#slots);
    return [clear(records, bytes)];
  }

  mark(from: readonly RowList[], mask?: Mask): readonly Call[] {
    const { kind, dim } = this.#site;
    const own = kind === "input" || kind === "union" || kind === "prune" || kind === "voxels";
    const marks = mask !== undefined ? from.map((list) => perRow(`mark_pruned_hash_${dim}d`, list, [this.#at, ...maskWords(mask)])) : from.map((list) => (own ? perRow(`mark_hash_${dim}d`, list, [this.#at]) : perRow(`derive_hash_${dim}d`, list, [this.#at, this.#spec(SPEC_KIND[kind as keyof typeof SPEC_KIND], this.#site)])));
    return [...marks, { name: `sort_hash_${dim}d`, units: 1, words: [0, this.#at] }];
  }

  counted(): number | undefined {
    const table = this.#engine.heap.i32(this.#at, HASH.size);
    return table[HASH.full] === 0 ? table[HASH.sites]! : undefined;
  }

  emit(coords: number): Call {
    return { name: `emit_hash_${this.#site.dim}d`, units: 1, words: [0, this.#at, coords] };
  }

  place(from: RowList, order: number): Call {
    return perRow(`place_hash_${this.#site.dim}d`, from, [this.#at, order]);
  }

  search(book: CpuRulebook, form: "forward" | "transposed", from: RowList, lists: number, pairs: number): Call {
    return { name: `search_hash_${this.#site.dim}d`, units: Math.ceil(from.rows / TILE), words: [from.rows, from.at, this.#at, lists, pairs, this.#spec(SPEC_KIND[form], book)] };
  }

  /** A derivation or search in memory, as the functions of hashed tables read it. */
  #spec(kind: number, of: Partial<Pick<CpuSite, "kernel" | "stride" | "padding" | "dilation" | "extents">>): number {
    const { dim } = this.#site;
    const words = SPEC.axes + SPEC.perAxis * dim;
    const at = this.#region.alloc(4 * words, "a derivation");
    const spec = this.#engine.heap.i32(at, words);
    spec[SPEC.kind] = kind;
    for (let a = 0; a < dim; a++) {
      const to = SPEC.axes + SPEC.perAxis * a;
      spec[to + SPEC.kernel] = of.kernel?.[a] ?? 1;
      spec[to + SPEC.stride] = of.stride?.[a] ?? 1;
      spec[to + SPEC.padding] = of.padding?.[a] ?? 0;
      spec[to + SPEC.dilation] = of.dilation?.[a] ?? 1;
      spec[to + SPEC.extent] = of.extents?.[a] ?? -1;
    }
    return at;
  }
}
