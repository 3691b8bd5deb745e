import { MAX_PROBES, META_BATCH } from "../../../runtime/geometry/fields.ts";
import { i32, u32 } from "../literal.ts";
import type { Name } from "../namer.ts";
import { join, wgsl, type Wgsl } from "../template.ts";
import { AXES, type Buffers } from "./words.ts";

/** A site: batch item and coordinates; axes that do not exist are 0. */
export const SITE_TEXT = wgsl`
  struct Site { b: i32, c: vec4i }

  fn same(a: Site, b: Site) -> bool { return a.b == b.b && all(a.c == b.c); }`;

/** Spreads sites over hash slots: multiply-xor per coordinate, then the finaliser of MurmurHash3 (A. Appleby). */
export const HASH_TEXT = wgsl`
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

export const coordsOf = (buffers: Buffers): Name => buffers.bindings.use("site_coords", "read_write", wgsl`array<i32>`);

/** Tables as plain words, for kernels that only read them or write distinct ones. */
export const tableOf = (buffers: Buffers): Name => buffers.bindings.use("scratch", "read_write", wgsl`array<u32>`);

/** `load(site, row)`: a row of a site set, all sets of the kernel having `dim` axes. */
export function loadText(buffers: Buffers, dim: number): Wgsl {
  const coords = coordsOf(buffers);
  const axes = AXES.map((_, k) => (k < dim ? wgsl`${coords}[at + ${u32(k + 1)}]` : i32(0)));
  return wgsl`
    fn load(site: u32, row: u32) -> Site {
      let at = ${buffers.site("coords")} + row * ${u32(dim + 1)};
      return Site(${coords}[at], vec4i(${join(axes, ", ")}));
    }`;
}

/** `store(site, row, s)`: writes a row. */
export function storeText(buffers: Buffers, dim: number): Wgsl {
  const coords = coordsOf(buffers);
  return wgsl`
    fn store(site: u32, row: u32, s: Site) {
      let at = ${buffers.site("coords")} + row * ${u32(dim + 1)};
      ${coords}[at] = s.b;
      ${AXES.slice(0, dim).map((a, k) => wgsl`${coords}[at + ${u32(k + 1)}] = s.c.${a};`)}
    }`;
}

/** `inside(site, s)`: whether a site lies in the grid and the batch. Cell numbers below the origin become huge. */
export function insideText(buffers: Buffers): Wgsl {
  return wgsl`
    fn inside(site: u32, s: Site) -> bool {
      return u32(s.b) < ${buffers.meta}[${u32(META_BATCH)}] && all(vec4u(s.c - ${buffers.grid("origin")}) < ${buffers.grid("extent")});
    }`;
}

/** `cell(site, s)`: number of a site's cell in the grid, batch first, last axis fastest. */
export function cellText(buffers: Buffers, dim: number): Wgsl {
  const sum = AXES.slice(0, dim).reduce((text, a) => wgsl`(${text} * e.${a} + o.${a})`, wgsl`u32(s.b)`);
  return wgsl`
    fn cell(site: u32, s: Site) -> u32 {
      let e = ${buffers.grid("extent")};
      let o = vec4u(s.c - ${buffers.grid("origin")});
      return ${sum};
    }`;
}

/** `find(site, s)`: row + 1 of a site in a set, 0 if it is not there or its row found no room. */
export function findText(buffers: Buffers): Wgsl {
  const table = tableOf(buffers);
  return wgsl`
    fn find(site: u32, s: Site) -> u32 {
      let table = ${buffers.site("table")};
      let capacity = ${buffers.site("capacity")};
      var found = 0u;
      if (${buffers.site("hashed")} == 0u) {
        if (inside(site, s)) {
          let bit = cell(site, s);
          let at = table + (bit >> 5u) * 2u;
          let below = (1u << (bit & 31u)) - 1u;
          let bits = ${table}[at];
          if ((bits & (below + 1u)) != 0u) { found = ${table}[at + 1u] + countOneBits(bits & below) + 1u; }
          if (found > capacity) { found = 0u; }
        }
      } else {
        let mask = ${buffers.site("mask")};
        var slot = hash(s, ${buffers.site("salt")}) & mask;
        for (var i = 0u; i < ${u32(MAX_PROBES)}; i++) {
          let row = ${table}[table + slot];
          if (row == 0u) { break; }
          if (row <= capacity && same(load(site, row - 1u), s)) {
            found = row;
            break;
          }
          slot = (slot + 1u) & mask;
        }
      }
      return found;
    }`;
}
