import { MAX_PROBES } from "../../../runtime/geometry/fields.ts";
import { i32, int, u32 } from "../literal.ts";
import { name, type Name } from "../namer.ts";
import { join, wgsl, type Hole, type Wgsl } from "../template.ts";
import { dilated, four, product, type SitePlan } from "./analysis.ts";
import { AXES, floorDivide, FLOOR_DIVIDE, plus, vec4i, vec4u, type Buffers } from "./words.ts";

/** A site: batch item and coordinates; axes that do not exist are 0. */
export const SITE_STRUCT = wgsl`
  struct Site { b: i32, c: vec4i }

  fn same(a: Site, b: Site) -> bool { return a.b == b.b && all(a.c == b.c); }`;

/** Spreads sites over hash slots: multiply-xor per coordinate, then the finaliser of MurmurHash3 (A. Appleby). */
const HASH = wgsl`
  fn hash(s: Site, salt: u32) -> u32 {
    var h = (u32(s.b) ^ salt) * 0x9E3779B1u;
    h = (h ^ (h >> 15u) ^ u32(s.c.x)) * 0x85EBCA77u;
    h = (h ^ (h >> 13u) ^ u32(s.c.y)) * 0xC2B2AE3Du;
    h = (h ^ (h >> 16u) ^ u32(s.c.z)) * 0x27D4EB2Fu;
    h = (h ^ (h >> 15u) ^ u32(s.c.w)) * 0x9E3779B1u;
    h = (h ^ (h >> 16u)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13u)) * 0xC2B2AE35u;
    return h ^ (h >> 16u);
  }`;

/** Text about site sets that several kernels share; what is asked for is declared once. */
export class Cells {
  readonly #buffers: Buffers;
  readonly #sites: readonly SitePlan[];
  readonly #declared = new Map<string, Wgsl>();

  constructor(buffers: Buffers, sites: readonly SitePlan[]) {
    this.#buffers = buffers;
    this.#sites = sites;
  }

  /** All functions asked for, in an order that reads bottom up. */
  get declarations(): Hole {
    return [SITE_STRUCT, ...[...this.#declared.values()].map((text) => wgsl`

      ${text}`)];
  }

  /** Declares `text` under `key` once. */
  declare(key: string, text: () => Wgsl): Name {
    if (!this.#declared.has(key)) {
      const made = text();
      this.#declared.set(key, made);
    }
    return name(key);
  }

  get coords(): Name {
    return this.#buffers.bindings.use("site_coords", "read_write", wgsl`array<i32>`);
  }

  get hash(): Name {
    return this.declare("hash", () => HASH);
  }

  /** Grid of a set: cells per axis and least coordinates, constants where the extents are declared. */
  extent(site: number): Wgsl {
    const { extents } = this.#sites[site]!;
    return extents === undefined ? wgsl`vec4u(${this.#words(site, "extent")})` : vec4u(four(extents, 1));
  }

  /** `c − origin` as cell numbers; negative ones become huge. */
  fromOrigin(site: number, c: Wgsl): Wgsl {
    return this.#sites[site]!.extents === undefined ? wgsl`vec4u(${c} - ${this.origin(site)})` : wgsl`vec4u(${c})`;
  }

  origin(site: number): Wgsl {
    return wgsl`vec4i(${this.#words(site, "origin")})`;
  }

  #words(site: number, field: "origin" | "extent"): Wgsl {
    const list = [0, 1, 2, 3].map((a) => {
      const word = this.#buffers.site(site, field, a);
      if (a >= this.#sites[site]!.dim) return field === "extent" ? u32(1) : i32(0);
      return field === "extent" ? word : wgsl`i32(${word})`;
    });
    return join(list, ", ");
  }

  /** `site_3(row, base)`: the site in row `row` of a list of sites with 3 axes that begins at word `base`. */
  load(dim: number): Name {
    return this.declare(`site_${dim}`, () => {
      const axes = [0, 1, 2, 3].map((a) => (a < dim ? wgsl`${this.coords}[at + ${u32(a + 1)}]` : i32(0)));
      return wgsl`
        fn site_${int(dim)}(base: u32, row: u32) -> Site {
          let at = base + row * ${u32(dim + 1)};
          return Site(${this.coords}[at], vec4i(${join(axes, ", ")}));
        }`;
    });
  }

  /** A row of a site set, as an expression. */
  row(site: number, row: Wgsl): Wgsl {
    return wgsl`${this.load(this.#sites[site]!.dim)}(${this.#buffers.site(site, "coords")}, ${row})`;
  }

  /** Whether a site lies in the grid and the batch. */
  inside(site: number): Name {
    return this.declare(`inside_${site}`, () => wgsl`
      fn inside_${int(site)}(s: Site) -> bool {
        return u32(s.b) < ${this.#buffers.meta}[0] && all(${this.fromOrigin(site, wgsl`s.c`)} < ${this.extent(site)});
      }`);
  }

  /** Number of a cell in the grid of a set, batch first, last axis fastest; `o` counts from the origin. */
  cell(site: number): Name {
    return this.declare(`cell_${site}`, () => {
      const axes = AXES.slice(0, this.#sites[site]!.dim).map((a) => name(a));
      const sum = axes.reduce((text, a) => wgsl`(${text} * e.${a} + o.${a})`, wgsl`b`);
      return wgsl`
        fn cell_${int(site)}(b: u32, o: vec4u) -> u32 {
          let e = ${this.extent(site)};
          return ${sum};
        }`;
    });
  }

  /** The cells of a set that one source site marks: an inclusive box, empty where lo > hi on some axis. */
  box(site: number): Name {
    this.declare("Box", () => wgsl`struct Box { lo: vec4i, hi: vec4i }`);
    return this.declare(`box_${site}`, () => wgsl`
      fn box_${int(site)}(c: vec4i) -> Box {
        var lo = c;
        var hi = c;
        ${this.#sites[site]!.chain.map((link) => this.#derive(this.#sites[link]!))}
        return Box(lo, hi);
      }`);
  }

  #derive(s: SitePlan): Hole {
    const stride = four(s.stride, 1);
    if (s.kind === "sorted") return undefined;
    if (s.kind === "floor") {
      return wgsl`
        lo = ${this.divide(wgsl`lo`, stride)};
        hi = ${this.divide(wgsl`hi`, stride)};`;
    }
    // ceil((lo + p − k + 1) / s) and floor((hi + p) / s).
    const low = four(s.padding, 0).map((p, a) => p - (s.kernel![a] ?? 1) + stride[a]!);
    return wgsl`
      lo = ${this.divide(plus(wgsl`lo`, low), stride)};
      hi = ${this.divide(plus(wgsl`hi`, four(s.padding, 0)), stride)};
      ${s.extents === undefined ? undefined : wgsl`
      lo = max(lo, vec4i());
      hi = min(hi, ${vec4i(four(s.extents, 1).map((n) => n - 1))});`}`;
  }

  divide(x: Wgsl, by: readonly number[]): Wgsl {
    if (by.some((n) => !Number.isInteger(Math.log2(n)))) {
      this.declare("floor_divide", () => FLOOR_DIVIDE);
    }
    return floorDivide(x, by);
  }

  /** Cell `tap` of a dilated set that a source site at `c` reaches; `fits` is false where stride or extents exclude it. */
  tapCell(site: number): Name {
    const s = this.#sites[site]!;
    this.declare("Tap", () => wgsl`struct Tap { c: vec4i, fits: bool }`);
    return this.declare(`tap_${site}`, () => {
      const stride = four(s.stride, 1);
      const inside = s.extents === undefined ? wgsl`true` : wgsl`all(vec4u(o) < ${vec4u(four(s.extents, 1))})`;
      return wgsl`
        fn tap_${int(site)}(c: vec4i, tap: u32) -> Tap {
          let v = ${plus(wgsl`c`, four(s.padding, 0))} - ${digits(wgsl`tap`, four(s.kernel, 1), four(s.dilation, 1))};
          let o = ${this.divide(wgsl`v`, stride)};
          return Tap(o, all(o * ${vec4i(stride)} == v) && ${inside});
        }`;
    });
  }

  /** Candidate `id` of a set: the site that source row id / reach marks as its (id % reach)-th. */
  candidate(site: number): Name {
    const s = this.#sites[site]!;
    const made = dilated(s)
      ? wgsl`${this.tapCell(site)}(s.c, id % ${u32(s.reach)}).c`
      : wgsl`${this.box(site)}(s.c).lo + ${digits(s.reach === 1 ? wgsl`0u` : wgsl`(id % ${u32(s.reach)})`, s.lengths, [1, 1, 1, 1])}`;
    return this.declare(`candidate_${site}`, () => wgsl`
      fn candidate_${int(site)}(id: u32) -> Site {
        let s = ${this.row(s.source, wgsl`id / ${u32(s.reach)}`)};
        return Site(s.b, ${made});
      }`);
  }

  /** `find_2(site)`: row + 1 of a site in the set, 0 if it is not there or its row found no room. */
  find(site: number): Name {
    const { storage } = this.#sites[site]!;
    const bits = storage === "hash" ? undefined : this.#findBit(site);
    const slot = storage === "bitmap" ? undefined : this.#findSlot(site);
    if (bits === undefined || slot === undefined) return (bits ?? slot)!;
    return this.declare(`find_${site}`, () => wgsl`
      fn find_${int(site)}(s: Site) -> u32 {
        if (${this.#buffers.site(site, "hashed")} != 0u) { return ${slot}(s); }
        return ${bits}(s);
      }`);
  }

  #findBit(site: number): Name {
    return this.declare(`find_bit_${site}`, () => wgsl`
      fn find_bit_${int(site)}(s: Site) -> u32 {
        if (!${this.inside(site)}(s)) { return 0u; }
        let cell = ${this.cell(site)}(u32(s.b), ${this.fromOrigin(site, wgsl`s.c`)});
        let at = ${this.#buffers.site(site, "table")} + (cell >> 5u) * 2u;
        let below = (1u << (cell & 31u)) - 1u;
        let bits = ${this.table}[at];
        if ((bits & (below + 1u)) == 0u) { return 0u; }
        let row = ${this.table}[at + 1u] + countOneBits(bits & below);
        return select(0u, row + 1u, row < ${this.#buffers.site(site, "capacity")});
      }`);
  }

  #findSlot(site: number): Name {
    const dim = this.#sites[site]!.dim;
    return this.declare(`find_slot_${site}`, () => wgsl`
      fn find_slot_${int(site)}(s: Site) -> u32 {
        let mask = ${this.#buffers.site(site, "mask")};
        var slot = ${this.hash}(s, ${this.#buffers.site(site, "salt")}) & mask;
        for (var i = 0u; i < ${u32(MAX_PROBES)}; i++) {
          let found = ${this.table}[${this.#buffers.site(site, "table")} + slot];
          if (found == 0u) { return 0u; }
          if (found <= ${this.#buffers.site(site, "capacity")} && same(${this.load(dim)}(${this.#buffers.site(site, "coords")}, found - 1u), s)) { return found; }
          slot = (slot + 1u) & mask;
        }
        return 0u;
      }`);
  }

  /** Tables as plain words, for kernels that only read them or write distinct ones. */
  get table(): Name {
    return this.#buffers.bindings.use("scratch", "read_write", wgsl`array<u32>`);
  }
}

/** Mixed-radix digits of a flat index times a factor per axis, last axis fastest, as a vec4i. */
export function digits(flat: Wgsl, radix: readonly number[], factor: readonly number[]): Wgsl {
  const parts = radix.map((n, a) => {
    if (n === 1) return i32(0);
    const below = product(radix.slice(a + 1));
    const above = product(radix.slice(0, a));
    const high = below === 1 ? flat : wgsl`${flat} / ${u32(below)}`;
    const digit = above === 1 ? high : wgsl`${high} % ${u32(n)}`;
    return factor[a] === 1 ? wgsl`i32(${digit})` : wgsl`i32(${digit}) * ${i32(factor[a]!)}`;
  });
  return wgsl`vec4i(${join(parts, ", ")})`;
}
