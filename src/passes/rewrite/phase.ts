import type { Module, Op } from "../../ir/module.ts";

/**
 * When an op runs follows from what it depends on: weights only, coordinates only, or features. Load and geometry ops
 * have no operand of a later phase, so a module may always list them in this order.
 */
export type Phase = "load" | "geometry" | "features";

export function phaseOf(op: Op): Phase {
  if (op.name === "param" || op.name.startsWith("fold.")) return "load";
  return op.name.startsWith("rulebook.") ? "geometry" : "features";
}

/** The same module with its phases one after the other, for passes that need later parameters early. */
export function inPhaseOrder(module: Module): Module {
  const phases: Readonly<Record<Phase, Op[]>> = { load: [], geometry: [], features: [] };
  for (const op of module.ops) phases[phaseOf(op)].push(op);
  return { ...module, ops: [...phases.load, ...phases.geometry, ...phases.features] };
}
