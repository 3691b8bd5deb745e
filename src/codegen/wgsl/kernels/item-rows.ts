import { u32 } from "../literal.ts";
import type { Bindings } from "../module.ts";
import { CHUNK_LEAST, CHUNKS, type Reduced } from "../spec.ts";
import { wgsl, type Wgsl } from "../template.ts";

/** `first_of(item, rows)`: the first sorted row whose batch item is at least `item`, by bisection. */
export function firstOf(bindings: Bindings, coords: string, dim: number): Wgsl {
  return wgsl`
    fn first_of(item: i32, rows: u32) -> u32 {
      var low = 0u;
      var high = rows;
      while (low < high) {
        let at = (low + high) / 2u;
        if (${bindings.use(coords, "read", wgsl`array<i32>`)}[at * ${u32(dim + 1)}] < item) { low = at + 1u; } else { high = at; }
      }
      return low;
    }`;
}

/** How a kernel finds the sorted rows [first, last) that are reduced for `item`, and the size of their parts. */
export interface ReducedRows {
  readonly declarations: Wgsl | undefined;
  /** Leaves where nothing is reduced for the item; sets `first`, `last` and `part_rows`. */
  readonly find: Wgsl;
}

export function reducedRows(bindings: Bindings, spec: Reduced & { readonly name: string; readonly rows: number }): ReducedRows {
  if (spec.sites === undefined) throw new Error(`internal: ${spec.name} does not know the count of its rows`);
  const counts = bindings.counts();
  const all = wgsl`${counts}[${u32(spec.sites)}]`;
  const each = !spec.whole && spec.coords !== undefined ? firstOf(bindings, spec.coords, spec.dim) : undefined;
  return {
    declarations: each,
    find: wgsl`
      if (item >= ${spec.whole ? wgsl`min(${counts}[${u32(spec.rows)}], 1u)` : wgsl`${counts}[${u32(spec.rows)}]`}) { return; }
      ${each === undefined ? wgsl`let first = 0u;` : wgsl`let first = first_of(i32(item), ${all});`}
      ${each === undefined ? wgsl`let last = ${all};` : wgsl`let last = first_of(i32(item) + 1, ${all});`}
      let part_rows = max((last - first + ${u32(CHUNKS - 1)}) / ${u32(CHUNKS)}, ${u32(CHUNK_LEAST)});`,
  };
}
