import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { Diagnostic, Label } from "../../parser/diagnostics/diagnostic.ts";
import { groundAfter, type GroundProblem } from "../ground.ts";
import type { Op, ValueId } from "../module.ts";
import type { Use } from "./use.ts";

/** Remembers the ground of what a use made, and reports what leaves it without one. */
export function followGround(use: Use, op: Pick<Op, "name" | "attrs">, operands: readonly ValueId[], value: ValueId): void {
  const { builder, grounds, sites } = use.net;
  const features = operands.filter((v) => builder.typeOf(v).kind === "feat");
  if (features.every((v) => !grounds.has(v))) return;
  const after = groundAfter(sites, op, operands.map((v) => builder.typeOf(v)), builder.typeOf(value), features.map((v) => grounds.get(v)));
  if ("problem" in after) use.report(explain(use, after.problem));
  const ground = "problem" in after ? "constant" : after.ground;
  if (ground !== undefined) grounds.set(value, ground);
}

function explain(use: Use, problem: GroundProblem): Diagnostic {
  const operation = use.name;
  const here = (text: string): readonly Label[] => [{ span: use.call.span, text }];
  switch (problem.kind) {
    case "border":
      return diagnose("SP0471", { operation, axis: problem.axis }, here(`the kernel sticks out along ${problem.axis}`), { help: { text: "pad nothing (`p=0`) where the field is large enough, or leave the extents out: an unbounded grid holds the ground everywhere" } });
    case "phase":
      return diagnose("SP0472", { operation }, here("which taps meet an inactive site depends on its place"));
    case "global":
      return diagnose("SP0473", { operation }, here("over all cells, or over the active ones?"), { help: { text: "let strided levels lead to a grid of one cell, then `to_dense`" } });
    case "count":
      return diagnose("SP0474", {}, [{ span: use.spanOf("divisor"), text: "inactive cells count, too" }], { help: { text: "leave `divisor` out" } });
    case "mixed":
      return diagnose("SP0475", { operation }, here("what is this where only some of them have sites?"), { help: { text: "give both `sites` a `ground`, or neither" } });
    case "unknown":
      return diagnose("SP0476", { operation }, here("what would inactive sites hold behind it?"));
    case "source":
      throw new Error("internal: an operation gave a ground");
  }
}
