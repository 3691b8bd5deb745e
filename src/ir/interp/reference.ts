import { siteAttr, string, type Module, type Op, type ValueId } from "../module.ts";
import { opDef } from "../ops/registry.ts";
import type { SiteId } from "../sites.ts";
import { deriveRows, SiteRows } from "./site-rows.ts";
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
 * then axes. Returns the value of each output by name.
 */
export function interpret(module: Module, options: InterpretOptions): ReadonlyMap<string, Value> {
  const sites = siteMaterialiser(module, options);
  const values = new Map<ValueId, Value>();
  const lastUse = lastUses(module);
  const input = (name: string): InputTensor => inputOf(options, name);
  module.ops.forEach((op, index) => {
    const { evaluate } = opDef(op.name);
    if (evaluate === undefined) throw new Error(`internal: ${op.name} cannot be interpreted`);
    const results = evaluate({
      operands: op.operands.map((v) => valueOf(values, v)),
      attrs: op.attrs,
      resultTypes: op.results.map((v) => module.types.get(v)!),
      table: module.sites,
      batch: options.batch,
      sites,
      input,
      param: options.params,
    });
    op.results.forEach((v, i) => values.set(v, results[i]!));
    options.observe?.(op, results, index);
    for (const v of [...op.operands, ...op.results]) if ((lastUse.get(v) ?? index) <= index) values.delete(v);
  });
  return new Map(module.outputs.map((o) => [o.name, valueOf(values, o.value)]));
}

function inputOf(options: InterpretOptions, name: string): InputTensor {
  const tensor = options.inputs[name];
  if (tensor === undefined) throw new Error(`internal: input ${name} is not given`);
  return tensor;
}

function valueOf(values: ReadonlyMap<ValueId, Value>, id: ValueId): Value {
  const value = values.get(id);
  if (value === undefined) throw new Error(`internal: value %${id} is not there`);
  return value;
}

/** Index of the last op that reads each value; outputs are read after all ops. */
function lastUses(module: Module): ReadonlyMap<ValueId, number> {
  const last = new Map<ValueId, number>();
  module.ops.forEach((op, index) => op.operands.forEach((v) => last.set(v, index)));
  for (const output of module.outputs) last.set(output.value, module.ops.length);
  return last;
}

/** Materialises site sets on demand, each once: input sets from the first input on them, others by their rule. */
function siteMaterialiser(module: Module, options: InterpretOptions): (id: SiteId) => SiteRows {
  const known = new Map<SiteId, SiteRows>();
  const materialise = (id: SiteId): SiteRows => {
    const def = module.sites.def(id);
    if (def.kind !== "input") return deriveRows(module.sites, id, sites(def.of));
    const op = module.ops.find((o) => o.name === "input" && siteAttr(o.attrs, "sites") === id);
    if (op === undefined) throw new Error(`internal: no input is on @${id}`);
    return new SiteRows(def.axes, Int32Array.from(inputOf(options, string(op.attrs, "name")).coords));
  };
  const sites = (id: SiteId): SiteRows => {
    const rows = known.get(id) ?? materialise(id);
    known.set(id, rows);
    return rows;
  };
  return sites;
}
