import { COUNT, countPairs, countSite } from "./fields.ts";
import type { GeometryLayout } from "./layout.ts";
import type { GeometryPlan } from "./plan.ts";

/**
 * Trouble with a row of an input set: it names a site that an earlier row names too, a site outside the grid, a batch
 * item that does not exist, or finds no slot in the hash table (lay out again with another `salt`).
 */
export interface GeometryProblem {
  readonly kind: "duplicate" | "out-of-range" | "batch" | "table-full";
  readonly site: number;
  /** The first such row. */
  readonly row: number;
}

export interface SceneCounts {
  /** Rows per site set; more than its capacity where it overflowed: lay out again with at least this room. */
  readonly rows: readonly number[];
  /** Pairs per rulebook. */
  readonly pairs: readonly number[];
  /** Whether any capacity was exceeded; the maps are then incomplete. */
  readonly overflow: boolean;
  readonly problems: readonly GeometryProblem[];
}

/** What the geometry phase found, from the words of `counts`. */
export function readCounts(plan: GeometryPlan, layout: GeometryLayout, words: Uint32Array): SceneCounts {
  const rows = plan.sites.map((s, i) => {
    const at = countSite(i);
    const needed = words[at + COUNT.needed]!;
    // A full table was left early: what it needs is unknown, but more than there was.
    const full = s.kind !== "input" && words[at + COUNT.full] !== 0;
    return full ? Math.max(needed, 2 * layout.capacities[i]! + 64) : needed;
  });
  const problems = plan.sites.flatMap((s, site) => {
    if (s.kind !== "input") return [];
    const found = (kind: GeometryProblem["kind"], field: number): GeometryProblem[] => {
      const word = words[countSite(site) + field]!;
      return word === 0 ? [] : [{ kind, site, row: 0xffff_ffff - word }];
    };
    return [...found("batch", COUNT.batch), ...found("out-of-range", COUNT.range), ...found("duplicate", COUNT.duplicate), ...found("table-full", COUNT.full)];
  });
  return {
    rows,
    pairs: plan.rulebooks.map((_, i) => words.subarray(countPairs(plan.sites.length, i), countPairs(plan.sites.length, i + 1)).reduce((sum, n) => sum + n, 0)),
    overflow: rows.some((n, i) => n > layout.capacities[i]!),
    problems,
  };
}
