import type { Module, Op, ValueId } from "../../ir/module.ts";

/** Who makes and who reads each value, for passes that look ahead of their sweep. */
export interface Uses {
  def(value: ValueId): Op | undefined;
  /** Ops that read `value`, each once, in module order. */
  of(value: ValueId): readonly Op[];
  isOutput(value: ValueId): boolean;
}

export function usesOf(module: Module): Uses {
  const users = new Map<ValueId, Op[]>();
  const defs = new Map<ValueId, Op>();
  for (const op of module.ops) {
    for (const value of op.results) defs.set(value, op);
    for (const value of new Set(op.operands)) {
      const list = users.get(value);
      if (list === undefined) users.set(value, [op]);
      else list.push(op);
    }
  }
  const outputs = new Set(module.outputs.map((o) => o.value));
  return { def: (value) => defs.get(value), of: (value) => users.get(value) ?? [], isOutput: (value) => outputs.has(value) };
}
