import { SCAN_GROUP } from "../../../runtime/geometry/fields.ts";
import { u32 } from "../literal.ts";
import { wgsl } from "../template.ts";

/** Bytes of workgroup memory of {@link SCAN_TEXT}. */
export const SCAN_BYTES = SCAN_GROUP * 4;

/**
 * `scan(value, lane)`: the sum of the values of all invocations up to and including this one; `scanned[63]` then is the
 * sum of all until the next call. To be called by the whole workgroup. Hillis and Steele's scan.
 */
export const SCAN_TEXT = wgsl`
  var<workgroup> scanned: array<u32, ${u32(SCAN_GROUP)}>;

  fn scan(value: u32, lane: u32) -> u32 {
    workgroupBarrier();
    scanned[lane] = value;
    var sum = value;
    for (var offset = 1u; offset < ${u32(SCAN_GROUP)}; offset *= 2u) {
      workgroupBarrier();
      let other = select(0u, scanned[lane - min(lane, offset)], lane >= offset);
      workgroupBarrier();
      sum += other;
      scanned[lane] = sum;
    }
    workgroupBarrier();
    return sum;
  }`;
