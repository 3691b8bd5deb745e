import { numbers, type Module, type Op } from "./module.ts";
import { termsOf } from "./ops/fused.ts";

/** What reports count in a module. */
export interface ModuleStats {
  /** Ops that are neither inputs nor parameters nor arithmetic on parameters. */
  readonly operations: number;
  readonly parameters: number;
  readonly siteSets: number;
  /**
   * `subm`, `conv` and `up` at net level; at the fused level the products through a rulebook: each such term (so a `cat`
   * that became two terms counts twice), a pair as two. Pointwise terms are not counted there.
   */
  readonly convolutions: number;
  /** Of those, the ones that join sites with others: more than one tap, or a stride. */
  readonly spatialConvolutions: number;
  /** Spatial convolutions and local pools: each would search a rulebook of its own if nothing were shared. */
  readonly rulebooksAsked: number;
  /** Searches; 0 at net level, where rulebooks are implicit. */
  readonly rulebooksBuilt: number;
  /** Of those, searches of half the taps. */
  readonly rulebooksMirrored: number;
  /** Rulebooks had from another without a search. */
  readonly rulebooksTransposed: number;
  readonly rulebooksSliced: number;
  /** Fused pairs with the rows between on chip. */
  readonly pairs: number;
}

/** Counts of a net- or fused-level module. */
export function moduleStats(module: Module): ModuleStats {
  const count = (fits: (op: Op) => boolean): number => module.ops.filter(fits).length;
  const named = (...names: readonly string[]): number => count((op) => names.includes(op.name));
  const gathers = module.ops.flatMap((op) => gathersOf(module, op));
  const spatial = gathers.filter((spans) => spans).length;
  return {
    operations: count((op) => op.name !== "input" && op.name !== "param" && !op.name.startsWith("fold.")),
    parameters: named("param"),
    siteSets: module.sites.ids.length,
    convolutions: gathers.length,
    spatialConvolutions: spatial,
    rulebooksAsked: spatial + named("pool", "unpool", "fused.pool"),
    rulebooksBuilt: named("rulebook.search"),
    rulebooksMirrored: count((op) => op.name === "rulebook.search" && op.attrs["mirrored"] === true),
    rulebooksTransposed: named("rulebook.transpose"),
    rulebooksSliced: named("rulebook.slice"),
    pairs: named("fused.pair"),
  };
}

/** One entry per convolution in the op: whether it is spatial. */
function gathersOf(module: Module, op: Op): readonly boolean[] {
  const through = (operand: number): boolean => {
    const rb = module.types.get(op.operands[operand]!);
    return rb?.kind === "rulebook" && (rb.from !== rb.to || rb.kernel.some((k) => k > 1));
  };
  switch (op.name) {
    case "subm":
      return [numbers(op.attrs, "kernel").some((k) => k > 1)];
    case "conv":
    case "up":
      return [[...numbers(op.attrs, "kernel"), ...numbers(op.attrs, "stride")].some((n) => n > 1)];
    case "fused.conv":
    case "fused.grouped":
      return termsOf(op.attrs).flatMap((term) => (term.rb === undefined ? [] : [through(term.rb)]));
    case "fused.pair": {
      const spans = through(op.attrs["rb"] as number);
      return [spans, spans];
    }
    default:
      return [];
  }
}
