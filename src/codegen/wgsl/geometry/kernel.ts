import { GROUP } from "../../../runtime/geometry/fields.ts";
import { assemble } from "../module.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Hole, type Wgsl } from "../template.ts";
import type { Buffers } from "./words.ts";

export interface GeometryKernelText {
  readonly name: string;
  readonly header: readonly string[];
  readonly buffers: Buffers;
  readonly functions: readonly (Wgsl | undefined)[];
  /** Statements, after `part`, `first_group` and `local_group` are known. */
  readonly body: Hole;
  readonly workgroupSize?: number;
  readonly workgroupBytes?: number;
}

/** A kernel that does its work for several site sets or rulebooks; each has a run of workgroups of its own. */
export function geometryKernel(text: GeometryKernelText): Kernel {
  const { buffers } = text;
  return assemble({
    name: text.name,
    header: text.header,
    bindings: buffers.bindings,
    declarations: text.functions.filter((f) => f !== undefined).flatMap((f, i) => (i === 0 ? [f] : [wgsl`${BLANK}`, f])),
    workgroupSize: text.workgroupSize ?? GROUP,
    rowsPerGroup: 1,
    workgroupBytes: text.workgroupBytes ?? 0,
    body: wgsl`
      ${buffers.findPart}
      let local_group = group - first_group;
      ${text.body}`,
  });
}

const BLANK = wgsl`

`;
