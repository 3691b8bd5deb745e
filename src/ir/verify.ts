/**
 * The invariants of the IR. A module is well-formed when all of them hold; every pass may rely on them and must keep them.
 *
 * Structure
 *  1. Every op is in the registry and allowed at the module's level.
 *  2. A value has one definition, which comes before all its uses (ops are in dominance order); every typed value has one.
 *  3. Operands and attributes fit the op's signature; attributes with a default are filled in.
 *  4. Stored result types are those that the op's own rule infers from its operands' types.
 *  5. Every op and output has a source location.
 * Names
 *  6. Outputs, and inputs, have distinct names; an output is features, a vector or a dense tensor (at plan level: a buffer).
 *  7. A parameter name stands for one tensor: all ops that name it agree in role, layout and shape.
 * Site sets
 *  8. An input site set is named by its id; a derived one is in normal form, with one entry per axis (and, by construction, after its parent).
 *  9. A pruned set in use is made by one op. The root of every site set in use is a full grid or the site set of some input op (net and fused levels).
 *     Voxels are of points, on a grid that makes sense.
 * Rulebooks
 * 10. A search joins two sets that some convolution with its kernel joins; half a search is legal (by the op's rule).
 * 11. A slice takes a regular sub-grid of its parent's taps, and rulebooks meet operands on their own sites (by the ops' rules).
 * 12. The halo operand of a pair was made from the pair's rulebook operand.
 * Grounds
 * 13. A ground is given to an input that nothing else reads, and every value made of it has one that all inactive sites share (net level).
 */
import { describeProblem, groundsOf } from "./ground.ts";
import { printLoc } from "./loc.ts";
import { string, type Level, type Module, type Op, type ValueId } from "./module.ts";
import { ops } from "./ops/registry.ts";
import { inferOp } from "./ops/signature.ts";
import { pairOf } from "./ops/pair.ts";
import { isRoot, type SiteTable } from "./sites.ts";
import { voxelGridProblem } from "./voxel-grid.ts";
import { printType, sameType, sitesOf, type Type } from "./types.ts";

/** A broken invariant: of op `op` (index into the module's ops), or of the module as a whole. */
export interface Problem {
  readonly op?: number;
  readonly message: string;
}

/** Every broken invariant as one line of text with its op and place; empty for a well-formed module. */
export function verify(module: Module): readonly string[] {
  return findProblems(module).map(({ op, message }) => {
    const at = op === undefined ? undefined : module.ops[op];
    if (at === undefined) return message;
    return `op ${op} ${at.name}${at.loc.length === 0 ? "" : ` (${printLoc(at.loc)})`}: ${message}`;
  });
}

/** Every broken invariant, those of the module first, then in the order of the ops. */
export function findProblems(module: Module): readonly Problem[] {
  const problems: Problem[] = [];
  checkSites(module.sites, (message) => problems.push({ message }));
  checkOutputs(module, (message) => problems.push({ message }));
  checkPrunes(module, (message) => problems.push({ message }));
  checkRoots(module, (message) => problems.push({ message }));
  new OpChecker(module, problems).run();
  if (module.level === "net" && problems.length === 0) groundsOf(module).problems.forEach(({ op, problem }) => problems.push({ op, message: describeProblem(problem) }));
  const defined = new Set(module.ops.flatMap((op) => op.results));
  for (const value of module.types.keys()) {
    if (!defined.has(value)) problems.push({ message: `%${value} has a type and no definition` });
  }
  return problems;
}

type Report = (message: string) => void;

class OpChecker {
  readonly #module: Module;
  readonly #problems: Problem[];
  /** Inference may derive sets that a broken module lacks; the module's own table stays as it is. */
  readonly #sites: SiteTable;
  readonly #defs = new Map<ValueId, Op>();
  readonly #types = new Map<ValueId, Type>();
  readonly #inputs = new Set<string>();
  readonly #params = new Map<string, string>();

  constructor(module: Module, problems: Problem[]) {
    this.#module = module;
    this.#problems = problems;
    this.#sites = module.sites.clone();
  }

  run(): void {
    this.#module.ops.forEach((op, index) => this.#check(op, (message) => this.#problems.push({ op: index, message })));
  }

  #check(op: Op, problem: Report): void {
    const def = ops.get(op.name);
    if (def === undefined) problem(`unknown operation ${op.name}`);
    else if (!def.levels.includes(this.#module.level)) problem(`not allowed at level ${this.#module.level}`);
    if (op.loc.length === 0) problem("has no source location");
    const undefinedOperands = op.operands.filter((v) => !this.#defs.has(v));
    for (const v of new Set(undefinedOperands)) problem(`operand %${v} is not defined before`);
    const inferred = def === undefined || undefinedOperands.length > 0 ? undefined : this.#infer(op, problem);
    this.#define(op, inferred, problem);
    if (op.name === "input") this.#checkInputName(op, problem);
    if (op.name === "param") this.#checkParam(op, problem);
    if (op.name === "fused.pair" && inferred !== undefined) this.#checkHalo(op, problem);
  }

  /** Types by the op's rule; undefined when it cannot be asked or refuses. */
  #infer(op: Op, problem: Report): readonly Type[] | undefined {
    const types = op.operands.map((v) => this.#types.get(v));
    // An operand whose own op is broken may have no usable type; its problem has been reported there.
    if (!types.every((t) => t !== undefined && sitesOf(t).every((id) => this.#sites.has(id)))) return undefined;
    let refused = false;
    const inferred = inferOp(ops.get(op.name)!, {
      sites: this.#sites,
      types: types as readonly Type[],
      attrs: op.attrs,
      problem: (message) => {
        refused = true;
        problem(message);
      },
    });
    return refused ? undefined : inferred;
  }

  #define(op: Op, inferred: readonly Type[] | undefined, problem: Report): void {
    if (inferred !== undefined && inferred.length !== op.results.length) problem(`has ${op.results.length} results, its rule gives ${inferred.length}`);
    op.results.forEach((value, i) => {
      if (this.#defs.has(value)) problem(`%${value} is defined twice`);
      this.#defs.set(value, op);
      const stored = this.#module.types.get(value);
      const own = inferred?.[i];
      if (stored === undefined) problem(`%${value} has no type`);
      else if (own !== undefined && !sameType(stored, own)) problem(`%${value} is stored as ${printType(stored)}, its rule gives ${printType(own)}`);
      const type = own ?? stored;
      if (type !== undefined) this.#types.set(value, type);
    });
  }

  #checkInputName(op: Op, problem: Report): void {
    const name = op.attrs["name"];
    if (typeof name !== "string") return;
    if (this.#inputs.has(name)) problem(`a second input is named ${name}`);
    this.#inputs.add(name);
  }

  #checkParam(op: Op, problem: Report): void {
    const { name, ...rest } = op.attrs;
    if (typeof name !== "string") return;
    const description = JSON.stringify(rest);
    const known = this.#params.get(name);
    if (known !== undefined && known !== description) problem(`parameter ${name} is another tensor elsewhere: ${known}`);
    this.#params.set(name, known ?? description);
  }

  #checkHalo(op: Op, problem: Report): void {
    const pair = pairOf(op.attrs);
    const halo = this.#defs.get(op.operands[pair.halo]!);
    if (halo?.name !== "rulebook.halo") problem("its halo operand is not the result of rulebook.halo");
    else if (halo.operands[0] !== op.operands[pair.rb]) problem("its halo tables are of another rulebook");
  }
}

function checkSites(table: SiteTable, problem: Report): void {
  for (const id of table.ids) {
    const def = table.def(id);
    if (isRoot(def)) {
      if (def.kind !== "full" && def.name !== id) problem(`@${id} is an input set named ${def.name}`);
      if (def.axes.length < 1 || def.axes.length > 4) problem(`@${id} has ${def.axes.length} axes, 1 to 4 are possible`);
      if (new Set(def.axes).size !== def.axes.length) problem(`@${id} has two axes of one name`);
      if (def.kind !== "points" && def.extents !== undefined && def.extents.length !== def.axes.length) problem(`@${id} has ${def.extents.length} extents for ${def.axes.length} axes`);
      continue;
    }
    if (def.kind === "prune") continue;
    if (def.kind === "voxels") {
      const of = table.def(def.of);
      const wrong = of.kind === "points" ? voxelGridProblem(def, of.axes) : `are voxels of @${def.of}, which are no points`;
      if (wrong !== undefined) problem(`@${id} ${wrong}`);
      continue;
    }
    if (def.kind === "union") {
      if (def.of.length < 2) problem(`@${id} is a union of less than two sets`);
      else if (def.of.some((part) => !table.sameGrid(part, def.of[0]!))) problem(`@${id} joins sets of different grids`);
      else if (table.peek(def) !== id) problem(`@${id} is not in normal form`);
      continue;
    }
    const lists = def.kind === "floor" ? [def.stride] : [def.kernel, def.stride, def.padding, def.dilation, ...(def.kind === "generate" ? [def.outputPadding] : [])];
    if (lists.some((list) => list.length !== table.dim(id))) problem(`@${id} needs ${table.dim(id)} entries per list`);
    else if (table.peek(def) !== id) problem(`@${id} is not in normal form`);
  }
}

const outputKinds: Readonly<Record<Level, readonly Type["kind"][]>> = {
  net: ["feat", "vec", "dense"],
  fused: ["feat", "vec", "dense"],
  plan: ["buffer"],
};

function checkOutputs(module: Module, problem: Report): void {
  const names = new Set<string>();
  const defined = new Set(module.ops.flatMap((op) => op.results));
  for (const { name, value, loc } of module.outputs) {
    if (names.has(name)) problem(`two outputs are named ${name}`);
    names.add(name);
    if (loc.length === 0) problem(`output ${name} has no source location`);
    const kind = module.types.get(value)?.kind;
    if (!defined.has(value)) problem(`output ${name} is %${value}, which nothing defines`);
    else if (kind !== undefined && !outputKinds[module.level].includes(kind)) problem(`output ${name} is a ${kind}, expected ${outputKinds[module.level].join(" or ")}`);
  }
}

/** Each pruned set in use, or that one in use derives from, is made by one op. */
function checkPrunes(module: Module, problem: Report): void {
  if (module.level === "plan") return;
  const made = module.ops.filter((op) => op.name === "prune").map((op) => op.attrs["sites"]);
  const used = [...module.types.values()].flatMap(sitesOf).filter((id) => module.sites.has(id));
  for (const id of new Set(used.flatMap((u) => module.sites.pruned(u)))) {
    const count = made.filter((m) => m === id).length;
    if (count !== 1) problem(`${count} operations make the pruned sites @${id}`);
  }
}

/** Coordinates come from inputs alone: each root in use must be the site set of an input. */
function checkRoots(module: Module, problem: Report): void {
  if (module.level === "plan") return;
  const given = new Set(module.ops.filter((op) => op.name === "input" && typeof op.attrs["sites"] === "string").map((op) => string(op.attrs, "sites")));
  const used = [...module.types.values()].flatMap(sitesOf).filter((id) => module.sites.has(id));
  for (const root of new Set(used.flatMap((id) => module.sites.roots(id)))) {
    if (!given.has(root) && !module.sites.isFull(root)) problem(`no input gives the sites @${root}`);
  }
}
