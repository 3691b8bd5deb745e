import { gridCoords } from "../../runtime/geometry/grid.ts";
import type { GeometrySpec, RulebookSpec, SiteSpec } from "./geometry-spec.ts";

/** Site lists and rulebook blocks as the kernels would leave them. */
export interface ExecutedGeometry {
  /** Rows per site set. */
  readonly rows: readonly number[];
  /** Coordinates per site set, [rows, 1 + d] flat. */
  readonly coords: readonly Int32Array[];
  /** A rulebook block in the record layout (32 rows: mask words, then taps × 32 entries). */
  map(rulebook: number, form: "forward" | "transposed"): Uint32Array;
}

/** Coordinates of one set by row, with the row of each. */
class SiteList {
  readonly rows: readonly (readonly number[])[];
  readonly #min: readonly number[];
  readonly #cells: readonly number[];
  readonly #rowOf = new Map<number | string, number>();

  constructor(rows: readonly (readonly number[])[]) {
    this.rows = rows;
    const width = rows[0]?.length ?? 0;
    const min = new Array<number>(width).fill(Infinity);
    const max = new Array<number>(width).fill(-Infinity);
    for (const row of rows) {
      for (let c = 0; c < width; c++) {
        min[c] = Math.min(min[c]!, row[c]!);
        max[c] = Math.max(max[c]!, row[c]!);
      }
    }
    this.#min = min;
    this.#cells = max.map((most, c) => most - min[c]! + 1);
    rows.forEach((row, i) => this.#rowOf.set(this.#key(row)!, i));
  }

  find(row: readonly number[]): number | undefined {
    const key = this.#key(row);
    return key === undefined ? undefined : this.#rowOf.get(key);
  }

  /** The cell's number in the box of all rows, where numbers count that far, else text; undefined outside. */
  #key(row: readonly number[]): number | string | undefined {
    let cell = 0;
    for (let c = 0; c < this.#min.length; c++) {
      const at = row[c]! - this.#min[c]!;
      if (at < 0 || at >= this.#cells[c]!) return undefined;
      cell = cell * this.#cells[c]! + at;
    }
    return cell < Number.MAX_SAFE_INTEGER ? cell : row.join();
  }
}

/** Blocks of searches that were done before on the same inputs, by what they ask. */
export type SearchMemo = Map<string, Blocks>;

/** Which rows of its parent each pruned set keeps, by its id. */
export type Prunings = ReadonlyMap<string, (row: number) => boolean>;

/**
 * Geometry in plain loops over coordinates. `inputs` holds the rows of each input set by its index in `spec.sites`. Equal
 * searches are done once; with a `memo` also those of other plans of the same network on the same inputs. A pruned set that
 * `prunings` does not speak of keeps all rows: the most that it and what derives from it can have. `batch` items have full grids.
 */
export function executeGeometry(spec: GeometrySpec, inputs: ReadonlyMap<number, Int32Array>, batch = 1, memo: SearchMemo = new Map(), prunings: Prunings = new Map()): ExecutedGeometry {
  const lists = new Map<string, SiteList>();
  spec.sites.forEach((site, i) => {
    if (site.kind === "members") return;
    if (site.kind === "input" || site.kind === "full" || site.kind === "points" || site.kind === "cells") {
      const rows = site.kind === "full" ? gridCoords(site.extents!, batch) : (inputs.get(i) ?? new Int32Array(0));
      lists.set(site.id, new SiteList(unflatten(rows, site.dim + 1)));
      return;
    }
    const inside = (row: readonly number[]): boolean => site.kind !== "voxels" || site.extents === undefined || site.extents.every((n, a) => row[a + 1]! >= 0 && row[a + 1]! < n);
    lists.set(site.id, derive(site, [site.of!, ...(site.others ?? [])].map((id) => (site.kind === "voxels" ? new SiteList(lists.get(id)!.rows.filter(inside)) : lists.get(id)!)), prunings.get(site.id)));
  });
  const cells = new Set(spec.sites.flatMap((s) => (s.kind === "cells" ? [s.id] : [])));
  const blocks = spec.rulebooks.map(({ from, to, ...r }) => {
    const key = JSON.stringify([from, to, r.kernel, r.stride, r.padding, r.dilation]);
    const known = memo.get(key) ?? (cells.has(from) ? cellBlocks : searchBlocks)(r, lists.get(from)!, lists.get(to)!);
    memo.set(key, known);
    return known;
  });
  for (const site of spec.sites) if (site.kind === "members") lists.set(site.id, membersOf(lists.get(site.of!)!.rows.length, blocks[site.search!]!.transposed));
  return {
    rows: spec.sites.map((s) => lists.get(s.id)!.rows.length),
    coords: spec.sites.map((s) => Int32Array.from(lists.get(s.id)!.rows.flat())),
    map: (rulebook, form) => blocks[rulebook]![form],
  };
}

function unflatten(data: Int32Array, width: number): number[][] {
  return Array.from({ length: data.length / width }, (_, r) => [...data.subarray(r * width, (r + 1) * width)]);
}

function derive(site: SiteSpec, parents: readonly SiteList[], keeps: (row: number) => boolean = () => true): SiteList {
  const found = new Map<string, readonly number[]>();
  for (const from of parents) from.rows.forEach((row, i) => keeps(i) && outputsOf(site, row).forEach((out) => found.set(out.join(), out)));
  return new SiteList([...found.values()].sort(compareRows));
}

function compareRows(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** The sites of a derived set that one parent row leads to. */
function outputsOf(site: SiteSpec, row: readonly number[]): (readonly number[])[] {
  if (site.kind === "sorted" || site.kind === "voxels" || site.kind === "union" || site.kind === "prune") return [row];
  if (site.kind === "floor") return [row.map((c, i) => (i === 0 ? c : Math.floor(c / site.stride![i - 1]!)))];
  let partial: number[][] = [[row[0]!]];
  for (let a = 0; a < site.dim; a++) {
    const options: number[] = [];
    for (let tap = 0; tap < site.kernel![a]!; tap++) {
      const [c, s, p, shift] = [row[a + 1]!, site.stride![a]!, site.padding![a]!, tap * site.dilation![a]!];
      const out = site.kind === "generate" ? c * s - p + shift : (c + p - shift) / s;
      if (Number.isInteger(out) && (site.extents === undefined || (out >= 0 && out < site.extents[a]!))) options.push(out);
    }
    partial = partial.flatMap((p) => options.map((o) => [...p, o]));
  }
  return partial;
}

/** A search's pairs, by output row and by input row. */
export interface Blocks {
  readonly forward: Uint32Array;
  readonly transposed: Uint32Array;
}

function searchBlocks(r: SearchShape, from: SiteList, to: SiteList): Blocks {
  const taps = r.kernel.reduce((a, b) => a * b, 1);
  const forward = emptyBlock(to.rows.length, taps);
  const transposed = emptyBlock(from.rows.length, taps);
  to.rows.forEach((row, out) => {
    for (let tap = 0; tap < taps; tap++) {
      const input = from.find(inputOf(r, row, tap));
      if (input === undefined) continue;
      setEntry(forward, taps, out, tap, input);
      setEntry(transposed, taps, input, tap, out);
    }
  });
  return { forward, transposed };
}

/** As `searchBlocks` at stride 1, from rows of which several may be equal; only what each of them finds. */
function cellBlocks(r: SearchShape, from: SiteList, to: SiteList): Blocks {
  const taps = r.kernel.reduce((a, b) => a * b, 1);
  const transposed = emptyBlock(from.rows.length, taps);
  const mirrored = { ...r, padding: r.padding.map((p, a) => (r.kernel[a]! - 1) * r.dilation[a]! - p) };
  from.rows.forEach((row, input) => {
    for (let tap = 0; tap < taps; tap++) {
      const out = to.find(inputOf(mirrored, row, taps - 1 - tap));
      if (out !== undefined) setEntry(transposed, taps, input, tap, out);
    }
  });
  return { forward: new Uint32Array(0), transposed };
}

/** (row, point) of every point, sorted; those in no row last. */
function membersOf(points: number, block: Uint32Array): SiteList {
  const entry = (point: number): number => block[(point >> 5) * recordWords(1) + 1 + (point & 31)]!;
  const rows = Array.from({ length: points }, (_, point) => [entry(point) === 0 ? 0x7fff_ffff : entry(point) - 1, point]);
  return new SiteList(rows.sort(compareRows));
}

type SearchShape = Pick<RulebookSpec, "kernel" | "stride" | "padding" | "dilation">;

/** The input site that tap `tap` (last axis fastest) of an output site reads. */
function inputOf(r: SearchShape, row: readonly number[], tap: number): number[] {
  const site = [...row];
  let rest = tap;
  for (let a = r.kernel.length - 1; a >= 0; a--) {
    const index = rest % r.kernel[a]!;
    rest = Math.floor(rest / r.kernel[a]!);
    site[a + 1] = r.stride[a]! * row[a + 1]! - r.padding[a]! + index * r.dilation[a]!;
  }
  return site;
}

const recordWords = (taps: number): number => Math.ceil(taps / 32) + 32 * taps;

const emptyBlock = (rows: number, taps: number): Uint32Array => new Uint32Array(Math.ceil(rows / 32) * recordWords(taps));

function setEntry(block: Uint32Array, taps: number, row: number, tap: number, value: number): void {
  const record = (row >> 5) * recordWords(taps);
  block[record + (tap >> 5)]! |= 1 << (tap & 31);
  block[record + Math.ceil(taps / 32) + tap * 32 + (row & 31)] = value + 1;
}
