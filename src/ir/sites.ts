/**
 * Site sets as types. A site set is named by how it was derived; the table hash-conses derivations in a normal form,
 * so the same derivation written twice is the same id, and equality of ids is equality of sets.
 *
 * One relation for every system, per axis: `in = stride·out − padding + tap·dilation`.
 */

/** Name of a site set in its module, unique: `S`, `S/2`, `S/8x16x16`, `S/2~b` for a second set of the same stride. */
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

export type SiteDef = InputSites | ReachSites | FloorSites;

/** Extent of a convolution's output per axis: floor((n + 2p − d(k−1) − 1)/s) + 1. */
export function outputExtent(n: number, k: number, s: number, p: number, d: number): number {
  return Math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1;
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

  /** The input set that `id` derives from. */
  root(id: SiteId): SiteId {
    const def = this.def(id);
    return def.kind === "input" ? id : this.root(def.of);
  }

  axes(id: SiteId): readonly string[] {
    const def = this.def(this.root(id));
    return def.kind === "input" ? def.axes : [];
  }

  /** Number of axes, 1 to 4. */
  dim(id: SiteId): number {
    return this.axes(id).length;
  }

  /** Extent per axis, or undefined when the root is unbounded. */
  extents(id: SiteId): readonly number[] | undefined {
    const def = this.def(id);
    if (def.kind === "input") return def.extents;
    const parent = this.extents(def.of);
    if (parent === undefined) return undefined;
    return parent.map((n, i) =>
      def.kind === "floor"
        ? Math.ceil(n / def.stride[i]!)
        : outputExtent(n, def.kernel[i]!, def.stride[i]!, def.padding[i]!, def.dilation[i]!),
    );
  }

  /** Product of strides from the root, per axis. */
  totalStride(id: SiteId): readonly number[] {
    const def = this.def(id);
    if (def.kind === "input") return def.axes.map(() => 1);
    return this.totalStride(def.of).map((t, i) => t * def.stride[i]!);
  }

  addInput(def: InputSites): SiteId {
    const key = JSON.stringify(["input", def.name]);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    return this.#add(def.name, key, def);
  }

  /** The set of `conv` under the reach rule, in normal form; added when new. */
  deriveReach(of: SiteId, g: Geometry): SiteId {
    return this.#intern(this.#reach(of, g));
  }

  /** The set of `conv` under the floor rule, in normal form: kernel and padding belong to the rulebook alone; added when new. */
  deriveFloor(of: SiteId, stride: readonly number[]): SiteId {
    return this.#intern(this.#floor(of, stride));
  }

  /** The id `deriveReach` would find, without adding: undefined when no such set is known. */
  peekReach(of: SiteId, g: Geometry): SiteId | undefined {
    return this.#lookup(this.#reach(of, g));
  }

  /** The id `deriveFloor` would find, without adding: undefined when no such set is known. */
  peekFloor(of: SiteId, stride: readonly number[]): SiteId | undefined {
    return this.#lookup(this.#floor(of, stride));
  }

  /** Adds a set under a given id, for the text reader; returns why it cannot, when it cannot. */
  declare(id: SiteId, def: SiteDef): string | undefined {
    const key = siteKey(def);
    const known = this.#byKey.get(key);
    if (this.#defs.has(id)) return `site set @${id} is declared twice`;
    if (known !== undefined) return `site set @${id} is the same derivation as @${known}`;
    if (def.kind !== "input" && !this.#defs.has(def.of)) return `site set @${def.of} is not declared before`;
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

  #lookup(normal: SiteId | ReachSites | FloorSites): SiteId | undefined {
    return typeof normal === "string" ? normal : this.#byKey.get(siteKey(normal));
  }

  #intern(normal: SiteId | ReachSites | FloorSites): SiteId {
    if (typeof normal === "string") return normal;
    const key = siteKey(normal);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const total = this.totalStride(normal.of).map((t, i) => t * normal.stride[i]!);
    const same = total.every((t) => t === total[0]);
    return this.#add(`${this.root(normal.of)}/${same ? total[0] : total.join("x")}`, key, normal);
  }

  #add(wanted: string, key: string, def: SiteDef): SiteId {
    let id = wanted;
    for (let n = 1; this.#defs.has(id); n++) id = `${wanted}~${n + 1}`;
    this.#defs.set(id, def);
    this.#byKey.set(key, id);
    return id;
  }
}

function siteKey(def: SiteDef): string {
  switch (def.kind) {
    case "input":
      return JSON.stringify(["input", def.name]);
    case "reach":
      return JSON.stringify(["reach", def.of, def.kernel, def.stride, def.padding, def.dilation]);
    case "floor":
      return JSON.stringify(["floor", def.of, def.stride]);
  }
}
