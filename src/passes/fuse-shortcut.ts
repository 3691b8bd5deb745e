/**
 * `fuse-shortcut`: a projected shortcut, conv(h) + linear(x), is one sum: the projection becomes one more (pointwise)
 * term that accumulates into the convolution's own tile, and its result is never stored. Batch norms of both branches
 * must be in the weights by then (`fold-bn`), since a factor on one branch is not a factor on the sum.
 */
import { mergeLocs, type Loc } from "../ir/loc.ts";
import type { Op, ValueId } from "../ir/module.ts";
import { definePass } from "./pass.ts";
import { tooManyBindings } from "./rewrite/merge.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import { decodeTile, epilogueSources, type Item, type Term, type Tile } from "./rewrite/tile.ts";

/** One side of the addition: terms, and what follows them up to the addition. */
interface Branch {
  readonly terms: readonly Term[];
  readonly between: readonly Item[];
  /** The emitted op whose only result this is; absent for the sum of the visited op itself. */
  readonly op: Op | undefined;
}

interface Sum {
  readonly branches: readonly [Branch, Branch];
  /** What follows the addition. */
  readonly rest: readonly Item[];
}

export const fuseShortcut = definePass({
  name: "fuse-shortcut",
  summary: "accumulates a projected shortcut into the tile of the convolution it is added to",
  legality: [
    "The sum of two convolutions of which one is pointwise, each result used by that addition alone.",
    "Between each convolution's sum and the addition stands nothing but a bias.",
    "The merged kernel binds at most 8 storage buffers.",
  ],
  from: "fused",
  to: "fused",
  options: {},
  stats: { fused: "shortcuts that became a term" },
  run(module, { stat, remark }) {
    const rw = new Rewriter(module);
    rw.sweep((op) => {
      const sum = sumOf(rw, op);
      if (sum === undefined) return true;
      const [a, b] = sum.branches;
      const loc = mergeLocs(a.op?.loc ?? [], b.op?.loc ?? [], op.loc);
      const terms = [...a.terms, ...b.terms];
      const biases = [...a.between, ...b.between];
      const why = whyNot(rw, sum) ?? tooManyBindings(rw, { head: { kind: "conv", terms }, epilogue: [...biases, ...sum.rest] });
      if (why !== undefined) {
        remark("missed", op.loc, `shortcut not accumulated: ${why}`);
        return true;
      }
      stat("fused");
      remark("done", op.loc, "shortcut accumulated into the convolution's tile");
      for (const branch of sum.branches) if (branch.op !== undefined) rw.takeBack(branch.op);
      rw.emitTile({ head: { kind: "conv", terms }, epilogue: [...oneBias(rw, biases, loc), ...sum.rest] }, loc, op.results);
      return false;
    });
    return rw.finish();
  },
});

/** The addition of two convolutions that an op does, one of them pointwise and last, or undefined. */
function sumOf(rw: Rewriter, op: Op): Sum | undefined {
  const tile = decodeTile(op);
  if (tile === undefined) return undefined;
  const at = tile.epilogue.findIndex((item) => item.do === "add");
  const add = tile.epilogue[at];
  if (add?.do !== "add") return undefined;
  const other = branchOf(rw, add.arg);
  const own = ownBranch(rw, tile, at);
  if (other === undefined || own === undefined) return undefined;
  const rest = tile.epilogue.slice(at + 1);
  if (pointwise(other)) return { branches: [own, other], rest };
  return pointwise(own) ? { branches: [other, own], rest } : undefined;
}

/** What the visited op adds to: its own sum, or for a pointwise op that starts with the addition its operand's. */
function ownBranch(rw: Rewriter, { head, epilogue }: Tile, at: number): Branch | undefined {
  if (head.kind === "conv") return { terms: head.terms, between: epilogue.slice(0, at), op: undefined };
  return head.kind === "pointwise" && at === 0 ? branchOf(rw, head.x) : undefined;
}

function branchOf(rw: Rewriter, value: ValueId): Branch | undefined {
  const op = rw.def(value);
  const tile = op === undefined ? undefined : decodeTile(op);
  if (tile?.head.kind !== "conv" || op?.results.at(-1) !== value) return undefined;
  return { terms: tile.head.terms, between: tile.epilogue, op };
}

const pointwise = (branch: Branch): boolean => branch.terms.every((t) => t.rb === undefined);

function whyNot(rw: Rewriter, { branches, rest }: Sum): string | undefined {
  const [a, b] = branches;
  if (a.op === b.op) return "both operands are one value";
  const values = branches.flatMap((branch) => branch.op?.results.at(-1) ?? []);
  const read = new Set([...branches.flatMap((branch) => branch.terms.map((t) => t.x)), ...epilogueSources(rest)]);
  if (values.some((value) => rw.uses(value) > 0 || read.has(value))) return "a branch is used elsewhere too";
  const between = [...a.between, ...b.between].find((item) => item.do !== "bias");
  return between === undefined ? undefined : `${between.do} stands between a convolution and the addition`;
}

/** Several biases of one sum as one. */
function oneBias(rw: Rewriter, biases: readonly Item[], loc: Loc): readonly Item[] {
  const values = biases.flatMap((item) => (item.do === "bias" ? [item.arg] : []));
  const [first, ...others] = values;
  if (first === undefined) return [];
  return [{ do: "bias", arg: others.reduce((sum, value) => rw.one("fold.add", [sum, value], {}, loc), first) }];
}
