import { f32, u32 } from "../literal.ts";
import { assemble } from "../module.ts";
import { CHUNKS, type Kernel, type StatisticsSpec } from "../spec.ts";
import { wgsl } from "../template.ts";
import { newBindings } from "./frame.ts";
import { reducedRows } from "./item-rows.ts";

/** Invocations of a workgroup. */
const LANES = 64;

/**
 * Joins moments pair by pair (Chan, Golub and LeVeque, 1983), parts in order, then the channels of a group: lane l takes
 * every 64th channel from l on, and a fixed tree joins the lanes. Channels that have statistics of their own have a lane each.
 */
export function statisticsKernel(spec: StatisticsSpec): Kernel {
  const { channels, groups, source, target } = spec;
  const width = channels / groups;
  const own = width === 1;
  const perItem = own ? Math.ceil(channels / LANES) : groups;
  const bindings = newBindings();
  const rows = reducedRows(bindings, spec);
  const [from, to] = [bindings.use(source.role, "read_write", wgsl`array<f32>`), bindings.use(target.role, "read_write", wgsl`array<f32>`)];
  const padded = source.stride / 3;
  return assemble({
    name: spec.name,
    header: spec.header,
    bindings,
    declarations: [
      own ? undefined : wgsl`var<workgroup> tile: array<vec4f, ${u32(LANES)}>;`,
      rows.declarations,
      wgsl`
        // Moments (mean, its rest, squares, rows) of the rows of both.
        fn joined(a: vec4f, b: vec4f) -> vec4f {
          if (b.w == 0.0f) { return a; }
          if (a.w == 0.0f) { return b; }
          let apart = (b.x - a.x) + (b.y - a.y);
          let share = b.w / (a.w + b.w);
          return vec4f(a.x, a.y + apart * share, a.z + b.z + apart * apart * (a.w * share), a.w + b.w);
        }`,
    ],
    workgroupSize: LANES,
    rowsPerGroup: 1,
    groupsPerTile: perItem,
    workgroupBytes: own ? 0 : LANES * 16,
    body: wgsl`
      let item = group / ${u32(perItem)};
      ${rows.find}
      let low = group % ${u32(perItem)} * ${u32(own ? LANES : width)};
      let high = min(low + ${u32(own ? LANES : width)}, ${u32(channels)});
      var all = vec4f();
      for (var c = low + lane; c < high; c += ${u32(LANES)}) {
        for (var part = 0u; part * part_rows < last - first; part++) {
          let at = (item * ${u32(CHUNKS)} + part) * ${u32(source.stride)} + c;
          let n = f32(min(part_rows, last - first - part * part_rows));
          all = joined(all, vec4f(${from}[at], ${from}[at + ${u32(padded)}], ${from}[at + ${u32(2 * padded)}], n));
        }
      }
      ${own ? undefined : wgsl`
        tile[lane] = all;
        for (var half = ${u32(LANES / 2)}; half > 0u; half /= 2u) {
          workgroupBarrier();
          if (lane < half) { tile[lane] = joined(tile[lane], tile[lane + half]); }
        }
        workgroupBarrier();
        all = tile[0];`}
      let factor = 1.0f / sqrt(all.z / max(all.w, 1.0f) + ${f32(spec.eps)});
      for (var c = low + lane; c < high; c += ${u32(LANES)}) {
        let at = item * ${u32(target.stride)} + c;
        ${to}[at] = all.x;
        ${to}[at + ${u32(padded)}] = all.y;
        ${to}[at + ${u32(2 * padded)}] = factor;
      }`,
  });
}
