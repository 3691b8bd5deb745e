import { outputExtent, type Geometry, type SiteTable, type SiteId } from "../sites.ts";

/** Rows of [batch, c0, c1, …] with the row of each coordinate. Rows are distinct. */
export class SiteRows {
  /** Names of the axes, without the batch. */
  readonly axes: readonly string[];
  readonly dim: number;
  readonly count: number;
  /** [count, 1 + dim], row-major. */
  readonly coords: Int32Array;
  readonly #low: Int32Array;
  readonly #span: Float64Array;
  readonly #rowOf = new Map<number | string, number>();
  readonly #packs: boolean;

  constructor(axes: readonly string[], coords: Int32Array) {
    const width = axes.length + 1;
    this.axes = axes;
    this.dim = axes.length;
    this.count = coords.length / width;
    this.coords = coords;
    if (!Number.isInteger(this.count)) throw new Error(`internal: ${coords.length} coordinates are no rows of ${width}`);
    this.#low = new Int32Array(width).fill(2 ** 31 - 1);
    this.#span = new Float64Array(width);
    for (let j = 0; j < width; j++) {
      let high = -(2 ** 31);
      for (let i = j; i < coords.length; i += width) {
        this.#low[j] = Math.min(this.#low[j]!, coords[i]!);
        high = Math.max(high, coords[i]!);
      }
      this.#span[j] = this.count === 0 ? 0 : high - this.#low[j]! + 1;
    }
    // A coordinate is one number inside the bounding box where 53 bits hold the box, else a text.
    this.#packs = this.#span.reduce((product, n) => product * n, 1) <= Number.MAX_SAFE_INTEGER;
    for (let row = 0; row < this.count; row++) {
      const key = this.#key(coords, row * width);
      if (key === undefined || this.#rowOf.has(key)) throw new Error(`internal: site ${coords.slice(row * width, (row + 1) * width).join(",")} is there twice`);
      this.#rowOf.set(key, row);
    }
  }

  /** Row of the site [batch, c0, …] that starts at `at` in `point`, or −1 when it is not active. */
  find(point: ArrayLike<number>, at = 0): number {
    const key = this.#key(point, at);
    return key === undefined ? -1 : (this.#rowOf.get(key) ?? -1);
  }

  #key(point: ArrayLike<number>, at: number): number | string | undefined {
    let packed = 0;
    for (let j = 0; j <= this.dim; j++) {
      const offset = point[at + j]! - this.#low[j]!;
      if (offset < 0 || offset >= this.#span[j]!) return undefined;
      packed = packed * this.#span[j]! + offset;
    }
    return this.#packs ? packed : Array.prototype.slice.call(point, at, at + this.dim + 1).join(",");
  }
}

/** The rows of a derived set: its sites by the rule of its definition, sorted by batch, then axes. */
export function deriveRows(table: SiteTable, id: SiteId, parents: readonly SiteRows[]): SiteRows {
  const def = table.def(id);
  const parent = parents[0]!;
  switch (def.kind) {
    case "input":
    case "points":
    case "voxels":
    case "full":
    case "prune":
      throw new Error(`internal: @${id} is no function of other sets`);
    case "floor":
      return sorted(parent.axes, (emit) => eachFloor(parent, def.stride, emit));
    case "reach":
      return sorted(parent.axes, (emit) => eachReached(parent, def, table.extents(def.of), emit));
    case "generate":
      return sorted(parent.axes, (emit) => eachGenerated(parent, def, table.extents(id), emit));
    case "union":
      return sorted(parent.axes, (emit) => parents.forEach((rows) => eachFloor(rows, rows.axes.map(() => 1), emit)));
  }
}

/** Every cell of a grid in every batch item, sorted by batch, then axes. */
export function fullRows(axes: readonly string[], extents: readonly number[], batch: number): SiteRows {
  const rows = [batch, ...extents].reduce<number[][]>((sites, n) => sites.flatMap((site) => Array.from({ length: n }, (_, c) => [...site, c])), [[]]);
  return new SiteRows(axes, Int32Array.from(rows.flat()));
}

/** The rows of a set for which `keeps` holds, sorted by batch, then axes. */
export function keptRows(rows: SiteRows, keeps: (row: number) => boolean): SiteRows {
  const width = rows.dim + 1;
  return sorted(rows.axes, (emit) => {
    for (let row = 0; row < rows.count; row++) if (keeps(row)) emit([...rows.coords.subarray(row * width, (row + 1) * width)]);
  });
}

type Emit = (site: readonly number[]) => void;

function eachFloor(parent: SiteRows, stride: readonly number[], emit: Emit): void {
  const width = parent.dim + 1;
  for (let at = 0; at < parent.coords.length; at += width) {
    emit([parent.coords[at]!, ...stride.map((s, a) => Math.floor(parent.coords[at + 1 + a]! / s))]);
  }
}

/** Every output that an active input reaches: s·out = in + p − tap·d on every axis, inside the derived extents. */
function eachReached(parent: SiteRows, g: Geometry, extents: readonly number[] | undefined, emit: Emit): void {
  const limits = extents?.map((n, a) => outputExtent(n, g.kernel[a]!, g.stride[a]!, g.padding[a]!, g.dilation[a]!));
  const width = parent.dim + 1;
  const axisOutputs = (c: number, a: number): readonly number[] => {
    const outs: number[] = [];
    for (let tap = 0; tap < g.kernel[a]!; tap++) {
      const out = (c + g.padding[a]! - tap * g.dilation[a]!) / g.stride[a]!;
      if (Number.isInteger(out) && (limits === undefined || (out >= 0 && out < limits[a]!))) outs.push(out);
    }
    return outs;
  };
  const product = (at: number, a: number, site: readonly number[]): void => {
    if (a === parent.dim) return emit(site);
    for (const out of axisOutputs(parent.coords[at + 1 + a]!, a)) product(at, a + 1, [...site, out]);
  };
  for (let at = 0; at < parent.coords.length; at += width) product(at, 0, [parent.coords[at]!]);
}

/** Every output of a transposed convolution: out = s·in − p + tap·d on every axis, inside the set's own extents. */
function eachGenerated(parent: SiteRows, g: Geometry, extents: readonly number[] | undefined, emit: Emit): void {
  const inside = (out: number, a: number): boolean => extents === undefined || (out >= 0 && out < extents[a]!);
  for (let at = 0; at < parent.coords.length; at += parent.dim + 1) {
    let partial: (readonly number[])[] = [[parent.coords[at]!]];
    for (let a = 0; a < parent.dim; a++) {
      const outs = Array.from({ length: g.kernel[a]! }, (_, tap) => g.stride[a]! * parent.coords[at + 1 + a]! - g.padding[a]! + tap * g.dilation[a]!);
      partial = partial.flatMap((site) => outs.filter((out) => inside(out, a)).map((out) => [...site, out]));
    }
    partial.forEach(emit);
  }
}

function sorted(axes: readonly string[], produce: (emit: Emit) => void): SiteRows {
  const unique = new Map<string, readonly number[]>();
  produce((site) => unique.set(site.join(","), site));
  const rows = [...unique.values()].sort((a, b) => {
    const j = a.findIndex((n, i) => n !== b[i]);
    return j < 0 ? 0 : a[j]! - b[j]!;
  });
  return new SiteRows(axes, Int32Array.from(rows.flat()));
}
