import type { Loc } from "./loc.ts";
import type { Attrs, Level, Module, Op, Output, ValueId } from "./module.ts";
import { opDef } from "./ops/registry.ts";
import { inferOp } from "./ops/signature.ts";
import type { SiteTable } from "./sites.ts";
import type { Type } from "./types.ts";

/** Raised by `ModuleBuilder.add` when an op's own rule refuses its operands: a fault of the caller of the builder. */
export class InferenceError extends Error {
  readonly problems: readonly string[];

  constructor(op: string, problems: readonly string[]) {
    super(`${op}: ${problems.join("; ")}`);
    this.problems = problems;
  }
}

/** Appends ops in dominance order and infers their result types. Fills in attribute defaults. */
export class ModuleBuilder {
  readonly level: Level;
  readonly name: string;
  readonly sites: SiteTable;
  readonly #ops: Op[] = [];
  readonly #types = new Map<ValueId, Type>();
  readonly #outputs: Output[] = [];
  #next = 0;

  constructor(level: Level, name: string, sites: SiteTable) {
    this.level = level;
    this.name = name;
    this.sites = sites;
  }

  /** Result types that `add` would give, or the problems. */
  infer(name: string, operands: readonly ValueId[], attrs: Attrs): { readonly types: readonly Type[] } | { readonly problems: readonly string[] } {
    const problems: string[] = [];
    const types = inferOp(opDef(name), {
      sites: this.sites,
      types: operands.map((v) => this.typeOf(v)),
      attrs: withDefaults(name, attrs),
      problem: (message) => problems.push(message),
    });
    return problems.length > 0 ? { problems } : { types };
  }

  /** Adds an op and returns its results. Throws InferenceError when the op's rule refuses. */
  add(name: string, operands: readonly ValueId[], attrs: Attrs, loc: Loc): readonly ValueId[] {
    const inferred = this.infer(name, operands, attrs);
    if ("problems" in inferred) throw new InferenceError(name, inferred.problems);
    const results = inferred.types.map((type) => {
      const id = this.#next++;
      this.#types.set(id, type);
      return id;
    });
    this.#ops.push({ name, operands, attrs: withDefaults(name, attrs), results, loc });
    return results;
  }

  /** `add` for the many ops with exactly one result. */
  one(name: string, operands: readonly ValueId[], attrs: Attrs, loc: Loc): ValueId {
    const [result] = this.add(name, operands, attrs, loc);
    if (result === undefined) throw new Error(`internal: ${name} has no result`);
    return result;
  }

  output(name: string, value: ValueId, loc: Loc): void {
    this.#outputs.push({ name, value, loc });
  }

  typeOf(value: ValueId): Type {
    const type = this.#types.get(value);
    if (type === undefined) throw new Error(`internal: value %${value} is not defined yet`);
    return type;
  }

  finish(): Module {
    return { level: this.level, name: this.name, sites: this.sites, ops: this.#ops, types: this.#types, outputs: this.#outputs };
  }
}

/** Attributes with the registry's defaults filled in, in the registry's order. */
export function withDefaults(name: string, attrs: Attrs): Attrs {
  const full: Record<string, Attrs[string]> = {};
  for (const [key, def] of Object.entries(opDef(name).attrs)) {
    const value = attrs[key] ?? def.default;
    if (value !== undefined) full[key] = value;
  }
  return full;
}
