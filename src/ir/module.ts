import type { Loc } from "./loc.ts";
import type { SiteId, SiteTable } from "./sites.ts";
import type { Type } from "./types.ts";

/** `net`: the network as written. `fused`: rulebooks explicit, epilogues attached. `plan`: steps and memory. */
export type Level = "net" | "fused" | "plan";

export type ValueId = number;

export type AttrValue = number | boolean | string | readonly AttrValue[] | { readonly [key: string]: AttrValue };
export type Attrs = { readonly [key: string]: AttrValue };

/** One operation in single-assignment form. Its meaning is in the registry under `name`. */
export interface Op {
  readonly name: string;
  readonly operands: readonly ValueId[];
  readonly attrs: Attrs;
  readonly results: readonly ValueId[];
  readonly loc: Loc;
}

export interface Output {
  readonly name: string;
  readonly value: ValueId;
  readonly loc: Loc;
}

/**
 * An immutable module: passes return a new one (or the same one, meaning “unchanged”). Ops are in dominance order;
 * `types[v]` is the type of value `v`; value ids need not be dense.
 */
export interface Module {
  readonly level: Level;
  readonly name: string;
  readonly sites: SiteTable;
  readonly ops: readonly Op[];
  readonly types: ReadonlyMap<ValueId, Type>;
  readonly outputs: readonly Output[];
}

/** The type of a value; an unknown value is a fault of the compiler, not of the user. */
export function typeOf(module: Module, value: ValueId): Type {
  const type = module.types.get(value);
  if (type === undefined) throw new Error(`internal: value %${value} has no type`);
  return type;
}

/** Attribute readers: a wrong kind is a fault of the compiler (the verifier has checked the schema). */
export function numbers(attrs: Attrs, key: string): readonly number[] {
  const value = attrs[key];
  if (!Array.isArray(value)) throw new Error(`internal: attribute ${key} is not a list`);
  return value as readonly number[];
}

export function number(attrs: Attrs, key: string): number {
  const value = attrs[key];
  if (typeof value !== "number") throw new Error(`internal: attribute ${key} is not a number`);
  return value;
}

export function string(attrs: Attrs, key: string): string {
  const value = attrs[key];
  if (typeof value !== "string") throw new Error(`internal: attribute ${key} is not a string`);
  return value;
}

/** Whether an attribute value is a list. */
export const isList = (value: AttrValue | undefined): value is readonly AttrValue[] => Array.isArray(value);

/** Whether an attribute value is an object. */
export const isObject = (value: AttrValue | undefined): value is { readonly [key: string]: AttrValue } =>
  typeof value === "object" && !Array.isArray(value);

/** Sites an attribute names. */
export const siteAttr = (attrs: Attrs, key: string): SiteId => string(attrs, key);
