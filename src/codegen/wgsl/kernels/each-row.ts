import { u32 } from "../literal.ts";
import { assemble, type Bindings } from "../module.ts";
import type { Kernel, KernelHead } from "../spec.ts";
import { wgsl, type Hole } from "../template.ts";

/** Rows of a workgroup. */
const ROWS = 64;

/** A kernel whose invocations have a row each, the body's `row`. */
export function eachRowKernel({ name, header, rows }: KernelHead, bindings: Bindings, declarations: Hole, body: Hole): Kernel {
  const counts = bindings.counts();
  return assemble({
    name,
    header,
    bindings,
    declarations,
    workgroupSize: ROWS,
    rowsPerGroup: ROWS,
    workgroupBytes: 0,
    body: wgsl`
      let row = group * ${u32(ROWS)} + lane;
      if (row >= ${counts}[${u32(rows)}]) { return; }
      ${body}`,
  });
}
