import { COUNT, COUNT_STATUS, countSite, metaSite, SITE } from "../../../runtime/geometry/fields.ts";
import { i32, u32 } from "../literal.ts";
import { Bindings } from "../module.ts";
import type { Name } from "../namer.ts";
import { join, wgsl, type Wgsl } from "../template.ts";

/** Identifiers that the geometry kernels' own text uses. */
const OWN = ["wg", "lane", "group", "step", "meta", "counts", "coords", "scratch", "maps"];

/** The buffers of a geometry kernel; counts, scratch and maps are atomic where the kernel needs that. */
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

  /** A word of a site set in `meta`; of a grid, that of one axis. */
  site(site: number, field: keyof typeof SITE, axis = 0): Wgsl {
    return wgsl`${this.meta}[${u32(metaSite(site) + SITE[field] + axis)}]`;
  }

  /** A word of a site set in `counts`, for atomic functions. */
  count(site: number, field: keyof typeof COUNT): Wgsl {
    return wgsl`&${this.counts}[${u32(countSite(site) + COUNT[field])}]`;
  }

  get status(): Wgsl {
    return wgsl`&${this.counts}[${u32(COUNT_STATUS)}]`;
  }
}

export const vec4i = (list: readonly number[]): Wgsl => wgsl`vec4i(${join(list.map((n) => i32(n)), ", ")})`;
export const vec4u = (list: readonly number[]): Wgsl => wgsl`vec4u(${join(list.map((n) => u32(n)), ", ")})`;

export const AXES: readonly string[] = ["x", "y", "z", "w"];

/** floor(x / by) per axis, exact for negative x; an arithmetic shift where all strides are powers of two. */
export function floorDivide(x: Wgsl, by: readonly number[]): Wgsl {
  if (by.every((n) => n === 1)) return x;
  if (by.every((n) => Number.isInteger(Math.log2(n)))) return wgsl`((${x}) >> ${vec4u(by.map((n) => Math.log2(n)))})`;
  return wgsl`floor_divide(${x}, ${vec4i(by)})`;
}

export const FLOOR_DIVIDE = wgsl`
  fn floor_divide(x: vec4i, by: vec4i) -> vec4i {
    return x / by - select(vec4i(), vec4i(1), x % by < vec4i());
  }`;

/** x + the constant list, left out where it is zero. */
export function plus(x: Wgsl, list: readonly number[]): Wgsl {
  return list.every((n) => n === 0) ? x : wgsl`${x} + ${vec4i(list)}`;
}
