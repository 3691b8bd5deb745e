import { GROUP } from "../../../runtime/geometry/fields.ts";
import { haloShape } from "../../../runtime/geometry/halo.ts";
import { RECORD_ROWS } from "../../../runtime/geometry/record.ts";
import { u32 } from "../literal.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Wgsl } from "../template.ts";
import { geometryKernel } from "./kernel.ts";
import { Buffers } from "./words.ts";

/** The longest list that the kernel builds, so that its tables fit 16 KiB; longer ones are split. */
export const MAX_HALO = 768;

/** Rows of the longest list of a rulebook: no part names more rows than it has pairs, and its own. */
export const haloCapacity = (taps: number, capacity: number): number => Math.min(capacity, MAX_HALO, RECORD_ROWS * (taps + 1));

/**
 * Halo tables (see `HaloAccess`), a workgroup per record. The rows that a part's pairs name are put into a small hash
 * table on chip, which drops repetitions and tells how many there are; the record is split in halves until every part
 * fits. Ranks among the rows found give the sorted list, binary search in it the positions.
 */
export function haloKernel(title: string, capacity: number, lines: readonly string[]): Kernel {
  const buffers = new Buffers();
  const maps = buffers.bindings.use("maps", "read_write", wgsl`array<u32>`);
  // Room for the list, for what 256 invocations add before they see it is too long, and for short probes.
  const slots = 2 ** Math.ceil(Math.log2(capacity * 1.5 + GROUP));
  const shape = haloShape(0);
  return geometryKernel({
    name: title,
    header: ["Builds the halo tables of rulebooks, a workgroup per record of 32 rows.", ...lines],
    buffers,
    workgroupBytes: slots * 4 + capacity * 8 + 12,
    functions: [
      wgsl`
        var<workgroup> table: array<atomic<u32>, ${u32(slots)}>;
        var<workgroup> packed: array<u32, ${u32(capacity)}>;
        var<workgroup> sorted: array<u32, ${u32(capacity)}>;
        var<workgroup> others: atomic<u32>;
        var<workgroup> filled: atomic<u32>;
        var<workgroup> total: u32;

        // One record: its block and table in the maps, taps, rows of the site set, the most rows of a list.
        struct Record { entries: u32, halo: u32, taps: u32, first: u32, rows: u32, capacity: u32 }

        // One part of a record: its first row, its rows with and without those that do not exist.
        struct Part { first: u32, rows: u32, own: u32 }`,
      wgsl`
        fn part_of(r: Record, split: u32, p: u32) -> Part {
          let rows = ${u32(RECORD_ROWS)} / split;
          let first = r.first + p * rows;
          return Part(first, rows, min(rows, r.rows - min(r.rows, first)));
        }

        fn entry(r: Record, p: Part, tap: u32, row: u32) -> u32 {
          return ${maps}[r.entries + tap * ${u32(RECORD_ROWS)} + p.first - r.first + row];
        }

        fn is_own(p: Part, value: u32) -> bool { return value - 1u - p.first < p.own; }`,
      insertText(slots),
      wgsl`
        // Collects the rows that a part names beside its own; returns how many, or more than fit.
        fn collect(r: Record, p: Part, lane: u32) -> u32 {
          workgroupBarrier();
          for (var k = lane; k < ${u32(slots)}; k += ${u32(GROUP)}) { atomicStore(&table[k], 0u); }
          if (lane == 0u) { atomicStore(&others, 0u); }
          workgroupBarrier();
          for (var k = lane; k < p.rows * r.taps; k += ${u32(GROUP)}) {
            let value = entry(r, p, k / p.rows, k % p.rows);
            if (value != 0u && !is_own(p, value) && p.own + atomicLoad(&others) <= r.capacity) { insert(value); }
          }
          workgroupBarrier();
          if (lane == 0u) { total = atomicLoad(&others); }
          return workgroupUniformLoad(&total);
        }`,
      wgsl`
        // Position + 1 of a row in its part's list of own rows and \`count\` sorted others.
        fn position(p: Part, count: u32, value: u32) -> u32 {
          if (value == 0u) { return 0u; }
          if (is_own(p, value)) { return value - p.first; }
          var low = 0u;
          var high = count;
          while (low < high) {
            let middle = (low + high) / 2u;
            if (sorted[middle] < value) { low = middle + 1u; } else { high = middle; }
          }
          return p.own + low + 1u;
        }`,
      wgsl`
        // Writes the list of a part at \`start\` and the positions of its pairs.
        fn write(r: Record, p: Part, count: u32, start: u32, lane: u32) {
          if (lane == 0u) { atomicStore(&filled, 0u); }
          workgroupBarrier();
          for (var k = lane; k < ${u32(slots)}; k += ${u32(GROUP)}) {
            let value = atomicLoad(&table[k]);
            if (value != 0u) { packed[atomicAdd(&filled, 1u)] = value; }
          }
          workgroupBarrier();
          let list = r.halo + ${u32(shape.list)} + start;
          for (var k = lane; k < p.own; k += ${u32(GROUP)}) { ${maps}[list + k] = p.first + k + 1u; }
          for (var k = lane; k < count; k += ${u32(GROUP)}) {
            let value = packed[k];
            var rank = 0u;
            for (var j = 0u; j < count; j++) { rank += select(0u, 1u, packed[j] < value); }
            sorted[rank] = value;
            ${maps}[list + p.own + rank] = value;
          }
          workgroupBarrier();
          let positions = r.halo + ${u32(shape.positions)} + ${u32(RECORD_ROWS)} * r.taps + p.first - r.first;
          for (var k = lane; k < p.rows * ((r.taps + 1u) / 2u); k += ${u32(GROUP)}) {
            let row = k % p.rows;
            let tap = k / p.rows * 2u;
            var word = position(p, count, entry(r, p, tap, row));
            if (tap + 1u < r.taps) { word |= position(p, count, entry(r, p, tap + 1u, row)) << 16u; }
            ${maps}[positions + tap / 2u * ${u32(RECORD_ROWS)} + row] = word;
          }
        }`,
    ],
    body: wgsl`
      let taps = ${buffers.part("taps")};
      let words = (taps + 31u) / 32u;
      if (lane == 0u) { total = atomicLoad(${buffers.count("rows", buffers.part("site"))}); }
      let rows = workgroupUniformLoad(&total);
      if (local_group * ${u32(RECORD_ROWS)} >= rows) { return; }
      let block = ${buffers.part("forward")} + local_group * (words + ${u32(RECORD_ROWS)} * taps);
      let table_words = ${u32(shape.positions)} + ${u32(RECORD_ROWS)} * taps + ${u32(RECORD_ROWS)} * ((taps + 1u) / 2u);
      let r = Record(block + words, ${buffers.part("halo")} + local_group * table_words, taps, local_group * ${u32(RECORD_ROWS)}, rows, ${buffers.part("capacity")});
      // The least split whose parts all fit. Parts of one row always do.
      var split = 1u;
      var count = collect(r, part_of(r, split, 0u), lane);
      for (var p = 0u; split < ${u32(RECORD_ROWS)}; ) {
        if (part_of(r, split, p).own + count > r.capacity) {
          split *= 2u;
          p = 0u;
        } else {
          p++;
          if (p == split) { break; }
        }
        count = collect(r, part_of(r, split, p), lane);
      }
      var start = 0u;
      for (var p = 0u; p < split; p++) {
        let part_ = part_of(r, split, p);
        if (split > 1u) { count = collect(r, part_, lane); }
        if (lane == 0u) { ${maps}[r.halo + ${u32(shape.starts)} + p] = start; }
        write(r, part_, count, start, lane);
        start += part_.own + count;
      }
      if (lane == 0u) { ${maps}[r.halo] = split; }
      for (var p = split + lane; p <= ${u32(RECORD_ROWS)}; p += ${u32(GROUP)}) { ${maps}[r.halo + ${u32(shape.starts)} + p] = start; }`,
  });
}

/** `insert(value)`: puts a row into the table on chip and counts it the first time. */
function insertText(slots: number): Wgsl {
  return wgsl`
    fn insert(value: u32) {
      var slot = ((value * 0x9E3779B1u) >> 16u) % ${u32(slots)};
      for (var k = 0u; k < ${u32(2 * slots)}; k++) {
        let r = atomicCompareExchangeWeak(&table[slot], 0u, value);
        if (r.exchanged) {
          atomicAdd(&others, 1u);
          return;
        }
        if (r.old_value == value) { return; }
        // A failure on a free slot has no cause: the same slot is tried again.
        if (r.old_value != 0u) { slot = (slot + 1u) % ${u32(slots)}; }
      }
    }`;
}
