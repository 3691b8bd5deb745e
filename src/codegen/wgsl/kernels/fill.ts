import { u32 } from "../literal.ts";
import { assemble } from "../module.ts";
import type { FillSpec, Kernel } from "../spec.ts";
import { wgsl } from "../template.ts";
import { quadOffset } from "./epilogue.ts";
import { newBindings } from "./frame.ts";

const LANES = 128;
/** Floats that one invocation writes. */
const TURNS = 16;

/** Writes one number per channel to every cell of a dense tensor; neighbouring invocations write neighbouring floats. */
export function fillKernel(spec: FillSpec): Kernel {
  const { target, channels, run } = spec;
  const bindings = newBindings();
  const counts = bindings.counts();
  const params = bindings.params();
  const out = bindings.use(target.role, "read_write", wgsl`array<f32>`);
  const tiles = Math.ceil(target.channels / (LANES * TURNS));
  const channel = run === 1 ? wgsl`i % ${u32(channels)}` : wgsl`i / ${u32(run)}`;
  return assemble({
    name: spec.name,
    header: spec.header,
    bindings,
    declarations: undefined,
    workgroupSize: LANES,
    rowsPerGroup: 1,
    groupsPerTile: tiles,
    workgroupBytes: 0,
    body: wgsl`
      let row = group / ${u32(tiles)};
      if (row >= ${counts}[${u32(spec.rows)}]) { return; }
      let first = group % ${u32(tiles)} * ${u32(LANES * TURNS)};
      let end = min(first + ${u32(LANES * TURNS)}, ${u32(target.channels)});
      for (var i = first + lane; i < end; i += ${u32(LANES)}) {
        let column = ${channel};
        ${out}[row * ${u32(target.stride)} + i] = ${params}[${quadOffset(spec.at)} + column / 4u][column % 4u];
      }`,
  });
}
