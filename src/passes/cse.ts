/**
 * `cse`: the same parameter read twice, or the same arithmetic on parameters done twice, becomes one value. Only the
 * load phase: rulebooks have their own value numbering, and features written twice are the network's own choice.
 */
import { definePass } from "./pass.ts";
import { phaseOf } from "./rewrite/phase.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import type { ValueId } from "../ir/module.ts";

export const cse = definePass({
  name: "cse",
  summary: "shares equal parameters and equal arithmetic on them",
  legality: ["Load-phase ops with the same name, operands and attributes have the same value."],
  from: "fused",
  to: "fused",
  options: {},
  stats: { shared: "load-phase ops found equal to another" },
  run(module, { stat }) {
    const rw = new Rewriter(module);
    const known = new Map<string, ValueId>();
    rw.sweep((op) => {
      if (phaseOf(op) !== "load") return true;
      const key = JSON.stringify([op.name, op.operands, Object.entries(op.attrs).sort(([a], [b]) => (a < b ? -1 : 1))]);
      const same = known.get(key);
      const result = op.results[0]!;
      if (same === undefined) {
        known.set(key, result);
        return true;
      }
      stat("shared");
      rw.replace(result, same);
      return false;
    });
    return rw.finish();
  },
});
