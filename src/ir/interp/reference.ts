import { siteAttr, string, type Module, type Op, type ValueId } from "../module.ts";
import { opDef } from "../ops/registry.ts";
import { parentsOf, type SiteId } from "../sites.ts";
import { keeps } from "../ops/prune.ts";
import { pointRows, voxelRows, type Positions } from "./points.ts";
import { deriveRows, fullRows, keptRows, SiteRows } from "./site-rows.ts";
import type { InputTensor, ParamTensor, Value } from "./value.ts";

export interface InterpretOptions {
  /** By the name of the `input` op. Coordinates must be checked: distinct, inside the extents, batch < `batch`. */
  readonly inputs: Readonly<Record<string, InputTensor>>;
  /** The named weight in canonical shape. */
  readonly params: (name: string) => ParamTensor;
  /** Number of batch items. */
  readonly batch: number;
  /** Called with the results of each op, in order. */
  readonly observe?: (op: Op, results: readonly Value[], index: number) => void;
}

/**
 * Runs a net- or fused-level module in float64, op by op, from a map of coordinates to rows: no shared rulebooks, no
 * reuse. Rows of input sites are in the caller's order (of the first input on the set), derived sets sorted by batch,
 * then axes. Sites that depend on data bring the ops that decide them forward. Returns the value of each output by name.
 */
export function interpret(module: Module, options: InterpretOptions): ReadonlyMap<string, Value> {
  const run = new Run(module, options);
  const lastUse = lastUses(module);
  module.ops.forEach((op, index) => {
    options.observe?.(op, run.results(op), index);
    for (const v of [...op.operands, ...op.results]) if ((lastUse.get(v) ?? index) <= index) run.forget(v);
  });
  return new Map(module.outputs.map((o) => [o.name, run.value(o.value)]));
}

/** Values and site sets by demand, each made once. */
class Run {
  readonly #module: Module;
  readonly #options: InterpretOptions;
  readonly #defs = new Map<ValueId, Op>();
  readonly #values = new Map<ValueId, Value>();
  readonly #sites = new Map<SiteId, SiteRows>();

  constructor(module: Module, options: InterpretOptions) {
    this.#module = module;
    this.#options = options;
    for (const op of module.ops) for (const v of op.results) this.#defs.set(v, op);
  }

  results(op: Op): readonly Value[] {
    if (op.results.some((v) => !this.#values.has(v))) this.#evaluate(op);
    return op.results.map((v) => this.#values.get(v)!);
  }

  value(id: ValueId): Value {
    const known = this.#values.get(id);
    if (known !== undefined) return known;
    const op = this.#defs.get(id);
    if (op === undefined) throw new Error(`internal: value %${id} is not there`);
    return this.results(op)[op.results.indexOf(id)]!;
  }

  forget(id: ValueId): void {
    this.#values.delete(id);
  }

  #evaluate(op: Op): void {
    const { evaluate } = opDef(op.name);
    if (evaluate === undefined) throw new Error(`internal: ${op.name} cannot be interpreted`);
    const made = evaluate({
      operands: op.operands.map((v) => this.value(v)),
      attrs: op.attrs,
      operandTypes: op.operands.map((v) => this.#module.types.get(v)!),
      resultTypes: op.results.map((v) => this.#module.types.get(v)!),
      table: this.#module.sites,
      batch: this.#options.batch,
      sites: (id) => this.#rows(id),
      positions: (id) => this.#positions(id),
      input: (name) => inputOf(this.#options, name),
      param: this.#options.params,
    });
    op.results.forEach((v, i) => this.#values.set(v, made[i]!));
  }

  #rows(id: SiteId): SiteRows {
    const rows = this.#sites.get(id) ?? this.#materialise(id);
    this.#sites.set(id, rows);
    return rows;
  }

  /** Input sets from the first input on them, full grids from their extents, pruned ones from the mask of the op that makes them, others by their rule. */
  #materialise(id: SiteId): SiteRows {
    const { sites, ops } = this.#module;
    const def = sites.def(id);
    if (def.kind === "prune") {
      const op = ops.find((o) => o.name === "prune" && o.attrs["sites"] === id);
      const mask = op === undefined ? undefined : this.value(op.operands.at(-1)!);
      if (op === undefined || mask?.kind !== "feat") throw new Error(`internal: nothing makes @${id}`);
      return keptRows(mask.sites, (row) => keeps(op.attrs, mask.data[row]!));
    }
    if (def.kind === "full") return fullRows(def.axes, def.extents, this.#options.batch);
    if (def.kind === "points") return pointRows(this.#positions(id));
    if (def.kind === "voxels") return voxelRows(def, this.#positions(def.of));
    if (def.kind !== "input") return deriveRows(sites, id, parentsOf(def).map((p) => this.#rows(p)));
    return new SiteRows(def.axes, Int32Array.from(this.#given(id)));
  }

  #positions(id: SiteId): Positions {
    const def = this.#module.sites.def(id);
    if (def.kind !== "points") throw new Error(`internal: @${id} are no points`);
    return { axes: def.axes.length, data: this.#given(id) };
  }

  /** Coordinates or positions of the first input on a set. */
  #given(id: SiteId): ArrayLike<number> {
    const op = this.#module.ops.find((o) => o.name === "input" && siteAttr(o.attrs, "sites") === id);
    if (op === undefined) throw new Error(`internal: no input is on @${id}`);
    return inputOf(this.#options, string(op.attrs, "name")).coords;
  }
}

function inputOf(options: InterpretOptions, name: string): InputTensor {
  const tensor = options.inputs[name];
  if (tensor === undefined) throw new Error(`internal: input ${name} is not given`);
  return tensor;
}

/** Index of the last op that reads each value; outputs are read after all ops. */
function lastUses(module: Module): ReadonlyMap<ValueId, number> {
  const last = new Map<ValueId, number>();
  module.ops.forEach((op, index) => op.operands.forEach((v) => last.set(v, index)));
  for (const output of module.outputs) last.set(output.value, module.ops.length);
  return last;
}
