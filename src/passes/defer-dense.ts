/**
 * `defer-dense`: a dense output is mostly zeros that a caller gets in an array of his own anyway. It is marked, and a target
 * that hands outputs over itself (the CPU) keeps the rows and writes them into that array; the tensor is never in its memory.
 */
import type { Op, ValueId } from "../ir/module.ts";
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, endsDense } from "./rewrite/tile.ts";
import { usesOf } from "./rewrite/uses.ts";

export const deferDense = definePass({
  name: "defer-dense",
  summary: "marks dense outputs that are made of their rows when they are handed over",
  legality: ["The tensor is an output that nothing reads.", "No ground fills it before its rows."],
  from: "fused",
  to: "fused",
  options: {},
  stats: { deferred: "dense outputs that are made of rows when they are handed over" },
  run(module, { stat, remark }) {
    const uses = usesOf(module);
    const rw = new Rewriter(module);
    const last = (value: ValueId): boolean => uses.isOutput(value) && uses.of(value).length === 0;
    const done = (op: Op): void => {
      stat("deferred");
      remark("done", op.loc, "the dense output is made of its rows when it is handed over");
    };
    rw.sweep((op) => {
      const value = op.results.at(-1);
      if (value === undefined || !last(value)) return true;
      if (op.name === "to_dense") {
        if (op.attrs["deferred"] === true) return true;
        if (op.operands.length > 1) {
          remark("missed", op.loc, "the dense output is made at once: a ground fills it before its rows");
          return true;
        }
        done(op);
        rw.emit(op.name, op.operands, { ...op.attrs, deferred: true }, op.loc, op.results);
        return false;
      }
      const tile = decodeTile(op);
      const item = tile?.epilogue.at(-1);
      if (tile === undefined || !endsDense(tile.epilogue) || item?.do !== "dense" || item.deferred === true) return true;
      done(op);
      rw.emitTile({ ...tile, epilogue: [...tile.epilogue.slice(0, -1), { ...item, deferred: true }] }, op.loc, op.results);
      return false;
    });
    return rw.finish();
  },
});
