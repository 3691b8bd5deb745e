import type { GeometryPlan, GeometryRulebook, GeometryStage } from "../../../runtime/geometry/index.ts";
import { COUNT, COUNT_BATCH, countSite } from "../../../runtime/geometry/fields.ts";
import type { GeometrySpec } from "../../plan/geometry-spec.ts";
import type { Kernel } from "../spec.ts";
import { planSites, probesOf, type CompileOptions, type SitePlan } from "./analysis.ts";
import { MarkStage } from "./mark.ts";
import { SearchStage } from "./search.ts";

export type { CompileOptions } from "./analysis.ts";

/** What the emitted module needs of geometry: the kernels, and the plan that `layoutGeometry` reads. */
export interface CompiledGeometry {
  readonly kernels: readonly Kernel[];
  readonly plan: GeometryPlan;
}

/** Kernels and plan for all site sets and rulebooks of a network. Stages of equal kind are one dispatch each. */
export function compileGeometry(spec: GeometrySpec, options: CompileOptions = {}): CompiledGeometry {
  const sites = planSites(spec, options);
  const kernels: Kernel[] = [];
  const stages: GeometryStage[] = [];
  const add = (kind: GeometryStage["kind"], parts: readonly number[], kernel: Kernel): void => {
    kernels.push(kernel);
    stages.push({ kind, kernel: kernel.name, parts });
  };
  const rounds = Math.max(...sites.map((s) => s.round)) + 1;
  for (let round = 0; round < rounds; round++) {
    const marked = indices(sites, (s) => s.round === round);
    add("mark", marked, new MarkStage(sites, options).kernel(named("mark", round), marked));
  }
  const books = spec.rulebooks.map((_, i) => i);
  if (books.length > 0) add("search", books, new SearchStage(sites).kernel("geometry_search", spec.rulebooks));
  return { kernels, plan: { sites: sites.map(siteData), rulebooks: rulebookData(spec, sites), stages } };
}

/** Index in `counts` of a site set's rows, or of the number of batch items. */
export function rowCountIndex(spec: GeometrySpec, rows: string): number {
  if (rows === "batch") return COUNT_BATCH;
  const index = spec.sites.findIndex((s) => s.id === rows);
  if (index < 0) throw new Error(`internal: no site set ${rows} in the geometry`);
  return countSite(index) + COUNT.rows;
}

const named = (stage: string, round: number): string => (round === 0 ? `geometry_${stage}` : `geometry_${stage}_${round}`);

function indices(sites: readonly SitePlan[], keep: (s: SitePlan) => boolean): readonly number[] {
  return sites.flatMap((s, i) => (keep(s) ? [i] : []));
}

function siteData({ chain: _chain, lengths: _lengths, round: _round, ...data }: SitePlan): GeometryPlan["sites"][number] {
  return data;
}

function rulebookData(spec: GeometrySpec, sites: readonly SitePlan[]): readonly GeometryRulebook[] {
  const index = new Map(sites.map((s, i) => [s.id, i]));
  return spec.rulebooks.map((r) => ({
    name: r.name, from: index.get(r.from)!, to: index.get(r.to)!, kernel: r.kernel, forward: r.forward, transposed: r.transposed,
    probes: probesOf(r),
    ...(r.halo === undefined ? {} : { halo: r.halo }),
  }));
}
