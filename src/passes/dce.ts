/**
 * `dce`: removes what no output depends on: ops, parameters, rulebooks, and second results (`emit`) that nobody reads.
 * Inputs stay: they are the network's interface, whoever reads them.
 */
import type { AttrValue, Module, Op, ValueId } from "../ir/module.ts";
import { sitesOf, type Type } from "../ir/types.ts";
import { withDefaults } from "../ir/builder.ts";
import { definePass } from "./pass.ts";
import { decodeTile, encodeTile, type Item, type Tile } from "./rewrite/tile.ts";

export const dce = definePass({
  name: "dce",
  summary: "removes ops, parameters and second results that no output depends on",
  legality: ["No op has an effect beside its results, so what nobody reads may go; inputs stay."],
  from: "fused",
  to: "fused",
  options: {},
  stats: { removed: "ops removed", emits: "second results removed" },
  run(module, { stat }) {
    const live = new Set<ValueId>(module.outputs.map((o) => o.value));
    // What decides the sites of a value that is read is read itself.
    const pruned = new Set<AttrValue | undefined>();
    const kept: Op[] = [];
    let changed = false;
    for (let i = module.ops.length - 1; i >= 0; i--) {
      const op = module.ops[i]!;
      if (op.name !== "input" && !op.results.some((v) => live.has(v)) && !pruned.has(op.attrs["sites"])) {
        stat("removed");
        changed = true;
        continue;
      }
      const slim = withoutDeadResults(op, live);
      if (slim !== op) {
        stat("emits", op.results.length - slim.results.length);
        changed = true;
      }
      for (const value of slim.operands) live.add(value);
      for (const id of slim.results.flatMap((v) => sitesOf(module.types.get(v)!))) for (const made of module.sites.pruned(id)) pruned.add(made);
      kept.push(slim);
    }
    return changed ? { ...module, ops: kept.reverse(), types: typesOf(module, kept) } : module;
  },
});

function typesOf(module: Module, ops: readonly Op[]): ReadonlyMap<ValueId, Type> {
  return new Map(ops.flatMap((op) => op.results.map((v): [ValueId, Type] => [v, module.types.get(v)!])));
}

/** The op without results that nobody reads; with a dead final value it ends at its last live emit. */
function withoutDeadResults(op: Op, live: ReadonlySet<ValueId>): Op {
  if (op.results.length < 2 || op.results.every((v) => live.has(v))) return op;
  const tile = decodeTile(op);
  if (tile === undefined) return op;
  const results = [...op.results];
  const lists = tile.head.kind === "pair" ? [tile.head.first.epilogue, tile.epilogue] : [tile.epilogue];
  const slim = lists.map((items, i) => dropEmits(items, results, i === lists.length - 1, live));
  const remaining = slim.flatMap((s) => s.results);
  if (remaining.length === op.results.length) return op;
  const { name, operands, attrs } = encodeTile(withEpilogues(tile, slim.map((s) => s.items)));
  return { name, operands, attrs: withDefaults(name, attrs), results: remaining, loc: op.loc };
}

/** Items and results of one epilogue, dead ones dropped; takes its results from the front of `results`. */
function dropEmits(items: readonly Item[], results: ValueId[], last: boolean, live: ReadonlySet<ValueId>): { readonly items: readonly Item[]; readonly results: readonly ValueId[] } {
  const keptItems: Item[] = [];
  const keptResults: ValueId[] = [];
  for (const item of items) {
    if (item.do !== "emit") keptItems.push(item);
    else {
      const value = results.shift()!;
      if (!live.has(value)) continue;
      keptResults.push(value);
      keptItems.push(item);
    }
  }
  if (!last) return { items: keptItems, results: keptResults };
  const final = results.shift()!;
  const end = keptItems.findLastIndex((item) => item.do === "emit");
  // The final value is dead: what follows the last emit is too, and the value emitted there becomes the final one.
  if (!live.has(final) && end >= 0) return { items: keptItems.slice(0, end), results: keptResults };
  return { items: keptItems, results: [...keptResults, final] };
}

function withEpilogues(tile: Tile, lists: readonly (readonly Item[])[]): Tile {
  if (tile.head.kind !== "pair") return { head: tile.head, epilogue: lists[0]! };
  return { head: { ...tile.head, first: { ...tile.head.first, epilogue: lists[0]! } }, epilogue: lists[1]! };
}
