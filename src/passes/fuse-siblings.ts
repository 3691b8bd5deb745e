/**
 * `fuse-siblings`: convolutions that read the same tensors through the same rulebooks gather the same rows. Their
 * weights side by side make one convolution that gathers once; each result is then a view of some of its channels.
 */
import { mergeLocs } from "../ir/loc.ts";
import type { Module, Op, ValueId } from "../ir/module.ts";
import { typeOf } from "../ir/module.ts";
import { definePass } from "./pass.ts";
import { inPhaseOrder } from "./rewrite/phase.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, vectorsOf, withVectors, type ConvHead, type Item, type Tile } from "./rewrite/tile.ts";

interface Sibling {
  readonly op: Op;
  readonly head: ConvHead;
  readonly epilogue: readonly Item[];
}

export const fuseSiblings = definePass({
  name: "fuse-siblings",
  summary: "makes convolutions of the same rows one convolution with their output channels side by side",
  legality: [
    "The convolutions read the same values through the same rulebooks, term by term.",
    "Their epilogues are the same list of biases, normalisations, activations and emits; only parameters differ.",
  ],
  from: "fused",
  to: "fused",
  options: {},
  stats: { groups: "convolutions made of several", fused: "convolutions that became a part of another" },
  run(module, { stat, remark }) {
    for (const op of groupedSiblings(module)) remark("missed", op.loc, "not made one with a convolution of the same rows: convolutions in groups stay by themselves");
    const groups = siblingGroups(module);
    const leaders = new Map([...groups.values()].filter((g) => g.length > 1).map((g) => [g[0]!.op, g]));
    if (leaders.size === 0) return module;
    const followers = new Set([...leaders.values()].flatMap((g) => g.slice(1).map((s) => s.op)));
    const rw = new Rewriter(inPhaseOrder(module));
    rw.sweep((op) => {
      if (followers.has(op)) return false;
      const group = leaders.get(op);
      if (group === undefined) return true;
      stat("groups");
      stat("fused", group.length);
      remark("done", op.loc, `${group.length} convolutions of the same rows made one`);
      stack(rw, group);
      return false;
    });
    return rw.finish();
  },
});

/** Convolutions in groups of channels that read what an earlier one reads: side by side their groups would differ. */
function groupedSiblings(module: Module): readonly Op[] {
  const seen = new Set<string>();
  return module.ops.filter((op) => {
    const head = decodeTile(op)?.head;
    if (head?.kind !== "grouped") return false;
    const key = `${head.x} ${head.rb}`;
    return seen.has(key) || !seen.add(key);
  });
}

/** Convolutions by what they read and how they go on. */
function siblingGroups(module: Module): ReadonlyMap<string, readonly Sibling[]> {
  const groups = new Map<string, Sibling[]>();
  for (const op of module.ops) {
    const tile = decodeTile(op);
    if (tile?.head.kind !== "conv") continue;
    const key = siblingKey(module, tile, tile.head);
    if (key === undefined) continue;
    const sibling = { op, head: tile.head, epilogue: tile.epilogue };
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sibling]);
    else group.push(sibling);
  }
  return groups;
}

function siblingKey(module: Module, { epilogue }: Tile, head: ConvHead): string | undefined {
  if (epilogue.some((item) => !stackable(item))) return undefined;
  const terms = head.terms.map((t) => [t.x, t.rb ?? -1, ...weightShape(module, t.w).slice(0, -1)]);
  return JSON.stringify([terms, epilogue.map((item) => withVectors(item, () => 0))]);
}

const stackable = (item: Item): boolean => item.do !== "add" && item.do !== "mul" && item.do !== "linear" && item.do !== "dense";

function weightShape(module: Module, w: ValueId): readonly number[] {
  const type = typeOf(module, w);
  if (type.kind !== "param") throw new Error(`internal: weight %${w} is ${type.kind}`);
  return type.shape;
}

/** Emits one convolution for the group, and a view of its channels for every result of each member. */
function stack(rw: Rewriter, group: readonly Sibling[]): void {
  const [first] = group;
  if (first === undefined) throw new Error("internal: an empty group of siblings");
  const loc = mergeLocs(...group.map((s) => s.op.loc));
  const stacked = (values: readonly ValueId[]): ValueId => rw.one("fold.stack_out", values, {}, loc);
  const terms = first.head.terms.map((t, i) => ({ ...t, w: stacked(group.map((s) => s.head.terms[i]!.w)) }));
  const epilogue = first.epilogue.map((item, i) => withVectors(item, (_, v) => stacked(group.map((s) => vectorsOf(s.epilogue[i]!)[v]!))));
  const results = rw.emitTile({ head: { kind: "conv", terms }, epilogue }, loc);
  let from = 0;
  for (const { op, head } of group) {
    const to = from + weightShape(rw.module, head.terms[0]!.w).at(-1)!;
    op.results.forEach((result, i) => rw.emit("slice", [results[i]!], { from, to }, op.loc, [result]));
    from = to;
  }
}
