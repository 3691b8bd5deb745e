import type { Attrs } from "../module.ts";
import type { SiteId, SiteTable } from "../sites.ts";
import type { Type } from "../types.ts";

/** A set of active sites: rows of [batch, c0, c1, …] in row order, and the row of each by its text key. */
export interface Sites {
  readonly coords: readonly (readonly number[])[];
  readonly rowOf: ReadonlyMap<string, number>;
}

export interface FeatValue {
  readonly kind: "feat";
  readonly sites: Sites;
  readonly channels: number;
  /** Row-major, one row of `channels` per site, float64. */
  readonly data: Float64Array;
}

/** One row per batch item, batch items 0 … batch−1. */
export interface VecValue {
  readonly kind: "vec";
  readonly batch: number;
  readonly channels: number;
  readonly data: Float64Array;
}

export interface DenseValue {
  readonly kind: "dense";
  /** Batch first. */
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface ParamValue {
  readonly kind: "param";
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Per tap, the pairs (row of `from`, row of `to`), each list ascending by `to`. */
export interface RulebookValue {
  readonly kind: "rulebook";
  readonly from: Sites;
  readonly to: Sites;
  readonly pairs: readonly (readonly (readonly [from: number, to: number])[])[];
}

export type Value = FeatValue | VecValue | DenseValue | ParamValue | RulebookValue;

/** What `evaluate` sees: operand values, attributes, and the site sets materialised on demand. */
export interface EvalContext {
  readonly operands: readonly Value[];
  readonly attrs: Attrs;
  readonly resultTypes: readonly Type[];
  readonly table: SiteTable;
  readonly batch: number;
  sites(id: SiteId): Sites;
}

/** Key of a coordinate row in `Sites.rowOf`. */
export const siteKey = (row: readonly number[]): string => row.join(",");
