import { GROUP, stepPart } from "../../../runtime/geometry/fields.ts";
import { u32 } from "../literal.ts";
import { assemble } from "../module.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Hole, type Wgsl } from "../template.ts";
import type { Cells } from "./cells.ts";
import type { Buffers } from "./words.ts";

/** What is said of one part of a stage: a comment and its statements, given the workgroup's number in the part. */
export interface StagePart {
  readonly what: string;
  readonly body: (group: Wgsl) => Hole;
}

export interface StageText {
  readonly name: string;
  readonly header: readonly string[];
  readonly buffers: Buffers;
  readonly cells: Cells;
  readonly parts: readonly StagePart[];
  readonly declarations?: Hole;
  readonly before?: Hole;
  readonly after?: Hole;
  readonly workgroupSize?: number;
  readonly workgroupBytes?: number;
}

/** One kernel for several site sets or rulebooks: each has a run of workgroups of its own, told by the host. */
export function stageKernel(text: StageText): Kernel {
  const { step } = text.buffers;
  const end = (p: number): Wgsl => wgsl`${step}[${u32(stepPart(p))}]`;
  const branch = (p: number): Hole => {
    const part = text.parts[p]!;
    const mine = part.body(p === 0 ? wgsl`group` : wgsl`group - ${end(p - 1)}`);
    const rest = p + 1 < text.parts.length ? wgsl` else {
        ${branch(p + 1)}
      }` : wgsl``;
    return wgsl`
      if (group < ${end(p)}) {
        ${mine}
      }${rest}`;
  };
  // Bodies declare what they need, so they are made before the declarations are read.
  const body = wgsl`
    ${text.before}
    ${text.parts.length === 0 ? undefined : branch(0)}
    ${text.after}`;
  const declarations = [text.cells.declarations, text.declarations];
  return assemble({
    name: text.name,
    header: [...text.header, ...text.parts.map((p) => `  ${p.what}`)],
    bindings: text.buffers.bindings,
    declarations, workgroupSize: text.workgroupSize ?? GROUP, rowsPerGroup: 1, workgroupBytes: text.workgroupBytes ?? 0, body,
  });
}
