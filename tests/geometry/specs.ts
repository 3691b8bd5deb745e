import type { GeometrySpec, RulebookSpec, SiteSpec } from "../../src/codegen/plan/geometry-spec.ts";

/** Kernel geometry by axis; a number stands for all axes. */
export interface Shape {
  readonly k: number | readonly number[];
  readonly s?: number | readonly number[];
  readonly p?: number | readonly number[];
  readonly d?: number | readonly number[];
}

/** Writes down geometry specifications level by level. */
export class SpecWriter {
  readonly #sites: SiteSpec[] = [];
  readonly #rulebooks: RulebookSpec[] = [];
  readonly #dim: number;

  constructor(dim: number) {
    this.#dim = dim;
  }

  get spec(): GeometrySpec {
    return { sites: this.#sites, rulebooks: this.#rulebooks };
  }

  input(id: string, extents?: readonly number[]): this {
    this.#sites.push({ id, kind: "input", dim: this.#dim, ...(extents === undefined ? {} : { extents }) });
    return this;
  }

  sorted(id: string, of: string): this {
    this.#sites.push({ id, kind: "sorted", dim: this.#dim, of, ...this.#bounds(this.#extents(of)) });
    return this.rulebook(`order_${id}`, of, id, { k: 1 });
  }

  floor(id: string, of: string, stride: number | readonly number[]): this {
    const s = this.#list(stride);
    this.#sites.push({ id, kind: "floor", dim: this.#dim, of, stride: s, ...this.#bounds(this.#extents(of)?.map((n, a) => Math.ceil(n / s[a]!))) });
    return this;
  }

  reach(id: string, of: string, shape: Shape): this {
    const g = this.#geometry(shape);
    const extents = this.#extents(of)?.map((n, a) => Math.floor((n + 2 * g.padding[a]! - g.dilation[a]! * (g.kernel[a]! - 1) - 1) / g.stride[a]!) + 1);
    this.#sites.push({ id, kind: "reach", dim: this.#dim, of, ...g, ...this.#bounds(extents) });
    return this;
  }

  /** What a transposed convolution generates. */
  generate(id: string, of: string, shape: Shape): this {
    const g = this.#geometry(shape);
    const extents = this.#extents(of)?.map((n, a) => (n - 1) * g.stride[a]! - 2 * g.padding[a]! + g.dilation[a]! * (g.kernel[a]! - 1) + 1);
    this.#sites.push({ id, kind: "generate", dim: this.#dim, of, ...g, ...this.#bounds(extents) });
    return this;
  }

  union(id: string, of: string, ...others: readonly string[]): this {
    this.#sites.push({ id, kind: "union", dim: this.#dim, of, others, ...this.#bounds(this.#extents(of)) });
    return this;
  }

  prune(id: string, of: string): this {
    this.#sites.push({ id, kind: "prune", dim: this.#dim, of, ...this.#bounds(this.#extents(of)) });
    return this.rulebook(`keep_${id}`, of, id, { k: 1 });
  }

  extentsOf(id: string): readonly number[] | undefined {
    return this.#extents(id);
  }

  rulebook(name: string, from: string, to: string, shape: Shape, wanted: Partial<Pick<RulebookSpec, "forward" | "transposed" | "halo">> = {}): this {
    this.#rulebooks.push({ name, from, to, ...this.#geometry(shape), mirrored: false, forward: true, transposed: false, ...wanted });
    return this;
  }

  /** A centred submanifold rulebook, searched by half. */
  subm(name: string, site: string, kernel: number | readonly number[], wanted: Partial<Pick<RulebookSpec, "forward" | "transposed" | "halo">> = {}, dilation: number | readonly number[] = 1): this {
    const k = this.#list(kernel);
    const d = this.#list(dilation);
    this.rulebook(name, site, site, { k, d, p: k.map((n, a) => ((n - 1) / 2) * d[a]!) }, wanted);
    this.#rulebooks.push({ ...this.#rulebooks.pop()!, mirrored: true });
    return this;
  }

  #geometry({ k, s = 1, p = 0, d = 1 }: Shape): Pick<RulebookSpec, "kernel" | "stride" | "padding" | "dilation"> {
    return { kernel: this.#list(k), stride: this.#list(s), padding: this.#list(p), dilation: this.#list(d) };
  }

  #list(n: number | readonly number[]): readonly number[] {
    return typeof n === "number" ? Array.from({ length: this.#dim }, () => n) : n;
  }

  #extents(id: string): readonly number[] | undefined {
    return this.#sites.find((s) => s.id === id)!.extents;
  }

  #bounds(extents: readonly number[] | undefined): { readonly extents?: readonly number[] } {
    return extents === undefined ? {} : { extents };
  }
}

/** SECOND's backbone (VoxelBackBone8x): 5 site sets, 8 rulebooks. */
export function second(extents: readonly number[] | undefined = [41, 1600, 1408]): GeometrySpec {
  return new SpecWriter(3)
    .input("S", extents)
    .reach("S/2", "S", { k: 3, s: 2, p: 1 })
    .reach("S/4", "S/2", { k: 3, s: 2, p: 1 })
    .reach("S/8", "S/4", { k: 3, s: 2, p: [0, 1, 1] })
    .reach("S/16", "S/8", { k: [3, 1, 1], s: [2, 1, 1] })
    .subm("subm1", "S", 3)
    .rulebook("conv2", "S", "S/2", { k: 3, s: 2, p: 1 })
    .subm("subm2", "S/2", 3)
    .rulebook("conv3", "S/2", "S/4", { k: 3, s: 2, p: 1 })
    .subm("subm3", "S/4", 3)
    .rulebook("conv4", "S/4", "S/8", { k: 3, s: 2, p: [0, 1, 1] })
    .subm("subm4", "S/8", 3)
    .rulebook("out", "S/8", "S/16", { k: [3, 1, 1], s: [2, 1, 1] }).spec;
}

/** MinkUNet: k5 on the input, k3 on each level, k2 s2 between, used both ways. */
export function minkUNet(): GeometrySpec {
  const w = new SpecWriter(3).input("S");
  for (const n of [2, 4, 8, 16]) w.floor(`S/${n}`, "S", n);
  w.subm("stem", "S", 5);
  const levels = ["S", "S/2", "S/4", "S/8", "S/16"];
  for (const id of levels.slice(1)) w.subm(`subm ${id}`, id, 3);
  levels.slice(1).forEach((id, i) => w.rulebook(`down ${id}`, levels[i]!, id, { k: 2, s: 2 }, { transposed: true }));
  return w.spec;
}
