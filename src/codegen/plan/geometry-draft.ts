import { number, numbers, siteAttr, type AttrValue, type Module, type Op, type ValueId } from "../../ir/module.ts";
import { parentsOf, type SiteId } from "../../ir/sites.ts";

/** Which block of a search a kernel reads. */
export type BlockForm = "forward" | "transposed" | "halo";

/** A rulebook value resolved to the search it came from: which block, and which stored tap each of its taps reads. */
export interface ResolvedRulebook {
  readonly search: number;
  readonly form: BlockForm;
  readonly stored: number;
  readonly taps: readonly number[];
  readonly halo?: { readonly tile: number; readonly capacity: number };
}

export interface SearchDraft {
  readonly name: string;
  readonly from: SiteId;
  readonly to: SiteId;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly mirrored: boolean;
  forward: boolean;
  transposed: boolean;
  halo?: { readonly capacity: number };
}

/** Suffix of the sorted copy of an input set, which global pools read in canonical order. */
const SORTED = "#sorted";
/** Suffixes of the cells of points, and of the points of each site. */
const CELLS = "#cells";
const CORNERS = "#corners";
const MEMBERS = "#points";

/** Collects what the network asks of geometry while steps are lowered. */
export class GeometryDraft {
  readonly searches: SearchDraft[] = [];
  readonly #module: Module;
  readonly #defs = new Map<ValueId, Op>();
  readonly #resolved = new Map<ValueId, ResolvedRulebook>();
  readonly #sorted = new Map<SiteId, number>();
  readonly #sites = new Set<SiteId>();
  /** Cells of points by their id, and lists of the points of a set. */
  readonly #cells = new Map<string, { readonly attrs: AttrValue; readonly voxels: SiteId }>();
  readonly #members = new Map<SiteId, AttrValue>();
  readonly #located = new Map<string, ResolvedRulebook & { readonly cells: string }>();

  constructor(module: Module) {
    this.#module = module;
    for (const op of module.ops) for (const r of op.results) this.#defs.set(r, op);
  }

  /** Makes sure that `site` and all it derives from are built. */
  need(site: SiteId): void {
    if (this.#sites.has(site)) return;
    for (const parent of parentsOf(this.#module.sites.def(site))) this.need(parent);
    this.#sites.add(site);
  }

  /** Resolves a rulebook value and marks the block it reads as wanted. */
  use(value: ValueId): ResolvedRulebook {
    const resolved = this.#resolve(value);
    const search = this.searches[resolved.search]!;
    if (resolved.form === "transposed") search.transposed = true;
    else search.forward = true;
    if (resolved.halo !== undefined) search.halo = { capacity: resolved.halo.capacity };
    return resolved;
  }

  /** The search from an input set onto its sorted copy: one tap, giving the canonical order of the caller's rows. */
  order(site: SiteId): { readonly search: number; readonly sorted: SiteId } {
    const sorted = site + SORTED;
    const known = this.#sorted.get(site);
    if (known !== undefined) return { search: known, sorted };
    const ones = this.#module.sites.axes(site).map(() => 1);
    const zeros = ones.map(() => 0);
    this.need(site);
    const search = this.searches.length;
    this.searches.push({
      name: `order_${search}`, from: site, to: sorted, kernel: ones, stride: ones, padding: zeros, dilation: ones,
      mirrored: false, forward: true, transposed: false,
    });
    this.#sorted.set(site, search);
    return { search, sorted };
  }

  /** The search from a set to a pruning of it: one tap, each row onto its own. */
  pruning(to: SiteId): ResolvedRulebook {
    const [from] = parentsOf(this.#module.sites.def(to)) as [SiteId];
    this.need(to);
    const ones = this.#module.sites.axes(to).map(() => 1);
    const search = this.searches.length;
    this.searches.push({ name: `rb${search}`, from, to, kernel: ones, stride: ones, padding: ones.map(() => 0), dilation: ones, mirrored: false, forward: true, transposed: false });
    return { search, form: "forward", stored: 1, taps: [0] };
  }

  /**
   * The search from the cells of points to a set that derives from their voxels: the site that a point is in, or with
   * `corners` those at the 2^axes corners around it, a tap's bits saying where it is the upper one, last axis lowest.
   */
  locate(to: SiteId, corners: boolean): ResolvedRulebook & { readonly cells: string } {
    const key = `${to} ${corners}`;
    const known = this.#located.get(key);
    if (known !== undefined) return known;
    this.need(to);
    const table = this.#module.sites;
    const cells = this.#cellsOf(table.root(to), table.totalStride(to), corners);
    const ones = table.axes(to).map(() => 1);
    const stored = corners ? 2 ** ones.length : 1;
    const search = this.searches.length;
    this.searches.push({
      name: `points_${search}`, from: cells, to, kernel: ones.map((n) => (corners ? 2 : n)), stride: ones, padding: ones.map((n) => (corners ? n : 0)), dilation: ones,
      mirrored: false, forward: false, transposed: true,
    });
    // A row at c meets tap r at c + 1 − r: the last tap is the lower corner.
    const found = { search, form: "transposed" as const, stored, taps: Array.from({ length: stored }, (_, u) => stored - 1 - u), cells };
    this.#located.set(key, found);
    return found;
  }

  /** The id of the list of the points of each row of a set. */
  members(of: SiteId): string {
    const id = of + MEMBERS;
    if (this.#members.has(of)) return id;
    const { search, cells } = this.locate(of, false);
    this.#members.set(of, { id, kind: "members", dim: 1, of: cells, into: of, search });
    return id;
  }

  #cellsOf(voxels: SiteId, stride: readonly number[], corners: boolean): string {
    const def = this.#module.sites.def(voxels);
    if (def.kind !== "voxels") throw new Error(`internal: @${voxels} are no voxels`);
    const apart = corners && def.rounding === "nearest";
    const id = `${voxels}${apart ? CORNERS : CELLS}${stride.every((s) => s === 1) ? "" : `/${stride.join("x")}`}`;
    if (!this.#cells.has(id)) {
      const { size, origin, rounding, outside, extents, maxVoxels } = def;
      const cells = { size, origin, rounding, outside, ...(extents === undefined ? {} : { extents }), ...(maxVoxels === undefined ? {} : { maxVoxels }), stride, ...(apart ? { corners: true } : {}) };
      this.#cells.set(id, { voxels, attrs: { id, kind: "cells", dim: stride.length, of: def.of, cells } });
    }
    return id;
  }

  /** Whether rows of the set are in the caller's order. */
  inCallersOrder(site: SiteId): boolean {
    const { kind } = this.#module.sites.def(site);
    return kind === "input" || kind === "points";
  }

  /** Site descriptions in derivation order, as attributes of `step.geometry`. */
  siteAttrs(): AttrValue[] {
    const table = this.#module.sites;
    const list: AttrValue[] = [];
    for (const id of this.#sites) {
      const def = table.def(id);
      const dim = table.dim(id);
      const extents = table.extents(id);
      const bounds = extents === undefined ? {} : { extents };
      if (def.kind === "input") {
        list.push({ id, kind: "input", dim, axes: def.axes, ...bounds });
        if (this.#sorted.has(id)) list.push({ id: id + SORTED, kind: "sorted", dim, of: id, ...bounds });
      } else if (def.kind === "full") {
        list.push({ id, kind: "full", dim, ...bounds });
      } else if (def.kind === "floor") {
        list.push({ id, kind: "floor", dim, of: def.of, stride: def.stride, ...bounds });
      } else if (def.kind === "prune") {
        list.push({ id, kind: "prune", dim, of: def.of, ...bounds });
      } else if (def.kind === "points") {
        list.push({ id, kind: "points", dim, positions: def.axes });
        if (this.#sorted.has(id)) list.push({ id: id + SORTED, kind: "sorted", dim, of: id });
      } else if (def.kind === "voxels") {
        const cells = this.#cellsOf(id, def.axes.map(() => 1), false);
        list.push(this.#cells.get(cells)!.attrs, { id, kind: "voxels", dim, of: cells, ...bounds });
      } else if (def.kind === "union") {
        list.push({ id, kind: "union", dim, of: def.of[0]!, others: def.of.slice(1), ...bounds });
      } else {
        list.push({ id, kind: def.kind, dim, of: def.of, kernel: def.kernel, stride: def.stride, padding: def.padding, dilation: def.dilation, ...bounds });
      }
    }
    const listed = new Set(list.map((attrs) => (attrs as { readonly id: string }).id));
    return [...list, ...[...this.#cells].flatMap(([id, { attrs }]) => (listed.has(id) ? [] : [attrs])), ...this.#members.values()];
  }

  searchAttrs(): AttrValue[] {
    return this.searches.map((s) => ({
      name: s.name, from: s.from, to: s.to, kernel: s.kernel, stride: s.stride, padding: s.padding, dilation: s.dilation,
      mirrored: s.mirrored, forward: s.forward, transposed: s.transposed, ...(s.halo === undefined ? {} : { halo: s.halo }),
    }));
  }

  #resolve(value: ValueId): ResolvedRulebook {
    const known = this.#resolved.get(value);
    if (known !== undefined) return known;
    const op = this.#defs.get(value);
    if (op === undefined) throw new Error(`internal: rulebook %${value} is not defined`);
    const resolved = this.#fromOp(op);
    this.#resolved.set(value, resolved);
    return resolved;
  }

  #fromOp(op: Op): ResolvedRulebook {
    switch (op.name) {
      case "rulebook.search":
        return this.#addSearch(op);
      case "rulebook.transpose": {
        const parent = this.#resolve(op.operands[0]!);
        return { ...parent, form: parent.form === "transposed" ? "forward" : "transposed" };
      }
      case "rulebook.slice": {
        const parent = this.#resolve(op.operands[0]!);
        return { ...parent, taps: numbers(op.attrs, "taps").map((t) => parent.taps[t]!) };
      }
      case "rulebook.halo": {
        const parent = this.#resolve(op.operands[0]!);
        return { ...parent, halo: { tile: number(op.attrs, "tile"), capacity: number(op.attrs, "capacity") } };
      }
      default:
        throw new Error(`internal: ${op.name} does not define a rulebook`);
    }
  }

  #addSearch(op: Op): ResolvedRulebook {
    const from = siteAttr(op.attrs, "from");
    const to = siteAttr(op.attrs, "to");
    this.need(from);
    this.need(to);
    const kernel = numbers(op.attrs, "kernel");
    const stored = kernel.reduce((a, b) => a * b, 1);
    const search = this.searches.length;
    this.searches.push({
      name: `rb${search}`, from, to, kernel, stride: numbers(op.attrs, "stride"), padding: numbers(op.attrs, "padding"),
      dilation: numbers(op.attrs, "dilation"), mirrored: op.attrs["mirrored"] === true, forward: false, transposed: false,
    });
    return { search, form: "forward", stored, taps: Array.from({ length: stored }, (_, i) => i) };
  }
}

/** Key of a region that geometry builds: a rulebook block, a halo table or coordinates. */
export function regionKey(rulebook: ResolvedRulebook, form: "forward" | "transposed" | "halo"): string {
  return `map:${rulebook.search}:${form}`;
}
