import type { GeometryPlan, GeometryRulebook, GeometryStage } from "../../../runtime/geometry/index.ts";
import { COUNT, COUNT_BATCH, countSite } from "../../../runtime/geometry/fields.ts";
import type { GeometrySpec, RulebookSpec } from "../../plan/geometry-spec.ts";
import type { Kernel } from "../spec.ts";
import { planSites, probesOf, product, type CompileOptions, type SitePlan } from "./analysis.ts";
import { countKernel } from "./count.ts";
import { emitKernel } from "./emit.ts";
import { haloCapacity, haloKernel } from "./halo.ts";
import { markKernel } from "./mark.ts";
import { searchKernel } from "./search.ts";
import { mergeKernel } from "./sort.ts";

export type { CompileOptions } from "./analysis.ts";

/** What the emitted module needs of geometry: the kernels, and the plan that `layoutGeometry` reads. */
export interface CompiledGeometry {
  readonly kernels: readonly Kernel[];
  readonly plan: GeometryPlan;
}

/**
 * Kernels and plan for all site sets and rulebooks of a network. Per round of marking there are three dispatches (and
 * merges where a set is looked up by hash), then one search for all rulebooks and one for halo tables. Site sets of
 * different numbers of axes have kernels of their own.
 */
export function compileGeometry(spec: GeometrySpec, options: CompileOptions = {}): CompiledGeometry {
  const sites = planSites(spec, options);
  const kernels: Kernel[] = [];
  const stages: GeometryStage[] = [];
  const dims = [...new Set(sites.map((s) => s.dim))];
  const add = (kind: GeometryStage["kind"], parts: readonly number[], kernel: (name: string) => Kernel): void => {
    const made = kernel(`geometry_${kind}${stages.some((s) => s.kind === kind) ? `_${stages.length}` : ""}`);
    kernels.push(made);
    stages.push({ kind, kernel: made.name, parts });
  };
  const rounds = Math.max(...sites.map((s) => s.round)) + 1;
  for (let round = 0; round < rounds; round++) {
    for (const dim of dims) {
      const marked = sites.flatMap((s, i) => (s.round === round && s.dim === dim ? [i] : []));
      const derived = marked.filter((i) => sites[i]!.kind !== "input");
      const merged = derived.filter((i) => sites[i]!.storage !== "bitmap");
      if (marked.length > 0) add("mark", marked, (name) => markKernel(name, sites, marked, options));
      if (derived.length > 0) add("count", derived, (name) => countKernel(name, sites, derived));
      if (derived.length > 0) add("emit", derived, (name) => emitKernel(name, sites, derived));
      if (merged.length > 0) add("merge", merged, (name) => mergeKernel(name, sites, merged));
    }
  }
  const index = new Map(sites.map((s, i) => [s.id, i]));
  const dimOf = (r: RulebookSpec): number => sites[index.get(r.from)!]!.dim;
  const shapes = dims.map((dim) => distinctShapes(spec.rulebooks.filter((r) => dimOf(r) === dim)));
  dims.forEach((dim, d) => {
    const books = spec.rulebooks.flatMap((r, i) => (dimOf(r) === dim ? [i] : []));
    const lines = books.map((i) => `  ${spec.rulebooks[i]!.name}: ${spec.rulebooks[i]!.from} → ${spec.rulebooks[i]!.to}`);
    if (books.length > 0) add("search", books, (name) => searchKernel(name, dim, [...shapes[d]!.values()], lines));
  });
  const rulebooks = spec.rulebooks.map((r): GeometryRulebook => ({
    name: r.name, from: index.get(r.from)!, to: index.get(r.to)!, kernel: r.kernel, forward: r.forward, transposed: r.transposed,
    shape: [...shapes[dims.indexOf(dimOf(r))]!.keys()].indexOf(shapeKey(r)),
    probes: probesOf(r),
    ...(r.halo === undefined ? {} : { halo: { capacity: haloCapacity(product(r.kernel), r.halo.capacity) } }),
  }));
  const halos = rulebooks.flatMap((r, i) => (r.halo === undefined ? [] : [i]));
  for (const i of halos) {
    const r = rulebooks[i]!;
    if (!r.forward || r.from !== r.to || product(r.kernel) + (spec.rulebooks[i]!.mirrored ? 0 : 1) > r.halo!.capacity) throw new Error(`internal: ${r.name} can have no halo tables of ${r.halo!.capacity} rows`);
  }
  if (halos.length > 0) {
    const capacity = Math.max(...halos.map((i) => rulebooks[i]!.halo!.capacity));
    add("halo", halos, (name) => haloKernel(name, capacity, halos.map((i) => `  ${rulebooks[i]!.name}: lists of at most ${rulebooks[i]!.halo!.capacity} rows`)));
  }
  return { kernels, plan: { sites: sites.map(siteData), rulebooks, stages } };
}

const shapeKey = (r: RulebookSpec): string => JSON.stringify([r.kernel, r.stride, r.padding, r.dilation, r.mirrored]);

const distinctShapes = (rulebooks: readonly RulebookSpec[]): ReadonlyMap<string, RulebookSpec> => new Map(rulebooks.map((r) => [shapeKey(r), r]));

/** Index in `counts` of a site set's rows, or of the number of batch items. */
export function rowCountIndex(spec: GeometrySpec, rows: string): number {
  if (rows === "batch") return COUNT_BATCH;
  const index = spec.sites.findIndex((s) => s.id === rows);
  if (index < 0) throw new Error(`internal: no site set ${rows} in the geometry`);
  return countSite(index) + COUNT.rows;
}

function siteData({ chain: _chain, round: _round, ...data }: SitePlan): GeometryPlan["sites"][number] {
  return data;
}
