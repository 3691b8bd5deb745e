/**
 * `schedule`: orders feature ops so that less is alive at once, and ops on one rulebook follow each other while its
 * block is in the caches. List scheduling: of the ops whose operands exist, the one that grows live memory least goes
 * next; ties go to the rulebook just used, then to module order. The order is taken only if it is better by the same
 * model; load and geometry ops come first in their order.
 */
import { siteAttr, typeOf, type Module, type Op, type ValueId } from "../ir/module.ts";
import type { SiteId } from "../ir/sites.ts";
import { sitesOf } from "../ir/types.ts";
import { Liveness } from "./cost/live-model.ts";
import { definePass } from "./pass.ts";
import { Heap } from "./rewrite/heap.ts";
import { inPhaseOrder, phaseOf } from "./rewrite/phase.ts";

export const schedule = definePass({
  name: "schedule",
  summary: "orders feature ops to keep less alive at once and to use each rulebook in a row",
  legality: ["Every op stays after the ops whose results it reads, and after those that decide its sites."],
  from: "fused",
  to: "fused",
  options: {},
  stats: { moved: "feature ops that changed place" },
  run(module, { stat, remark }) {
    const features = module.ops.filter((op) => phaseOf(op) === "features");
    const liveness = new Liveness(module, features);
    const order = listSchedule(module, features, liveness);
    const [before, after] = [liveness.peak(features), liveness.peak(order)];
    const better = after < before || (after === before && switches(module, order) < switches(module, features));
    if (!better) return module;
    const moved = order.filter((op, i) => op !== features[i]);
    stat("moved", moved.length);
    remark("done", moved[0]!.loc, `${moved.length} ops reordered: peak ${before.toFixed(1)} → ${after.toFixed(1)} bytes per input site by the model`);
    const rest = inPhaseOrder(module).ops.slice(0, module.ops.length - features.length);
    return { ...module, ops: [...rest, ...order] };
  },
});

/** Changes of rulebook from one op to the next that uses any. */
function switches(module: Module, order: readonly Op[]): number {
  let count = 0;
  let last: ValueId | undefined;
  for (const op of order) {
    const rb = rulebookOf(module, op);
    if (rb === undefined) continue;
    if (last !== undefined && rb !== last) count++;
    last = rb;
  }
  return count;
}

const rulebookOf = (module: Module, op: Op): ValueId | undefined => op.operands.find((v) => typeOf(module, v).kind === "rulebook");

/** Results of the ops that decide the pruned sites on which an op reads or writes rows, other than its own. */
function makersOf(module: Module, op: Op, makers: ReadonlyMap<SiteId, ValueId>): readonly ValueId[] {
  if (makers.size === 0) return [];
  const sites = [...op.operands, ...op.results].flatMap((v) => sitesOf(typeOf(module, v)));
  return sites.flatMap((id) => module.sites.pruned(id)).flatMap((id) => makers.get(id) ?? []).filter((v) => !op.results.includes(v));
}

interface Entry {
  readonly op: Op;
  readonly index: number;
  /** Growth of live memory, in bytes per input site, when the entry was made. */
  readonly growth: number;
}

const less = (a: Entry, b: Entry): boolean => a.growth < b.growth || (a.growth === b.growth && a.index < b.index);

/** O(n log n): growth only falls, at the moment when an op becomes the last reader of something, and is then pushed anew. */
function listSchedule(module: Module, features: readonly Op[], liveness: Liveness): readonly Op[] {
  const index = new Map(features.map((op, i) => [op, i]));
  const defined = new Set(features.flatMap((op) => op.results));
  const makers = new Map(features.flatMap((op) => (op.name === "prune" ? [[siteAttr(op.attrs, "sites"), op.results[0]!] as const] : [])));
  const waiting = new Map<Op, number>();
  const users = new Map<ValueId, Op[]>();
  for (const op of features) {
    const operands = [...new Set([...op.operands, ...makersOf(module, op, makers)])].filter((v) => defined.has(v));
    waiting.set(op, operands.length);
    for (const value of operands) {
      const list = users.get(value);
      if (list === undefined) users.set(value, [op]);
      else list.push(op);
    }
  }
  const left = new Map<ValueId, number>();
  const readersLeft = (value: ValueId): number => left.get(value) ?? liveness.readersOf(value).length;
  const growth = (op: Op): number => {
    let bytes = 0;
    for (const value of op.results) bytes += liveness.bytes(value);
    for (const value of liveness.reads(op)) if (readersLeft(value) === 1 && !liveness.isOutput(value)) bytes -= liveness.bytes(value);
    return bytes;
  };

  const all = new Heap<Entry>(less);
  const byRulebook = new Map<ValueId, Heap<Entry>>();
  const done = new Set<Op>();
  const push = (op: Op): void => {
    const entry = { op, index: index.get(op)!, growth: op.name === "input" ? Number.NEGATIVE_INFINITY : growth(op) };
    all.push(entry);
    const rb = rulebookOf(module, op);
    if (rb === undefined) return;
    const heap = byRulebook.get(rb) ?? new Heap<Entry>(less);
    byRulebook.set(rb, heap);
    heap.push(entry);
  };
  const least = (heap: Heap<Entry> | undefined): Entry | undefined => {
    while (heap?.top !== undefined && done.has(heap.top.op)) heap.pop();
    return heap?.top;
  };

  for (const op of features) if (waiting.get(op) === 0) push(op);
  const order: Op[] = [];
  let current: ValueId | undefined;
  for (let next = least(all); next !== undefined; next = least(all)) {
    const same = current === undefined ? undefined : least(byRulebook.get(current));
    const { op } = same !== undefined && same.growth <= next.growth ? same : next;
    done.add(op);
    order.push(op);
    current = rulebookOf(module, op) ?? current;
    for (const value of liveness.reads(op)) {
      left.set(value, readersLeft(value) - 1);
      if (readersLeft(value) !== 1) continue;
      const reader = liveness.readersOf(value).find((r) => !done.has(r))!;
      if (waiting.get(reader) === 0) push(reader);
    }
    for (const value of op.results) {
      for (const user of users.get(value) ?? []) {
        const count = waiting.get(user)! - 1;
        waiting.set(user, count);
        if (count === 0) push(user);
      }
    }
  }
  return order;
}
