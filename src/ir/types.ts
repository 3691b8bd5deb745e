import type { SiteId } from "./sites.ts";

/** Numbers of a tensor: real ones, or the whole ones of a quantised network: `i8` and `i16` saturated, `i32` sums that are exact. */
export type DType = "f32" | "f16" | "i8" | "i16" | "i32";

export const DTYPES: readonly DType[] = ["f32", "f16", "i8", "i16", "i32"];

export const REAL: readonly DType[] = ["f32", "f16"];
export const WHOLE: readonly DType[] = ["i8", "i16", "i32"];

/** One feature row of `channels` per site. */
export interface FeatType {
  readonly kind: "feat";
  readonly sites: SiteId;
  readonly channels: number;
  readonly dtype: DType;
}

/** One row of `channels` per batch item of the root input of `sites`. */
export interface VecType {
  readonly kind: "vec";
  readonly sites: SiteId;
  readonly channels: number;
  readonly dtype: DType;
}

/** A dense image or volume per batch item; `shape` leaves the batch out, channels first. */
export interface DenseType {
  readonly kind: "dense";
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Per kernel tap (canonical flat order, last axis fastest), which row of `from` feeds which row of `to`. */
export interface RulebookType {
  readonly kind: "rulebook";
  readonly from: SiteId;
  readonly to: SiteId;
  readonly kernel: readonly number[];
}

/** A weight. Convolutions: [k0, …, Cin, Cout]; linear: [Cin, Cout]; per-channel: [C]. */
export interface ParamType {
  readonly kind: "param";
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A region of memory at the plan level. */
export interface BufferType {
  readonly kind: "buffer";
}

export type Type = FeatType | VecType | DenseType | RulebookType | ParamType | BufferType;

export const feat = (sites: SiteId, channels: number, dtype: DType = "f32"): FeatType => ({ kind: "feat", sites, channels, dtype });
export const vec = (sites: SiteId, channels: number, dtype: DType = "f32"): VecType => ({ kind: "vec", sites, channels, dtype });
export const dense = (shape: readonly number[], dtype: DType = "f32"): DenseType => ({ kind: "dense", shape, dtype });
export const rulebook = (from: SiteId, to: SiteId, kernel: readonly number[]): RulebookType => ({ kind: "rulebook", from, to, kernel });
export const param = (shape: readonly number[], dtype: DType = "f32"): ParamType => ({ kind: "param", shape, dtype });

/** The text form of a type, as printed in `.spir`: `feat<@S/2, 32, f32>`. */
export function printType(type: Type): string {
  switch (type.kind) {
    case "feat":
    case "vec":
      return `${type.kind}<@${type.sites}, ${type.channels}, ${type.dtype}>`;
    case "dense":
      return `dense<[${type.shape.join(", ")}], ${type.dtype}>`;
    case "rulebook":
      return `rulebook<@${type.from}, @${type.to}, [${type.kernel.join(", ")}]>`;
    case "param":
      return `param<[${type.shape.join(", ")}], ${type.dtype}>`;
    case "buffer":
      return "buffer";
  }
}

/** Structural equality; sites are equal when their ids are, since ids are hash-consed by derivation. */
export function sameType(a: Type, b: Type): boolean {
  return printType(a) === printType(b);
}

/** The site sets that a type names. */
export function sitesOf(type: Type): readonly SiteId[] {
  switch (type.kind) {
    case "feat":
    case "vec":
      return [type.sites];
    case "rulebook":
      return [type.from, type.to];
    default:
      return [];
  }
}
