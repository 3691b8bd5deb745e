import { withDefaults } from "../../ir/builder.ts";
import type { Loc } from "../../ir/loc.ts";
import type { Attrs, Module, Op, ValueId } from "../../ir/module.ts";
import { opDef } from "../../ir/ops/registry.ts";
import { inferOp } from "../../ir/ops/signature.ts";
import type { SiteTable } from "../../ir/sites.ts";
import type { Type } from "../../ir/types.ts";
import { phaseOf } from "./phase.ts";
import { encodeTile, type Tile } from "./tile.ts";

/** Where a new op goes: at the end of its phase, or in the place of an op emitted before. */
export type Place = "end" | Op;

/**
 * Rebuilds a module in one forward sweep. A pass visits the ops in order (`sweep`) and for each either keeps it, drops
 * it, or emits others; ops already emitted can be taken back or replaced, so a later op may absorb an earlier one.
 * Merged ops keep the result ids of what they replace, hence nothing downstream needs renaming.
 *
 * Uses are counted over everything that will exist: ops emitted so far, ops not yet visited, and outputs. All steps are
 * O(operands); a sweep is linear in the module.
 */
export class Rewriter {
  readonly module: Module;
  readonly #types: Map<ValueId, Type>;
  readonly #load: Op[] = [];
  readonly #geometry: Op[] = [];
  readonly #features: (Op | undefined)[] = [];
  /** Defining op, and for features its place in `#features`. */
  readonly #defs = new Map<ValueId, Op>();
  readonly #place = new Map<Op, number>();
  readonly #alias = new Map<ValueId, ValueId>();
  readonly #uses = new Map<ValueId, number>();
  readonly #emittedUses = new Map<ValueId, number>();
  #next: number;
  #changed = false;

  constructor(module: Module) {
    this.module = module;
    this.#types = new Map(module.types);
    this.#next = 0;
    for (const value of module.types.keys()) this.#next = Math.max(this.#next, value + 1);
    for (const op of module.ops) this.#count(this.#uses, op.operands, 1);
    this.#count(this.#uses, module.outputs.map((o) => o.value), 1);
  }

  get sites(): SiteTable {
    return this.module.sites;
  }

  /** Visits every op with its operands renamed; an op for which `visit` returns true is kept as it is. */
  sweep(visit: (op: Op) => boolean): void {
    for (const original of this.module.ops) {
      const operands = original.operands.map((v) => this.resolve(v));
      const renamed = operands.some((v, i) => v !== original.operands[i]);
      const op = renamed ? { ...original, operands } : original;
      this.#count(this.#uses, op.operands, -1);
      if (visit(op)) this.#append(op);
      else this.#changed = true;
    }
  }

  /**
   * Adds an op with the given result ids (fresh ones where none are given) and returns them. `place` is an emitted
   * feature op to put it in the place of; that op must have been taken back before.
   */
  emit(name: string, operands: readonly ValueId[], attrs: Attrs, loc: Loc, results?: readonly ValueId[], place: Place = "end"): readonly ValueId[] {
    const full = withDefaults(name, attrs);
    const types = this.#infer(name, operands, full);
    const ids = results ?? types.map(() => this.#next++);
    if (ids.length !== types.length) throw new Error(`internal: ${name} has ${types.length} results, ${ids.length} ids given`);
    types.forEach((type, i) => this.#types.set(ids[i]!, type));
    this.#changed = true;
    this.#append({ name, operands, attrs: full, results: ids, loc }, place);
    return ids;
  }

  /** `emit` for ops with one result. */
  one(name: string, operands: readonly ValueId[], attrs: Attrs, loc: Loc): ValueId {
    const [value] = this.emit(name, operands, attrs, loc);
    if (value === undefined) throw new Error(`internal: ${name} has no result`);
    return value;
  }

  /** `emit` for a fused op given with values. */
  emitTile(tile: Tile, loc: Loc, results?: readonly ValueId[], place: Place = "end"): readonly ValueId[] {
    const { name, operands, attrs } = encodeTile(tile);
    return this.emit(name, operands, attrs, loc, results, place);
  }

  /** An id that no value has. */
  fresh(): ValueId {
    return this.#next++;
  }

  /** Takes back an emitted feature op; its results must be emitted again or be unused. */
  takeBack(op: Op): void {
    const at = this.#placeOf(op);
    this.#features[at] = undefined;
    this.#count(this.#uses, op.operands, -1);
    this.#count(this.#emittedUses, op.operands, -1);
    this.#changed = true;
  }

  /** From here on `value` is `by`, which exists already. */
  replace(value: ValueId, by: ValueId): void {
    const uses = this.uses(value);
    this.#uses.delete(value);
    this.#uses.set(by, this.uses(by) + uses);
    this.#alias.set(value, by);
    this.#changed = true;
  }

  resolve(value: ValueId): ValueId {
    let v = value;
    for (let next = this.#alias.get(v); next !== undefined; next = this.#alias.get(v)) v = next;
    return v;
  }

  /** The emitted op that defines `value`. */
  def(value: ValueId): Op | undefined {
    return this.#defs.get(value);
  }

  typeOf(value: ValueId): Type {
    const type = this.#types.get(value);
    if (type === undefined) throw new Error(`internal: value %${value} has no type`);
    return type;
  }

  /** Operand mentions of `value` outside the op being visited, outputs included. */
  uses(value: ValueId): number {
    return this.#uses.get(value) ?? 0;
  }

  /** Whether an op emitted so far reads `value`. */
  readSoFar(value: ValueId): boolean {
    return (this.#emittedUses.get(value) ?? 0) > 0;
  }

  /** Whether `value` is defined before the emitted feature op `op`. */
  precedes(value: ValueId, op: Op): boolean {
    const def = this.#defs.get(value);
    if (def === undefined) return false;
    const at = this.#place.get(def);
    return at === undefined || at < this.#placeOf(op);
  }

  /** The new module, phases in order; the module given when nothing was rewritten. */
  finish(): Module {
    if (!this.#changed) return this.module;
    const ops = [...this.#load, ...this.#geometry, ...this.#features.filter((op) => op !== undefined)];
    const types = new Map<ValueId, Type>();
    for (const op of ops) for (const value of op.results) types.set(value, this.typeOf(value));
    const outputs = this.module.outputs.map((o) => ({ ...o, value: this.resolve(o.value) }));
    return { ...this.module, ops, types, outputs };
  }

  #append(op: Op, place: Place = "end"): void {
    const phase = phaseOf(op);
    if (phase === "features") {
      const at = place === "end" ? this.#features.length : this.#placeOf(place);
      if (at < this.#features.length && this.#features[at] !== undefined) throw new Error(`internal: ${op.name} would overwrite an op`);
      this.#features[at] = op;
      this.#place.set(op, at);
    } else if (phase === "geometry") this.#geometry.push(op);
    else this.#load.push(op);
    for (const value of op.results) this.#defs.set(value, op);
    this.#count(this.#uses, op.operands, 1);
    this.#count(this.#emittedUses, op.operands, 1);
  }

  #placeOf(op: Op): number {
    const at = this.#place.get(op);
    if (at === undefined) throw new Error(`internal: ${op.name} is not an emitted feature op`);
    return at;
  }

  #infer(name: string, operands: readonly ValueId[], attrs: Attrs): readonly Type[] {
    const problems: string[] = [];
    const types = inferOp(opDef(name), { sites: this.sites, types: operands.map((v) => this.typeOf(v)), attrs, problem: (m) => problems.push(m) });
    if (problems.length > 0) throw new Error(`internal: ${name}: ${problems.join("; ")}`);
    return types;
  }

  #count(map: Map<ValueId, number>, values: readonly ValueId[], by: number): void {
    for (const value of values) map.set(value, (map.get(value) ?? 0) + by);
  }
}
