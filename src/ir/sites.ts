/**
 * Site sets as types. A site set is named by how it was derived; the table hash-conses derivations in a normal form,
 * so the same derivation written twice is the same id, and equality of ids is equality of sets.
 *
 * One relation for every system, per axis: `in = stride·out − padding + tap·dilation`.
 */

/** Name of a site set in its module, unique: `S`, `S/2`, `S/8x16x16`, `S*2` for a finer grid, `S/2~2` for a second set of the same stride. */
export type SiteId = string;

/** Kernel geometry, one entry per axis in the order of the site set's axes. */
export interface Geometry {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

export interface InputSites {
  readonly kind: "input";
  /** The name written in `sites NAME : …`; several inputs may share it. */
  readonly name: string;
  readonly axes: readonly string[];
  /** Extent per axis (coordinates are 0 ≤ c < extent), or undefined for an unbounded grid. */
  readonly extents: readonly number[] | undefined;
}

/**
 * Every cell of a grid, in every batch item: what dense tensors live on. Rows are sorted, so row
 * (batch · n0 + c0) · n1 + … is known without a search. It derives from nothing: equal axes and extents are equal sets.
 */
export interface FullSites {
  readonly kind: "full";
  readonly axes: readonly string[];
  readonly extents: readonly number[];
}

/** Points as the caller gives them, in his order, any number at one place. Their one coordinate is their number; they lie on no grid. */
export interface PointSites {
  readonly kind: "points";
  readonly name: string;
  /** What positions are measured along. */
  readonly axes: readonly string[];
}

/** How positions become cells of a grid: floor((p − origin) / size) in float32, or the nearest whole number. */
export interface VoxelGrid {
  readonly axes: readonly string[];
  readonly extents: readonly number[] | undefined;
  readonly size: readonly number[];
  readonly origin: readonly number[];
  readonly rounding: "floor" | "nearest";
  /** What becomes of points beyond the extents: they are refused, or left out. */
  readonly outside: "error" | "drop";
  /** Voxels of a batch item at most, the first ones to appear in the points' order; points of later ones are left out. */
  readonly maxVoxels?: number;
}

/** The cells of a grid that points lie in, each once. All that derives from it names it as its root. */
export interface VoxelSites extends VoxelGrid {
  readonly kind: "voxels";
  readonly of: SiteId;
}

/** Every output that some active input reaches; clipped to the derived extents when the input has extents. */
export interface ReachSites extends Geometry {
  readonly kind: "reach";
  readonly of: SiteId;
}

/** out = floor(in / stride). `of` is never itself a `floor` set: strides compose by multiplication. */
export interface FloorSites {
  readonly kind: "floor";
  readonly of: SiteId;
  readonly stride: readonly number[];
}

/**
 * Every output of a transposed convolution: out = stride·in − padding + tap·dilation for some active input and tap;
 * clipped to the derived extents when the parent has extents. Its grid is finer than its parent's.
 */
export interface GenerateSites extends Geometry {
  readonly kind: "generate";
  readonly of: SiteId;
  /** Cells added behind the last one per axis where there are extents, else 0. */
  readonly outputPadding: readonly number[];
}

/** The sites of two or more sets of one grid, none of which is a union, each once, in the order of the table. */
export interface UnionSites {
  readonly kind: "union";
  readonly of: readonly SiteId[];
}

/** The sites of another set where a feature says so. It depends on data, so each is a set of its own: no two are equal. */
export interface PruneSites {
  readonly kind: "prune";
  readonly of: SiteId;
}

export type DerivedSites = ReachSites | FloorSites | GenerateSites | UnionSites | PruneSites;
/** Sets that derive from no other. */
export type RootSites = InputSites | FullSites | PointSites;
export type SiteDef = RootSites | VoxelSites | DerivedSites;

export const isRoot = (def: SiteDef): def is RootSites => def.kind === "input" || def.kind === "full" || def.kind === "points";

/** Whether a set begins a grid of its own, from which strides count. */
const beginsGrid = (def: SiteDef): def is RootSites | VoxelSites => isRoot(def) || def.kind === "voxels";

/** The sets that a set derives from, none for an input, points or a full grid. */
export function parentsOf(def: SiteDef): readonly SiteId[] {
  if (isRoot(def)) return [];
  return def.kind === "union" ? def.of : [def.of];
}

/** Extent of a convolution's output per axis: floor((n + 2p − d(k−1) − 1)/s) + 1. */
export function outputExtent(n: number, k: number, s: number, p: number, d: number): number {
  return Math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1;
}

/** The same rounded up, as PyTorch's `ceil_mode`: a last window may stick out, but begins inside or in the padding before. */
export function ceilExtent(n: number, k: number, s: number, p: number, d: number): number {
  const places = Math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1;
  return (places - 1) * s >= n + p ? places - 1 : places;
}

/** Extent of a transposed convolution's output per axis: (n − 1)·s − 2p + d(k−1) + 1, and what is added behind. */
export function generatedExtent(n: number, k: number, s: number, p: number, d: number, added: number): number {
  return (n - 1) * s - 2 * p + d * (k - 1) + 1 + added;
}

/** The one coordinate of points: their number in the caller's order. */
const POINT_AXES: readonly string[] = ["point"];

/** A positive fraction in lowest terms. */
interface Ratio {
  readonly over: number;
  readonly under: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

function ratio(over: number, under: number): Ratio {
  const by = gcd(over, under);
  return { over: over / by, under: under / by };
}

/** The site sets of a module. It only grows: `derive…` returns the id of an equal set when there is one, else adds it. */
export class SiteTable {
  readonly #defs = new Map<SiteId, SiteDef>();
  readonly #byKey = new Map<string, SiteId>();

  /** A copy that may grow without the original growing. */
  clone(): SiteTable {
    const copy = new SiteTable();
    for (const [id, def] of this.#defs) copy.declare(id, def);
    return copy;
  }

  get ids(): readonly SiteId[] {
    return [...this.#defs.keys()];
  }

  has(id: SiteId): boolean {
    return this.#defs.has(id);
  }

  def(id: SiteId): SiteDef {
    const def = this.#defs.get(id);
    if (def === undefined) throw new Error(`internal: unknown site set @${id}`);
    return def;
  }

  /** The input set, voxels or full grid that `id` derives from; of a union, that of its first part. */
  root(id: SiteId): SiteId {
    const def = this.def(id);
    return beginsGrid(def) ? id : this.root(parentsOf(def)[0]!);
  }

  /** All input sets, points and full grids that `id` derives from, each once. */
  roots(id: SiteId): readonly SiteId[] {
    const parents = parentsOf(this.def(id));
    return parents.length === 0 ? [id] : [...new Set(parents.flatMap((p) => this.roots(p)))];
  }

  axes(id: SiteId): readonly string[] {
    const def = this.def(this.root(id));
    if (def.kind === "points") return POINT_AXES;
    return beginsGrid(def) ? def.axes : [];
  }

  /** The points that a set derives from; undefined where it derives from none. */
  pointsOf(id: SiteId): SiteId | undefined {
    return this.roots(id).find((root) => this.def(root).kind === "points");
  }

  /** The grid of voxels that a set's cells are on, by its root. */
  voxelGrid(id: SiteId): VoxelSites | undefined {
    const def = this.def(this.root(id));
    return def.kind === "voxels" ? def : undefined;
  }

  /** Number of axes, 1 to 4. */
  dim(id: SiteId): number {
    return this.axes(id).length;
  }

  /** Extent per axis, or undefined when the root is unbounded. */
  extents(id: SiteId): readonly number[] | undefined {
    const def = this.def(id);
    if (def.kind === "points") return undefined;
    if (beginsGrid(def)) return def.extents;
    if (def.kind === "union" || def.kind === "prune") return this.extents(parentsOf(def)[0]!);
    return this.extents(def.of)?.map((n, i) => {
      if (def.kind === "floor") return Math.ceil(n / def.stride[i]!);
      const [k, s, p, d] = [def.kernel[i]!, def.stride[i]!, def.padding[i]!, def.dilation[i]!];
      return def.kind === "reach" ? outputExtent(n, k, s, p, d) : generatedExtent(n, k, s, p, d, def.outputPadding[i]!);
    });
  }

  /** Product of strides from the root, per axis; below 1 where the grid is finer than the root's. */
  totalStride(id: SiteId): readonly number[] {
    return this.#ratios(id).map((r) => r.over / r.under);
  }

  /** Whether every cell of its grid is in the set. */
  isFull(id: SiteId): boolean {
    return this.def(id).kind === "full";
  }

  /**
   * Whether a convolution with this stride leads from the grid of `from` to that of `to`. From one full grid to another
   * any does: their cells are all there, and what lies outside is padding. To any set on a grid that
   * a full one covers stride 1 leads.
   */
  strideLeads(from: SiteId, stride: readonly number[], to: SiteId): boolean {
    if (this.axes(from).join() !== this.axes(to).join()) return false;
    if (this.isFull(from) && this.isFull(to)) return true;
    if (this.coversGrid(from, to) && stride.every((s) => s === 1)) return true;
    return this.#ratiosLead(from, stride, to);
  }

  /** Whether the cells of a full grid are those of the grid of another set, whatever strides led there. */
  coversGrid(full: SiteId, id: SiteId): boolean {
    return this.isFull(full) && this.axes(full).join() === this.axes(id).join() && this.extents(full)?.join() === this.extents(id)?.join();
  }

  #ratiosLead(from: SiteId, stride: readonly number[], to: SiteId): boolean {
    const end = this.#ratios(to);
    return this.#ratios(from).every(({ over, under }, i) => over * stride[i]! * end[i]!.under === end[i]!.over * under);
  }

  /** Whether two sets lie on one grid: the same axes, total strides and extents. */
  sameGrid(a: SiteId, b: SiteId): boolean {
    return this.axes(a).join() === this.axes(b).join() && this.#ratiosLead(a, this.axes(a).map(() => 1), b) && this.extents(a)?.join() === this.extents(b)?.join();
  }

  #ratios(id: SiteId): readonly Ratio[] {
    const def = this.def(id);
    if (beginsGrid(def)) return this.axes(id).map(() => ({ over: 1, under: 1 }));
    return this.#ratiosAfter(parentsOf(def)[0]!, def);
  }

  #ratiosAfter(of: SiteId, def: DerivedSites): readonly Ratio[] {
    if (def.kind === "union" || def.kind === "prune") return this.#ratios(of);
    const { kind, stride } = def;
    return this.#ratios(of).map((r, i) => (kind === "generate" ? ratio(r.over, r.under * stride[i]!) : ratio(r.over * stride[i]!, r.under)));
  }

  addInput(def: InputSites | PointSites): SiteId {
    const key = siteKey(def)!;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    return this.#add(def.name, key, def);
  }

  /** The voxels that points are in, by the name given where no equal set has one; added when new. */
  deriveVoxels(name: string, of: SiteId, grid: VoxelGrid): SiteId {
    const def: VoxelSites = { kind: "voxels", of, ...grid };
    const key = siteKey(def)!;
    return this.#byKey.get(key) ?? this.#add(name, key, def);
  }

  /** The full grid of these axes and extents; added when new. */
  fullGrid(axes: readonly string[], extents: readonly number[]): SiteId {
    const def: FullSites = { kind: "full", axes, extents };
    const key = siteKey(def);
    // No name that a network can give a set has a dot.
    return this.#byKey.get(key ?? "") ?? this.#add(`grid.${extents.join("x")}`, key, def);
  }

  /** The set of `conv` under the reach rule, in normal form; added when new. */
  deriveReach(of: SiteId, g: Geometry): SiteId {
    return this.#intern(this.#reach(of, g));
  }

  /** The set of `conv` under the floor rule, in normal form: kernel and padding belong to the rulebook alone; added when new. */
  deriveFloor(of: SiteId, stride: readonly number[]): SiteId {
    return this.#intern(this.#floor(of, stride));
  }

  /** The set that a transposed convolution generates, in normal form; added when new. */
  deriveGenerate(of: SiteId, g: Geometry, outputPadding: readonly number[]): SiteId {
    return this.#intern(this.#generate(of, g, outputPadding));
  }

  /** The union of sets of one grid, in normal form: flat, in any order, each part once; added when new. */
  deriveUnion(of: readonly SiteId[]): SiteId {
    return this.#intern(this.#union(of));
  }

  /** A set of its own: some sites of `of`. */
  derivePrune(of: SiteId): SiteId {
    const def: PruneSites = { kind: "prune", of };
    return this.#add(this.#nameOf(def), undefined, def);
  }

  /** All prunings that `id` derives from, itself included, each once. */
  pruned(id: SiteId): readonly SiteId[] {
    const def = this.def(id);
    const above = parentsOf(def).flatMap((parent) => this.pruned(parent));
    return [...new Set(def.kind === "prune" ? [...above, id] : above)];
  }

  /** The id `deriveReach` would find, without adding: undefined when no such set is known. */
  peekReach(of: SiteId, g: Geometry): SiteId | undefined {
    return this.#lookup(this.#reach(of, g));
  }

  /** The id `deriveFloor` would find, without adding: undefined when no such set is known. */
  peekFloor(of: SiteId, stride: readonly number[]): SiteId | undefined {
    return this.#lookup(this.#floor(of, stride));
  }

  /** The id of a definition's set, whatever form it is in, without adding: undefined when no such set is known. */
  peek(def: DerivedSites): SiteId | undefined {
    switch (def.kind) {
      case "reach":
        return this.peekReach(def.of, def);
      case "floor":
        return this.peekFloor(def.of, def.stride);
      case "generate":
        return this.#lookup(this.#generate(def.of, def, def.outputPadding));
      case "union":
        return this.#lookup(this.#union(def.of));
      case "prune":
        return undefined;
    }
  }

  /** Adds a set under a given id, for the text reader; returns why it cannot, when it cannot. */
  declare(id: SiteId, def: SiteDef): string | undefined {
    const key = siteKey(def) ?? id;
    const known = this.#byKey.get(key);
    if (this.#defs.has(id)) return `site set @${id} is declared twice`;
    if (known !== undefined) return `site set @${id} is the same derivation as @${known}`;
    const unknown = parentsOf(def).find((parent) => !this.#defs.has(parent));
    if (unknown !== undefined) return `site set @${unknown} is not declared before`;
    this.#defs.set(id, def);
    this.#byKey.set(key, id);
    return undefined;
  }

  /** Normal form of a reach derivation: a known id, or a definition. */
  #reach(of: SiteId, g: Geometry): SiteId | ReachSites | FloorSites {
    // Taps that tile the grid exactly give the floor set, unless clipping cuts off an incomplete last cell.
    const extents = this.extents(of);
    const tiles = g.kernel.every(
      (k, i) => k === g.stride[i] && g.padding[i] === 0 && (g.dilation[i] === 1 || k === 1) && (extents?.[i] ?? 0) % k === 0,
    );
    if (tiles) return this.#floor(of, g.stride);
    return { kind: "reach", of, kernel: g.kernel, stride: g.stride, padding: g.padding, dilation: g.dilation };
  }

  /** Normal form of a floor derivation: a known id, or a definition. */
  #floor(of: SiteId, stride: readonly number[]): SiteId | FloorSites {
    if (stride.every((s) => s === 1)) return of;
    const def = this.def(of);
    if (def.kind === "floor") return { kind: "floor", of: def.of, stride: def.stride.map((s, i) => s * stride[i]!) };
    return { kind: "floor", of, stride };
  }

  /** Normal form of a generated set: without a stride it is what the mirrored kernel reaches. */
  #generate(of: SiteId, g: Geometry, added: readonly number[]): SiteId | DerivedSites {
    const outputPadding = this.extents(of) === undefined ? added.map(() => 0) : added;
    const { kernel, stride, padding, dilation } = g;
    if (stride.every((s) => s === 1) && outputPadding.every((n) => n === 0)) {
      return this.#reach(of, { kernel, stride, padding: padding.map((p, i) => (kernel[i]! - 1) * dilation[i]! - p), dilation });
    }
    return { kind: "generate", of, kernel, stride, padding, dilation, outputPadding };
  }

  #union(of: readonly SiteId[]): SiteId | UnionSites {
    const flat = new Set(of.flatMap((id) => {
      const def = this.def(id);
      return def.kind === "union" ? def.of : [id];
    }));
    const sorted = this.ids.filter((id) => flat.has(id));
    return sorted.length === 1 ? sorted[0]! : { kind: "union", of: sorted };
  }

  #lookup(normal: SiteId | DerivedSites): SiteId | undefined {
    return typeof normal === "string" ? normal : this.#byKey.get(siteKey(normal) ?? "");
  }

  #intern(normal: SiteId | DerivedSites): SiteId {
    if (typeof normal === "string") return normal;
    const key = siteKey(normal);
    const known = this.#byKey.get(key ?? "");
    if (known !== undefined) return known;
    return this.#add(this.#nameOf(normal), key, normal);
  }

  /** The name that a new derived set gets: its root and its total stride. */
  #nameOf(def: DerivedSites): string {
    const of = parentsOf(def)[0]!;
    const total = this.#ratiosAfter(of, def);
    const list = (numbers: readonly number[]): string => (numbers.every((n) => n === numbers[0]) ? String(numbers[0]) : numbers.join("x"));
    if (total.every((r) => r.under === 1)) return `${this.root(of)}/${list(total.map((r) => r.over))}`;
    return total.every((r) => r.over === 1) ? `${this.root(of)}*${list(total.map((r) => r.under))}` : this.root(of);
  }

  #add(wanted: string, key: string | undefined, def: SiteDef): SiteId {
    let id = wanted;
    for (let n = 1; this.#defs.has(id); n++) id = `${wanted}~${n + 1}`;
    this.#defs.set(id, def);
    this.#byKey.set(key ?? id, id);
    return id;
  }
}

/** What two equal definitions agree in; undefined where no two are equal. */
function siteKey(def: SiteDef): string | undefined {
  switch (def.kind) {
    case "input":
      return JSON.stringify(["input", def.name]);
    case "points":
      return JSON.stringify(["input", def.name]);
    case "voxels":
      return JSON.stringify(["voxels", def.of, def.axes, def.extents ?? [], def.size, def.origin, def.rounding, def.outside, def.maxVoxels ?? 0]);
    case "full":
      return JSON.stringify(["full", def.axes, def.extents]);
    case "reach":
      return JSON.stringify(["reach", def.of, def.kernel, def.stride, def.padding, def.dilation]);
    case "floor":
      return JSON.stringify(["floor", def.of, def.stride]);
    case "generate":
      return JSON.stringify(["generate", def.of, def.kernel, def.stride, def.padding, def.dilation, def.outputPadding]);
    case "union":
      return JSON.stringify(["union", ...def.of]);
    case "prune":
      return undefined;
  }
}
