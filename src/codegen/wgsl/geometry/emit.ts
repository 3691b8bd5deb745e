import { BLOCK_WORDS, SCAN_GROUP, STATUS } from "../../../runtime/geometry/fields.ts";
import { u32 } from "../literal.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Wgsl } from "../template.ts";
import type { SitePlan } from "./analysis.ts";
import { SITE_TEXT, storeText, tableOf } from "./cells.ts";
import { byStorage } from "./count.ts";
import { geometryKernel } from "./kernel.ts";
import { SCAN_BYTES, SCAN_TEXT } from "./scan.ts";
import { finishText, runMemoryText, runText, SORT_BYTES } from "./sort.ts";
import { AXES, Buffers } from "./words.ts";

/** Words of bits that one invocation handles at a time. */
const LANE_WORDS = BLOCK_WORDS / SCAN_GROUP;

/**
 * Bitmaps: the rank before each word with bits, and the sites of the bits as rows, which come out sorted by batch and
 * axes. Each workgroup sums the blocks before its own itself, so none waits for another. Hash tables: sorts runs of rows.
 */
export function emitKernel(title: string, sites: readonly SitePlan[], parts: readonly number[]): Kernel {
  const buffers = new Buffers();
  const dim = sites[parts[0]!]!.dim;
  const store = storeText(buffers, dim);
  const bits = parts.some((i) => sites[i]!.storage !== "hash");
  const slots = parts.some((i) => sites[i]!.storage !== "bitmap");
  const sorted = wgsl`
    let needed = atomicLoad(${buffers.count("needed")});
    if (local_group == 0u && lane == 0u) { put_total(site, needed); }
    ${runText(buffers, dim)}`;
  return geometryKernel({
    name: title,
    header: [
      `${[...(bits ? ["Writes the rows of marked cells in sorted order"] : []), ...(slots ? ["sorts runs of rows from hash tables"] : [])].join("; ")}.`,
      ...parts.map((i) => `  ${sites[i]!.id}`),
    ],
    buffers,
    workgroupSize: SCAN_GROUP,
    workgroupBytes: (bits ? SCAN_BYTES + 4 : 0) + (slots ? SORT_BYTES(dim) : 0),
    functions: [
      SITE_TEXT, store, totalText(buffers),
      ...(bits ? [wgsl`var<workgroup> block_sum: u32;`, SCAN_TEXT, placeText(buffers, dim)] : []),
      ...(slots ? [runMemoryText(dim), ...finishText(buffers, dim)] : []),
    ],
    body: wgsl`
      let site = ${buffers.part("site")};
      ${byStorage(buffers, bits ? rowsText(buffers) : undefined, slots ? sorted : undefined)}`,
  });
}

/** Puts the rows there are and the rows there would be into `counts`. */
function totalText(buffers: Buffers): Wgsl {
  return wgsl`
    fn put_total(site: u32, total: u32) {
      let capacity = ${buffers.site("capacity")};
      atomicStore(${buffers.count("needed")}, total);
      atomicStore(${buffers.count("rows")}, min(total, capacity));
      if (total > capacity) { atomicOr(${buffers.status}, ${u32(STATUS.overflow)}); }
    }`;
}

function rowsText(buffers: Buffers): Wgsl {
  const table = tableOf(buffers);
  const sums = buffers.site("sums");
  const bits = (word: Wgsl): Wgsl => wgsl`${table}[${buffers.site("table")} + (${word}) * 2u]`;
  return wgsl`
    let size = ${buffers.site("blockWords")};
    let words = ${buffers.site("words")};
    let last = (local_group + 1u) * size >= words;
    if (lane == 0u) { block_sum = ${table}[${sums} + local_group]; }
    if (workgroupUniformLoad(&block_sum) == 0u && !last) { return; }
    var before = 0u;
    for (var k = lane; k < local_group; k += ${u32(SCAN_GROUP)}) { before += ${table}[${sums} + k]; }
    scan(before, lane);
    var base = scanned[${u32(SCAN_GROUP - 1)}];
    let end = min(words, (local_group + 1u) * size);
    for (var first = local_group * size; first < end; first += ${u32(BLOCK_WORDS)}) {
      let mine = first + lane * ${u32(LANE_WORDS)};
      let stop = min(end, mine + ${u32(LANE_WORDS)});
      var count = 0u;
      for (var word = mine; word < stop; word++) { count += countOneBits(${bits(wgsl`word`)}); }
      var row = base + scan(count, lane) - count;
      for (var word = mine; word < stop; word++) {
        var rest = ${bits(wgsl`word`)};
        // Words without bits are never asked for their rank.
        if (rest != 0u) { ${table}[${buffers.site("table")} + word * 2u + 1u] = row; }
        while (rest != 0u) {
          if (row < ${buffers.site("capacity")}) { place(site, row, word * 32u + firstTrailingBit(rest)); }
          rest &= rest - 1u;
          row++;
        }
      }
      base += scanned[${u32(SCAN_GROUP - 1)}];
    }
    if (last && lane == 0u) { put_total(site, base); }`;
}

/** `place(site, row, cell)`: writes the site of a cell as a row. */
function placeText(buffers: Buffers, dim: number): Wgsl {
  const axes = AXES.slice(0, dim).reverse();
  return wgsl`
    fn place(site: u32, row: u32, cell: u32) {
      let e = ${buffers.grid("extent")};
      var rest = cell;
      var o = vec4u();
      ${axes.map((a) => wgsl`
        o.${a} = rest % e.${a};
        rest /= e.${a};`)}
      store(site, row, Site(i32(rest), vec4i(o) + ${buffers.grid("origin")}));
    }`;
}
