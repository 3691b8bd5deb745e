import { GROUP } from "../../../runtime/geometry/fields.ts";
import { u32 } from "../literal.ts";
import type { Kernel } from "../spec.ts";
import { wgsl } from "../template.ts";
import type { SitePlan } from "./analysis.ts";
import { coordsOf, tableOf } from "./cells.ts";
import { geometryKernel } from "./kernel.ts";
import { Buffers } from "./words.ts";

/** Stands for the row of a point that is in no site: it comes after all others. */
const NO_ROW = 0x7fff_ffff;

/**
 * Lists (row, point) for every point, by the search from its cell to the rows; `emit` and `merge` sort them, so that the
 * points of a row lie together in their order.
 */
export function membersKernel(title: string, sites: readonly SitePlan[], parts: readonly number[]): Kernel {
  const buffers = new Buffers();
  coordsOf(buffers);
  const table = tableOf(buffers);
  const maps = buffers.bindings.use("maps", "read_write", wgsl`array<u32>`);
  return geometryKernel({
    name: title,
    header: ["Lists the points of each row of a site set.", ...parts.map((i) => `  ${sites[i]!.id}`)],
    buffers,
    functions: [],
    body: wgsl`
      let site = ${buffers.part("site")};
      let source = ${buffers.part("source")};
      let n = atomicLoad(${buffers.count("rows", wgsl`source`)});
      if (local_group == 0u && lane == 0u) { atomicStore(${buffers.count("needed")}, n); }
      let point = local_group * ${u32(GROUP)} + lane;
      if (point >= n) { return; }
      // Records of one tap: a word of masks, then 32 entries of row + 1.
      let entry = ${maps}[${buffers.part("transposed")} + (point >> 5u) * 33u + 1u + (point & 31u)];
      let at = ${buffers.site("sort")} + point * 3u;
      ${table}[at] = select(entry - 1u, ${u32(NO_ROW)}, entry == 0u);
      ${table}[at + 1u] = point;
      ${table}[at + 2u] = point;`,
  });
}
