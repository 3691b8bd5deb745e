import type { GeometryPlan, GeometryRulebook } from "../../../runtime/geometry/index.ts";
import { COUNT, COUNT_BATCH, countSite } from "../../../runtime/geometry/fields.ts";
import type { GeometrySpec, RulebookSpec } from "../../plan/geometry-spec.ts";
import type { Kernel } from "../spec.ts";
import { planSites, probesOf, product, type CompileOptions, type Mask, type SitePlan } from "./analysis.ts";
import { countKernel } from "./count.ts";
import { emitKernel } from "./emit.ts";
import { haloCapacity, haloKernel } from "./halo.ts";
import { markKernel } from "./mark.ts";
import { membersKernel } from "./members.ts";
import { searchKernel } from "./search.ts";
import { Stages } from "./stages.ts";
import { mergeKernel } from "./sort.ts";

export type { CompileOptions, Mask } from "./analysis.ts";

/** What the emitted module needs of geometry: the kernels, and the plan that `layoutGeometry` reads. */
export interface CompiledGeometry {
  readonly kernels: readonly Kernel[];
  readonly plan: GeometryPlan;
}

/**
 * Kernels and plan for all site sets and rulebooks of a network. Per round of marking there are three dispatches (and
 * merges where a set is looked up by hash), then one search for all rulebooks and one for halo tables. Site sets of
 * different numbers of axes have kernels of their own. Each pruned set, which `masks` decide in this order, is followed
 * by all that derives from it in the same way; kernels of such late sets know all of them, so that more prunings need few more kernels.
 */
export function compileGeometry(spec: GeometrySpec, options: CompileOptions = {}, masks: readonly Mask[] = []): CompiledGeometry {
  const sites = planSites(spec, options, masks);
  const stages = new Stages();
  const dims = [...new Set(sites.map((s) => s.dim))];
  const index = new Map(sites.map((s, i) => [s.id, i]));
  const dimOf = (r: RulebookSpec): number => sites[index.get(r.from)!]!.dim;
  const shapes = dims.map((dim) => distinctShapes(spec.rulebooks.filter((r) => dimOf(r) === dim)));
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
  const made = (phase: number) => (i: number): boolean => Math.max(sites[rulebooks[i]!.from]!.phase, sites[rulebooks[i]!.to]!.phase) === phase;
  for (let phase = 0; phase <= masks.length; phase++) {
    if (phase > 0) stages.beginLate(index.get(masks[phase - 1]!.sites)!);
    addSites(stages, sites, phase, options, masks);
    dims.forEach((dim, d) => {
      const books = rulebooks.flatMap((_, i) => (dimOf(spec.rulebooks[i]!) === dim ? [i] : []));
      const lines = books.map((i) => `  ${spec.rulebooks[i]!.name}: ${spec.rulebooks[i]!.from} → ${spec.rulebooks[i]!.to}`);
      stages.share(`${dim}`, "search", books.filter(made(phase)), (name) => searchKernel(name, dim, [...shapes[d]!.values()], lines));
    });
    addMembers(stages, sites, phase);
    const capacity = Math.max(...halos.map((i) => rulebooks[i]!.halo!.capacity));
    const lines = halos.map((i) => `  ${rulebooks[i]!.name}: lists of at most ${rulebooks[i]!.halo!.capacity} rows`);
    stages.share("all", "halo", halos.filter(made(phase)), (name) => haloKernel(name, capacity, lines));
  }
  return { kernels: stages.kernels, plan: { sites: sites.map(siteData), rulebooks, stages: stages.list } };
}

/** The stages that list the points of sites, once their searches are done. */
function addMembers(stages: Stages, sites: readonly SitePlan[], phase: number): void {
  const all = sites.flatMap((s, i) => (s.kind === "members" ? [i] : []));
  const made = all.filter((i) => sites[i]!.phase === phase);
  stages.share("members", "members", made, (name) => membersKernel(name, sites, all));
  stages.share("members", "emit", made, (name) => emitKernel(name, sites, all));
  stages.share("members", "merge", made, (name) => mergeKernel(name, sites, all));
}

/** The stages that make the site sets of a phase, round by round. */
function addSites(stages: Stages, sites: readonly SitePlan[], phase: number, options: CompileOptions, masks: readonly Mask[]): void {
  const derived = (i: number): boolean => sites[i]!.kind !== "input";
  const hashed = (i: number): boolean => sites[i]!.storage !== "bitmap";
  const select = (wanted: (s: SitePlan) => boolean): readonly number[] => sites.flatMap((s, i) => (s.kind !== "members" && wanted(s) ? [i] : []));
  const rounds = Math.max(...select((s) => s.phase === phase).map((i) => sites[i]!.round)) + 1;
  for (let round = 0; round < rounds; round++) {
    for (const dim of new Set(sites.map((s) => s.dim))) {
      const marked = select((s) => s.phase === phase && s.round === round && s.dim === dim);
      const [lists, merged] = [marked.filter(derived), marked.filter(derived).filter(hashed)];
      if (phase === 0) {
        stages.add("mark", marked, (name) => markKernel(name, sites, marked, options));
        stages.add("count", lists, (name) => countKernel(name, sites, lists));
        stages.add("emit", lists, (name) => emitKernel(name, sites, lists));
        stages.add("merge", merged, (name) => mergeKernel(name, sites, merged));
        continue;
      }
      const late = select((s) => s.phase > 0 && s.dim === dim);
      if (round === 0) stages.add("prune", marked, (name) => markKernel(name, sites, marked, options, masks[phase - 1]!));
      else stages.share(`late ${dim}`, "mark", marked, (name) => markKernel(name, sites, late.filter((i) => sites[i]!.kind !== "prune"), options));
      stages.share(`late ${dim}`, "count", lists, (name) => countKernel(name, sites, late));
      stages.share(`late ${dim}`, "emit", lists, (name) => emitKernel(name, sites, late));
      stages.share(`late ${dim}`, "merge", merged, (name) => mergeKernel(name, sites, late.filter(hashed)));
    }
  }
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

function siteData({ chain: _chain, phase: _phase, round: _round, ...data }: SitePlan): GeometryPlan["sites"][number] {
  return data;
}
