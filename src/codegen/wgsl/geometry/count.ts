import { SCAN_GROUP } from "../../../runtime/geometry/fields.ts";
import { u32 } from "../literal.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Hole } from "../template.ts";
import type { SitePlan } from "./analysis.ts";
import { boxText, candidateText, sourceText } from "./box.ts";
import { coordsOf, loadText, SITE_TEXT, tableOf } from "./cells.ts";
import { geometryKernel } from "./kernel.ts";
import { SCAN_BYTES, SCAN_TEXT } from "./scan.ts";
import { AXES, Buffers } from "./words.ts";

/**
 * Bitmaps: one sum of bits per block. Hash tables: the sites of taken slots, each with its slot, packed into a list
 * whose order does not matter, since it is sorted next.
 */
export function countKernel(title: string, sites: readonly SitePlan[], parts: readonly number[]): Kernel {
  const buffers = new Buffers();
  const dim = sites[parts[0]!]!.dim;
  coordsOf(buffers);
  const table = tableOf(buffers);
  const bits = parts.some((i) => sites[i]!.storage !== "hash");
  const slots = parts.some((i) => sites[i]!.storage !== "bitmap");
  const sum = wgsl`
    let size = ${buffers.site("blockWords")};
    let end = min(${buffers.site("words")}, (local_group + 1u) * size);
    var bits = 0u;
    for (var word = local_group * size + lane; word < end; word += ${u32(SCAN_GROUP)}) {
      bits += countOneBits(${table}[${buffers.site("table")} + word * 2u]);
    }
    let sum = scan(bits, lane);
    if (lane == ${u32(SCAN_GROUP - 1)}) { ${table}[${buffers.site("sums")} + local_group] = sum; }`;
  const pack = wgsl`
    let slot = local_group * ${u32(SCAN_GROUP)} + lane;
    var id = 0u;
    if (slot <= ${buffers.site("mask")}) { id = ${table}[${buffers.site("table")} + slot]; }
    let place = scan(select(0u, 1u, id != 0u), lane);
    if (lane == ${u32(SCAN_GROUP - 1)}) { base = atomicAdd(${buffers.count("needed")}, place); }
    workgroupBarrier();
    let row = base + place - 1u;
    if (id != 0u && row < ${buffers.site("capacity")}) {
      let s = candidate(site, id - 1u);
      let at = ${buffers.site("sort")} + row * ${u32(dim + 2)};
      ${table}[at] = bitcast<u32>(s.b);
      ${AXES.slice(0, dim).map((a, k) => wgsl`${table}[at + ${u32(k + 1)}] = bitcast<u32>(s.c.${a});`)}
      ${table}[at + ${u32(dim + 1)}] = slot;
    }`;
  return geometryKernel({
    name: title,
    header: [
      `${[...(bits ? ["Counts the marked cells of each block of a bitmap"] : []), ...(slots ? ["packs the sites of a hash table into a list"] : [])].join("; ")}.`,
      ...parts.map((i) => `  ${sites[i]!.id}`),
    ],
    buffers,
    workgroupSize: SCAN_GROUP,
    workgroupBytes: SCAN_BYTES + (slots ? 4 : 0),
    functions: [
      ...(slots ? [SITE_TEXT, loadText(buffers, dim), boxText(sites, parts), sourceText(buffers, sites, parts), candidateText(buffers, parts.some((i) => sites[i]!.kind === "union")), wgsl`var<workgroup> base: u32;`] : []),
      SCAN_TEXT,
    ],
    body: wgsl`
      let site = ${buffers.part("site")};
      ${byStorage(buffers, bits ? sum : undefined, slots ? pack : undefined)}`,
  });
}

/** One of two ways, decided by the set's word in `meta` where both are there. */
export function byStorage(buffers: Buffers, bits: Hole, slots: Hole): Hole {
  if (bits === undefined || slots === undefined) return bits ?? slots;
  return wgsl`
    if (${buffers.site("hashed")} == 0u) {
      ${bits}
    } else {
      ${slots}
    }`;
}
