import type { Attrs } from "../module.ts";
import type { SiteId, SiteTable } from "../sites.ts";
import type { Type } from "../types.ts";
import type { Positions } from "./points.ts";
import type { SiteRows } from "./site-rows.ts";

export interface FeatValue {
  readonly kind: "feat";
  readonly sites: SiteRows;
  readonly channels: number;
  /** Row-major, one row of `channels` per site, float64. */
  readonly data: Float64Array;
  /** What every site that is not active holds, [channels]; absent where such sites count as missing. Net level only. */
  readonly ground?: Float64Array;
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

/** Per tap, the pairs: row of `from`, row of `to`, row of `from`, … */
export interface RulebookValue {
  readonly kind: "rulebook";
  readonly from: SiteRows;
  readonly to: SiteRows;
  readonly pairs: readonly Int32Array[];
}

/** A value with channels per row. */
export type RowsValue = FeatValue | VecValue;

export type Value = FeatValue | VecValue | DenseValue | ParamValue | RulebookValue;

/** What a caller gives for one `input`. */
export interface InputTensor {
  /** [N, 1 + d], row-major: batch, then the axes of the site set; of points their positions. Not read of a dense tensor. */
  readonly coords: ArrayLike<number>;
  /** [N, channels], row-major; of a dense tensor [batch, channels, extents…]. */
  readonly features: ArrayLike<number>;
}

/** A weight in canonical shape. */
export interface ParamTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** What `evaluate` sees: operand values, attributes, the caller's tensors, and the site sets materialised on demand. */
export interface EvalContext {
  readonly operands: readonly Value[];
  readonly attrs: Attrs;
  readonly operandTypes: readonly Type[];
  readonly resultTypes: readonly Type[];
  readonly table: SiteTable;
  /** Number of batch items. */
  readonly batch: number;
  sites(id: SiteId): SiteRows;
  /** Where the points of a set of points are. */
  positions(id: SiteId): Positions;
  input(name: string): InputTensor;
  param(name: string): ParamTensor;
}

/** Operand `index` as a value of `kind`; another kind is a fault of the compiler. */
export function operandAs<K extends Value["kind"]>(ctx: EvalContext, index: number, ...kinds: readonly K[]): Extract<Value, { kind: K }> {
  const value = ctx.operands[index];
  if (value === undefined || !(kinds as readonly string[]).includes(value.kind)) {
    throw new Error(`internal: operand ${index} is ${value === undefined ? "absent" : `a ${value.kind}`}, expected ${kinds.join(" or ")}`);
  }
  return value as Extract<Value, { kind: K }>;
}

/** Number of rows of features or batch items. */
export const rowCount = (value: RowsValue): number => (value.kind === "feat" ? value.sites.count : value.batch);

/** The same rows with other contents, and what inactive sites hold beside them. */
export function withRows(value: RowsValue, channels: number, data: Float64Array, ground?: Float64Array): RowsValue {
  return value.kind === "vec" ? { ...value, channels, data } : { kind: "feat", sites: value.sites, channels, data, ...(ground && { ground }) };
}

/** What inactive sites hold, of features that have a ground. */
export const groundOf = (value: RowsValue): Float64Array | undefined => (value.kind === "feat" ? value.ground : undefined);
