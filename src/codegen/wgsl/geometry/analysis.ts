import type { GeometrySite, Storage } from "../../../runtime/geometry/index.ts";
import type { GeometrySpec, RulebookSpec, SiteSpec } from "../../plan/geometry-spec.ts";
import type { PruneSpec } from "../spec.ts";

/** Cells of a bitmap up to which a grid with declared extents gets one. */
export const BITMAP_CELLS = 2 ** 28;
/** A set is marked straight from a distant ancestor as long as one row marks no more cells than this. */
const MAX_REACH = 128;

export interface CompileOptions {
  /** Most cells of a declared grid that is looked up by bitmap. */
  readonly bitmapCells?: number;
  /** Makes the kernels see failed exchanges that real devices seldom have, to test that they are retried. */
  readonly injectFailures?: boolean;
}

/** What decides a pruned set: the rows of a mask that are greater than a threshold. */
export type Mask = Pick<PruneSpec, "sites" | "source" | "above">;

/** A site set with how it is marked. */
export interface SitePlan extends GeometrySite {
  /** The derivations from `source`, exclusive, to this set, inclusive; empty for an input. */
  readonly chain: readonly number[];
  /** 0: by coordinates alone, n: after the n-th pruning, whose set it is or derives from. */
  readonly phase: number;
  /** Of its phase: 0 when marked from an input, by a mask or from earlier phases alone, else one more than its source. */
  readonly round: number;
}

/** Whether the outputs of an interval (for `generate` of one cell) are an interval, per axis: taps without gaps. */
type PlainSpec = ReturnType<typeof withPlainKind>;

const contiguous = (s: PlainSpec): boolean => (s.kind !== "reach" && s.kind !== "generate") || s.kernel!.every((k, a) => k === 1 || s.dilation![a] === 1);

/** Resolves parents to indices and decides from which rows, in which phase and round, each set is marked. `masks` are in the order of their steps. */
export function planSites(spec: GeometrySpec, options: CompileOptions, masks: readonly Mask[]): readonly SitePlan[] {
  const index = new Map(spec.sites.map((s, i) => [s.id, i]));
  const plans: SitePlan[] = [];
  // For kernels a full grid is an input whose rows the run time gives.
  const sites = spec.sites.map(withPlainKind);
  sites.forEach((s, i) => {
    if (s.kind === "members") {
      plans.push(membersPlan(s, index, plans));
      return;
    }
    const of = s.kind === "input" ? -1 : index.get(s.of ?? "");
    const others = s.others?.map((id) => index.get(id) ?? i);
    if (of === undefined || of >= i || others?.some((p) => p >= i) === true) throw new Error(`internal: site set ${s.id} comes before its parent`);
    const path = markingPath(sites, index, s, i);
    const lengths = path.chain.reduce<readonly number[]>((list, c) => lengthsAfter(list, sites[c]!), [1, 1, 1, 1]);
    const sources = s.kind === "input" ? [] : [path.source, ...(others ?? [])].map((p) => plans[p]!);
    const before = Math.max(0, ...sources.map((p) => p.phase));
    const phase = s.kind === "prune" ? masks.findIndex((m) => m.sites === s.id) + 1 : before;
    if (s.kind === "prune" && phase <= before) throw new Error(`internal: no mask makes ${s.id} after what it is a part of`);
    plans.push({
      id: s.id, kind: s.kind, dim: s.dim, of,
      ...(spec.sites[i]!.kind === "full" ? { full: true as const } : {}),
      ...pointsOf(spec.sites[i]!, index),
      ...(others === undefined ? {} : { others }),
      ...(s.kernel === undefined ? {} : { kernel: s.kernel }),
      ...(s.stride === undefined ? {} : { stride: s.stride }),
      ...(s.padding === undefined ? {} : { padding: s.padding }),
      ...(s.dilation === undefined ? {} : { dilation: s.dilation }),
      ...(s.extents === undefined ? {} : { extents: s.extents }),
      storage: storageOf(s, options),
      source: path.source, ...reachOf(s, lengths), chain: path.chain,
      phase,
      round: Math.max(0, ...sources.map((p) => (p.kind === "input" || p.phase < phase ? 0 : p.round + 1))),
    });
  });
  return plans;
}

/** A set's kind as kernels know it: full grids, points and their cells are inputs whose rows the run time gives, voxels their sorted copy. */
function withPlainKind(s: SiteSpec): Omit<SiteSpec, "kind"> & { readonly kind: SitePlan["kind"] } {
  const given = s.kind === "full" || s.kind === "points" || s.kind === "cells";
  return { ...s, kind: given ? "input" : s.kind === "voxels" ? "sorted" : (s.kind as SitePlan["kind"]) };
}

/** What the run time must know of points and their cells. */
export function pointsOf({ positions, cells, of }: SiteSpec, index: ReadonlyMap<string, number>): Pick<SitePlan, "points" | "cells"> {
  return { ...(positions === undefined ? {} : { points: positions }), ...(cells === undefined ? {} : { cells: { points: index.get(of!)!, ...cells } }) };
}

/** The list of the points of a set's rows: sorted like a set that is looked up by hash, and made once the search is. */
function membersPlan(s: Pick<SiteSpec, "id" | "of" | "into" | "search">, index: ReadonlyMap<string, number>, plans: readonly SitePlan[]): SitePlan {
  const [of, into] = [index.get(s.of!)!, index.get(s.into!)!];
  return {
    id: s.id, kind: "members", dim: 1, of, members: { into, search: s.search! }, storage: "hash", source: of, reach: 1, taps: 1, lengths: [1, 1, 1, 1], chain: [],
    phase: plans[into]!.phase, round: 0,
  };
}

/**
 * The furthest ancestor whose rows mark set `i` by intervals and in bounded work. A dilated, generated or united set takes
 * its parents, and is where the path of others ends: its outputs of an interval are none.
 */
function markingPath(sites: readonly PlainSpec[], index: ReadonlyMap<string, number>, s: PlainSpec, i: number): { readonly source: number; readonly chain: readonly number[] } {
  if (s.kind === "input") return { source: i, chain: [] };
  let chain = [i];
  let source = index.get(s.of ?? "")!;
  const ends = (set: PlainSpec): boolean => set.kind === "union" || set.kind === "prune" || set.kind === "generate" || !contiguous(set);
  if (ends(s)) return { source, chain };
  for (;;) {
    const above = sites[source]!;
    if (above.kind === "input" || ends(above)) return { source, chain };
    const longer = [source, ...chain];
    const lengths = longer.reduce<readonly number[]>((list, c) => lengthsAfter(list, sites[c]!), [1, 1, 1, 1]);
    if (product(lengths) > MAX_REACH) return { source, chain };
    chain = longer;
    source = index.get(above.of ?? "")!;
  }
}

/** How many cells a source row marks: all taps of a dilated kernel one by one, or a box at once. */
function reachOf(s: PlainSpec, lengths: readonly number[]): Pick<SitePlan, "reach" | "taps" | "lengths"> {
  if (s.kind === "union") return { reach: 1 + s.others!.length, taps: 1, lengths };
  if (contiguous(s)) return { reach: product(lengths), taps: 1, lengths };
  return { reach: product(lengths), taps: product(lengths), lengths: [1, 1, 1, 1] };
}

/** Lengths of intervals after one derivation, four axes. */
function lengthsAfter(lengths: readonly number[], s: PlainSpec): readonly number[] {
  return lengths.map((n, a) => {
    const stride = s.stride?.[a] ?? 1;
    if (s.kind === "generate") return s.kernel![a] ?? 1;
    if (s.kind === "reach") return contiguous(s) ? Math.ceil((n + (s.kernel![a] ?? 1) - 1) / stride) : (s.kernel![a] ?? 1);
    return s.kind === "floor" ? Math.ceil((n - 1) / stride) + 1 : n;
  });
}

function storageOf(s: PlainSpec, options: CompileOptions): Storage {
  if (s.kind === "input") return "hash";
  if (s.extents === undefined) return "either";
  return product(s.extents) <= (options.bitmapCells ?? BITMAP_CELLS) ? "bitmap" : "hash";
}

export const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

/** A per-axis list with the axes that do not exist filled in. */
export const four = (list: readonly number[] | undefined, fill: number): readonly number[] => [0, 1, 2, 3].map((a) => list?.[a] ?? fill);

/**
 * How an input row finds its taps on one axis: with g = gcd(d, s), tap r fits input c where g divides c + p and
 * r ≡ (c + p)/g · (d/g)⁻¹ modulo s/g. So r = first + m·step for m < count.
 */
export interface AxisTaps {
  readonly gcd: number;
  readonly step: number;
  readonly inverse: number;
  readonly count: number;
}

export function axisTaps(kernel: number, stride: number, dilation: number): AxisTaps {
  const gcd = divisor(dilation, stride);
  const step = stride / gcd;
  const unit = (dilation / gcd) % step;
  let inverse = 0;
  while (step > 1 && (inverse * unit) % step !== 1) inverse++;
  return { gcd, step, inverse, count: Math.ceil(kernel / step) };
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** Invocations per row of `from` that a search takes: half the taps and the centre, or the taps that can fit a row. */
export function probesOf(r: RulebookSpec): number {
  if (r.mirrored) return (product(r.kernel) + 1) / 2;
  return product(r.kernel.map((k, a) => axisTaps(k, r.stride[a]!, r.dilation[a]!).count));
}
