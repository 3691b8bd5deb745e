import type { GeometrySpec, RulebookSpec, SiteSpec } from "../../src/codegen/plan/geometry-spec.ts";

/** Rows of (batch, axes…). */
export type Rows = readonly (readonly number[])[];

/** Pairs of a rulebook by `${output row},${tap}`: the input row. */
export type Pairs = ReadonlyMap<string, number>;

export interface Expected {
  readonly sites: ReadonlyMap<string, Rows>;
  readonly rulebooks: ReadonlyMap<string, Pairs>;
}

/**
 * Site sets and pairs straight from their definitions: a set of coordinate strings per level, and for every output row
 * and tap the input coordinate looked up by its string. Shares nothing with what it checks.
 */
export function expectedGeometry(spec: GeometrySpec, inputs: Readonly<Record<string, Rows>>): Expected {
  const sites = new Map<string, Rows>();
  for (const s of spec.sites) {
    if (s.kind === "input") sites.set(s.id, inputs[s.id] ?? []);
    else sites.set(s.id, sorted(distinct([s.of!, ...(s.others ?? [])].flatMap((parent) => sites.get(parent) ?? []).flatMap((row) => outputs(s, row)))));
  }
  return { sites, rulebooks: new Map(spec.rulebooks.map((r) => [r.name, pairs(r, sites.get(r.from)!, sites.get(r.to)!)])) };
}

function distinct(rows: Rows): Rows {
  return [...new Map(rows.map((row) => [row.join(), row])).values()];
}

function sorted(rows: Rows): Rows {
  return [...rows].sort((a, b) => {
    const i = a.findIndex((n, k) => n !== b[k]);
    return i < 0 ? 0 : a[i]! - b[i]!;
  });
}

/** All output coordinates o with in = s·o − p + r·d for some tap r; of a generated set, those that a tap leads to from in. */
function outputs(s: SiteSpec, row: readonly number[]): Rows {
  if (s.kind === "sorted" || s.kind === "union") return [row];
  if (s.kind === "generate") {
    const all = cartesian(s.kernel!).map((tap) => tap.map((r, a) => s.stride![a]! * row[a + 1]! + r * s.dilation![a]! - s.padding![a]!));
    return all.filter((o) => s.extents === undefined || o.every((c, a) => c >= 0 && c < s.extents![a]!)).map((o) => [row[0]!, ...o]);
  }
  if (s.kind === "floor") return [[row[0]!, ...row.slice(1).map((c, a) => Math.floor(c / s.stride![a]!))]];
  let list: number[][] = [[row[0]!]];
  for (let a = 0; a < s.dim; a++) {
    const next: number[][] = [];
    for (let r = 0; r < s.kernel![a]!; r++) {
      const o = (row[a + 1]! + s.padding![a]! - r * s.dilation![a]!) / s.stride![a]!;
      if (!Number.isInteger(o) || (s.extents !== undefined && (o < 0 || o >= s.extents[a]!))) continue;
      for (const start of list) next.push([...start, o]);
    }
    list = next;
  }
  return list;
}

function pairs(r: RulebookSpec, from: Rows, to: Rows): Pairs {
  const rowOf = new Map(from.map((row, i) => [row.join(), i]));
  const taps = cartesian(r.kernel);
  const found = new Map<string, number>();
  to.forEach((out, o) => {
    taps.forEach((tap, t) => {
      const key = [out[0]!, ...tap.map((n, a) => r.stride[a]! * out[a + 1]! - r.padding[a]! + n * r.dilation[a]!)].join();
      const i = rowOf.get(key);
      if (i !== undefined) found.set(`${o},${t}`, i);
    });
  });
  return found;
}

/** Every tap, last axis fastest. */
const cartesian = (kernel: readonly number[]): number[][] =>
  kernel.reduce<number[][]>((list, k) => list.flatMap((start) => Array.from({ length: k }, (_, r) => [...start, r])), [[]]);

/** What a rulebook block says, read by its documented layout, with all that must be zero checked by `complain`. */
export function readBlock(block: Uint32Array, taps: number, rows: number, complain: (text: string) => void): Pairs {
  const maskWords = Math.ceil(taps / 32);
  const recordWords = maskWords + 32 * taps;
  const found = new Map<string, number>();
  for (let record = 0; record * recordWords < block.length && record * 32 < Math.max(rows, 1); record++) {
    const at = record * recordWords;
    for (let tap = 0; tap < taps; tap++) {
      let any = false;
      for (let lane = 0; lane < 32; lane++) {
        const value = block[at + maskWords + tap * 32 + lane] ?? 0;
        if (value === 0) continue;
        any = true;
        if (record * 32 + lane >= rows) complain(`row ${record * 32 + lane} beyond ${rows} rows has an entry`);
        found.set(`${record * 32 + lane},${tap}`, value - 1);
      }
      const bit = ((block[at + (tap >> 5)]! >>> (tap & 31)) & 1) === 1;
      if (bit !== any) complain(`mask of record ${record} says ${bit} for tap ${tap}, entries ${any}`);
    }
    for (let b = taps; b < maskWords * 32; b++) if (((block[at + (b >> 5)]! >>> (b & 31)) & 1) !== 0) complain(`mask bit ${b} without a tap`);
  }
  return found;
}

/** The pairs seen from the input rows. */
export function transposedPairs(pairs: Pairs): Pairs {
  return new Map([...pairs].map(([key, input]) => {
    const [out, tap] = key.split(",");
    return [`${input},${tap}`, Number(out)];
  }));
}
