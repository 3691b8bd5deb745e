import type { Attrs, AttrValue, Level } from "../module.ts";
import type { SiteTable } from "../sites.ts";
import type { DType, Type } from "../types.ts";
import type { EvalContext, Value } from "../interp/value.ts";

/** What an operand must be. The last operand may be variadic, then it stands for zero or more. Optional ones come last. */
export interface OperandDef {
  readonly name: string;
  readonly kinds: readonly Type["kind"][];
  readonly optional?: boolean;
  readonly variadic?: boolean;
  /** Kinds of numbers it may have; default: real ones. */
  readonly numbers?: readonly DType[];
}

export type AttrKind = "int" | "float" | "bool" | "string" | "ints" | "floats" | "site" | "any";

export interface AttrDef {
  readonly kind: AttrKind;
  readonly doc: string;
  /** Left out of the text form when equal to the default. */
  readonly default?: AttrValue;
  /** The only strings allowed. */
  readonly values?: readonly string[];
}

/** What `infer` sees. It reports every problem it finds and returns result types only when there is none. */
export interface InferContext {
  readonly sites: SiteTable;
  readonly types: readonly Type[];
  readonly attrs: Attrs;
  problem(message: string): void;
}

/**
 * One operation: the only place that knows its shape rule, its meaning and its documentation.
 * The verifier, the printer, the text reader, the interpreters and docs/OPS.md are derived from these entries.
 */
export interface OpDef {
  readonly name: string;
  readonly levels: readonly Level[];
  /** One sentence, for docs/OPS.md. */
  readonly doc: string;
  readonly operands: readonly OperandDef[];
  /** In printing order. */
  readonly attrs: Readonly<Record<string, AttrDef>>;
  /** Result types, or an empty list after reporting problems. */
  infer(ctx: InferContext): readonly Type[];
  /** The meaning in float64, straight from coordinates, for the interpreter of net and fused modules; plan steps have their own executor. */
  evaluate?(ctx: EvalContext): readonly Value[];
}
