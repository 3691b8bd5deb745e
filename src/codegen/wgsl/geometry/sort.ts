import { GROUP, MERGE_RUNS, SCAN_GROUP, SORT_ROWS } from "../../../runtime/geometry/fields.ts";
import { u32 } from "../literal.ts";
import type { Kernel } from "../spec.ts";
import { join, wgsl, type Wgsl } from "../template.ts";
import type { SitePlan } from "./analysis.ts";
import { SITE_TEXT, storeText, tableOf } from "./cells.ts";
import { geometryKernel } from "./kernel.ts";
import { AXES, Buffers } from "./words.ts";

/*
 * Sorting sites by batch, then axes. Elements are (batch, axes…, slot of the hash table). Runs of 512 are sorted by
 * Batcher's bitonic network in workgroup memory; merges then join 8 runs to one: an element's place is its rank in its
 * own run plus its ranks in the others, by binary search. No two elements are equal, so the order is the same however
 * the list was packed. In its final place an element becomes a row, and its slot of the table gets the row's number.
 */

/** Bytes of workgroup memory of one run. */
export const SORT_BYTES = (dim: number): number => SORT_ROWS * 4 * (dim + 2);

export function runMemoryText(dim: number): Wgsl {
  return wgsl`
    var<workgroup> keys: array<u32, ${u32((dim + 1) * SORT_ROWS)}>;
    var<workgroup> order: array<u32, ${u32(SORT_ROWS)}>;

    fn before_in_run(a: u32, b: u32) -> bool {
      var first = 0u;
      while (first < ${u32(dim * SORT_ROWS)} && keys[first + a] == keys[first + b]) { first += ${u32(SORT_ROWS)}; }
      return keys[first + a] < keys[first + b];
    }`;
}

/** Sorts one run of a set's list of `needed` elements; a list of one run is finished. */
export function runText(buffers: Buffers, dim: number): Wgsl {
  const table = tableOf(buffers);
  const width = u32(dim + 2);
  return wgsl`
    let capacity = ${buffers.site("capacity")};
    let n = min(needed, capacity);
    let first = local_group * ${u32(SORT_ROWS)};
    for (var k = lane; k < ${u32(SORT_ROWS)}; k += ${u32(SCAN_GROUP)}) {
      order[k] = k;
      for (var column = 0u; column < ${u32(dim + 1)}; column++) {
        // Signed order as unsigned; what is not there sorts last.
        var key = 0xffffffffu;
        if (first + k < n) { key = ${table}[${buffers.site("sort")} + (first + k) * ${width} + column] ^ 0x80000000u; }
        keys[column * ${u32(SORT_ROWS)} + k] = key;
      }
    }
    for (var size = 2u; size <= ${u32(SORT_ROWS)}; size *= 2u) {
      for (var apart = size / 2u; apart > 0u; apart /= 2u) {
        workgroupBarrier();
        for (var pair = lane; pair < ${u32(SORT_ROWS / 2)}; pair += ${u32(SCAN_GROUP)}) {
          let a = pair / apart * apart * 2u + pair % apart;
          let x = order[a];
          let y = order[a + apart];
          if (before_in_run(y, x) == ((a & size) == 0u)) {
            order[a] = y;
            order[a + apart] = x;
          }
        }
      }
    }
    workgroupBarrier();
    for (var k = lane; k < ${u32(SORT_ROWS)}; k += ${u32(SCAN_GROUP)}) {
      if (first + k < n) {
        let at = ${buffers.site("sort")} + (first + order[k]) * ${width};
        settle(site, at, first + k, ${buffers.site("sorted")}, capacity <= ${u32(SORT_ROWS)});
      }
    }`;
}

/** `settle(site, at, place, list, final)`: moves an element to its place in a list or, at the end, among the rows. */
export function finishText(buffers: Buffers, dim: number): readonly Wgsl[] {
  const table = tableOf(buffers);
  const word = (k: number): Wgsl => (k <= dim ? wgsl`bitcast<i32>(${table}[at + ${u32(k)}])` : wgsl`0i`);
  return [
    wgsl`
      fn element(at: u32) -> Site {
        return Site(${word(0)}, vec4i(${join([1, 2, 3, 4].map(word), ", ")}));
      }`,
    wgsl`
      fn settle(site: u32, at: u32, place: u32, list: u32, final_: bool) {
        if (final_) {
          store(site, place, element(at));
          ${table}[${buffers.site("table")} + ${table}[at + ${u32(dim + 1)}]] = place + 1u;
        } else {
          for (var k = 0u; k < ${u32(dim + 2)}; k++) { ${table}[list + place * ${u32(dim + 2)} + k] = ${table}[at + k]; }
        }
      }`,
  ];
}

/** One merge pass of sets from hash tables, an invocation per element. */
export function mergeKernel(title: string, sites: readonly SitePlan[], parts: readonly number[]): Kernel {
  const buffers = new Buffers();
  const dim = sites[parts[0]!]!.dim;
  const width = u32(dim + 2);
  const store = storeText(buffers, dim);
  return geometryKernel({
    name: title,
    header: ["Merges sorted runs of sites, eight to one.", ...parts.map((i) => `  ${sites[i]!.id}`)],
    buffers,
    functions: [
      SITE_TEXT, store, ...finishText(buffers, dim),
      wgsl`
        fn before(a: Site, b: Site) -> bool {
          if (a.b != b.b) { return a.b < b.b; }
          ${AXES.slice(0, dim).map((a) => wgsl`if (a.c.${a} != b.c.${a}) { return a.c.${a} < b.c.${a}; }`)}
          return false;
        }`,
    ],
    body: wgsl`
      let site = ${buffers.part("site")};
      let item = local_group * ${u32(GROUP)} + lane;
      let n = atomicLoad(${buffers.count("rows")});
      if (item >= n) { return; }
      let swapped = ${buffers.argument} % 2u == 1u;
      let length = ${u32(SORT_ROWS)} << (${u32(Math.log2(MERGE_RUNS))} * ${buffers.argument});
      let src = select(${buffers.site("sorted")}, ${buffers.site("sort")}, swapped);
      let dst = select(${buffers.site("sort")}, ${buffers.site("sorted")}, swapped);
      let at = src + item * ${width};
      let s = element(at);
      let own = item / length;
      let first = own / ${u32(MERGE_RUNS)} * ${u32(MERGE_RUNS)};
      var place = first * length + item % length;
      for (var other = first; other < first + ${u32(MERGE_RUNS)}; other++) {
        if (other == own || other * length >= n) { continue; }
        // The number of elements of the other run that come before this one.
        var low = other * length;
        var high = min(low + length, n);
        while (low < high) {
          let middle = (low + high) / 2u;
          if (before(element(src + middle * ${width}), s)) { low = middle + 1u; } else { high = middle; }
        }
        place += low - other * length;
      }
      settle(site, at, place, dst, length * ${u32(MERGE_RUNS)} >= ${buffers.site("capacity")});`,
  });
}
