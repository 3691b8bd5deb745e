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
  readonly #rowOf = new Map<string, number>();

  constructor(rows: readonly (readonly number[])[]) {
    this.rows = rows;
    rows.forEach((row, i) => this.#rowOf.set(row.join(), i));
  }

  find(row: readonly number[]): number | undefined {
    return this.#rowOf.get(row.join());
  }
}

/** Geometry in plain loops over coordinates. `inputs` holds the rows of each input set by its index in `spec.sites`. */
export function executeGeometry(spec: GeometrySpec, inputs: ReadonlyMap<number, Int32Array>): ExecutedGeometry {
  const lists = new Map<string, SiteList>();
  spec.sites.forEach((site, i) => {
    lists.set(site.id, site.kind === "input" ? new SiteList(unflatten(inputs.get(i) ?? new Int32Array(0), site.dim + 1)) : derive(site, lists.get(site.of!)!));
  });
  const blocks = spec.rulebooks.map((r) => searchBlocks(r, lists.get(r.from)!, lists.get(r.to)!));
  return {
    rows: spec.sites.map((s) => lists.get(s.id)!.rows.length),
    coords: spec.sites.map((s) => Int32Array.from(lists.get(s.id)!.rows.flat())),
    map: (rulebook, form) => blocks[rulebook]![form],
  };
}

function unflatten(data: Int32Array, width: number): number[][] {
  return Array.from({ length: data.length / width }, (_, r) => [...data.subarray(r * width, (r + 1) * width)]);
}

function derive(site: SiteSpec, from: SiteList): SiteList {
  const found = new Map<string, readonly number[]>();
  for (const row of from.rows) for (const out of outputsOf(site, row)) found.set(out.join(), out);
  return new SiteList([...found.values()].sort(compareRows));
}

function compareRows(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** The sites of a derived set that one parent row leads to. */
function outputsOf(site: SiteSpec, row: readonly number[]): (readonly number[])[] {
  if (site.kind === "sorted") return [row];
  if (site.kind === "floor") return [row.map((c, i) => (i === 0 ? c : Math.floor(c / site.stride![i - 1]!)))];
  let partial: number[][] = [[row[0]!]];
  for (let a = 0; a < site.dim; a++) {
    const options: number[] = [];
    for (let tap = 0; tap < site.kernel![a]!; tap++) {
      const scaled = row[a + 1]! + site.padding![a]! - tap * site.dilation![a]!;
      const out = scaled / site.stride![a]!;
      if (Number.isInteger(out) && (site.extents === undefined || (out >= 0 && out < site.extents[a]!))) options.push(out);
    }
    partial = partial.flatMap((p) => options.map((o) => [...p, o]));
  }
  return partial;
}

interface Blocks {
  readonly forward: Uint32Array;
  readonly transposed: Uint32Array;
}

function searchBlocks(r: RulebookSpec, from: SiteList, to: SiteList): Blocks {
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

/** The input site that tap `tap` (last axis fastest) of an output site reads. */
function inputOf(r: RulebookSpec, row: readonly number[], tap: number): number[] {
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
