import { COUNT, COUNT_SITE, countSite, META_SITE, metaSite, PART, SITE, STEP, STEP_PART, stepPart } from "../../../runtime/geometry/fields.ts";
import { i32, u32 } from "../literal.ts";
import { Bindings } from "../module.ts";
import { name, type Name } from "../namer.ts";
import { join, wgsl, type Wgsl } from "../template.ts";

/** Identifiers that the geometry kernels' own text uses. */
const OWN = ["wg", "lane", "group", "part", "first_group", "site"];

/**
 * The buffers of a geometry kernel. Kernels are driven by data: a workgroup finds its part of the dispatch and with it
 * the number of a site set, whose words it reads from `meta`. So each kernel holds each loop and look-up once however
 * many sets and rulebooks there are, which is what keeps its compilation fast.
 */
export class Buffers {
  readonly bindings = new Bindings(OWN);
  readonly meta: Name;
  readonly step: Name;
  readonly counts: Name;

  constructor() {
    this.meta = this.bindings.use("geometry_meta", "read", wgsl`array<u32>`);
    this.step = this.bindings.use("geometry_step", "read", wgsl`array<u32>`);
    this.counts = this.bindings.use("site_counts", "read_write", wgsl`array<atomic<u32>>`);
  }

  /** A word of a site set in `meta`, for a u32 expression `site`. */
  site(field: keyof typeof SITE, site: Wgsl = wgsl`site`, axis = 0): Wgsl {
    return wgsl`${this.meta}[${site} * ${u32(META_SITE)} + ${u32(metaSite(0) + SITE[field] + axis)}]`;
  }

  /** Four words of a site set in `meta`. */
  grid(field: "origin" | "extent" | "lengths", site: Wgsl = wgsl`site`): Wgsl {
    const words = join([0, 1, 2, 3].map((axis) => this.site(field, site, axis)), ", ");
    return field === "origin" ? wgsl`bitcast<vec4i>(vec4u(${words}))` : wgsl`vec4u(${words})`;
  }

  /** A word of a site set in `counts`, for atomic functions. */
  count(field: keyof typeof COUNT, site: Wgsl = wgsl`site`): Wgsl {
    return wgsl`&${this.counts}[${site} * ${u32(COUNT_SITE)} + ${u32(countSite(0) + COUNT[field])}]`;
  }

  get status(): Wgsl {
    return wgsl`&${this.counts}[0]`;
  }

  get argument(): Wgsl {
    return wgsl`${this.step}[${u32(STEP.argument)}]`;
  }

  /** A word of the workgroup's part of the dispatch. */
  part(field: keyof typeof PART): Wgsl {
    return wgsl`${this.step}[part * ${u32(STEP_PART)} + ${u32(stepPart(0) + PART[field])}]`;
  }

  /** Finds `part` and the number `first_group` of its first workgroup; leaves where the dispatch has no more. */
  get findPart(): Wgsl {
    return wgsl`
      var part = 0u;
      var first_group = 0u;
      while (part < ${this.step}[${u32(STEP.parts)}] && group >= ${this.part("end")}) {
        first_group = ${this.part("end")};
        part++;
      }
      if (part == ${this.step}[${u32(STEP.parts)}]) { return; }`;
  }
}

export const vec4i = (list: readonly number[]): Wgsl => wgsl`vec4i(${join(list.map((n) => i32(n)), ", ")})`;
export const vec4u = (list: readonly number[]): Wgsl => wgsl`vec4u(${join(list.map((n) => u32(n)), ", ")})`;

export const AXES: readonly Name[] = ["x", "y", "z", "w"].map((axis) => name(axis));

/** x + the constant list, left out where it is zero. */
export function plus(x: Wgsl, list: readonly number[]): Wgsl {
  return list.every((n) => n === 0) ? x : wgsl`${x} + ${vec4i(list)}`;
}

/** floor(x / by) per axis, exact for negative x: an arithmetic shift where all strides are powers of two. */
export function floorDivide(x: Wgsl, by: readonly number[]): Wgsl {
  if (by.every((n) => n === 1)) return x;
  if (by.every((n) => Number.isInteger(Math.log2(n)))) return wgsl`((${x}) >> ${vec4u(by.map((n) => Math.log2(n)))})`;
  return wgsl`floor_divide(${x}, ${vec4i(by)})`;
}

export const FLOOR_DIVIDE = wgsl`
  fn floor_divide(x: vec4i, by: vec4i) -> vec4i {
    return x / by - select(vec4i(), vec4i(1), x % by < vec4i());
  }`;
