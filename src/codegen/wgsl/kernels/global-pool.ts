import { u32 } from "../literal.ts";
import { assemble } from "../module.ts";
import type { GlobalPoolSpec, Kernel } from "../spec.ts";
import { wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { newBindings } from "./frame.ts";
import { firstOf } from "./item-rows.ts";
import { Rulebook } from "./rulebook.ts";
import { quadsOf } from "./shape.ts";

/** Quads of columns per workgroup, and rows it adds up side by side. */
const QUADS = 4;
const LANES = 64;

/**
 * Maximum, sum or average over the rows of each batch item; 0 for an item without rows. Rows are sorted by batch, so an
 * item's rows are found by bisection. 64 partial results take every 64th row each and are joined by a fixed tree, so the
 * order of addition depends on the sorted rows alone.
 */
export function globalPoolKernel(spec: GlobalPoolSpec): Kernel {
  if (spec.sites === undefined) throw new Error("internal: global_pool does not know the count of its rows");
  const { channels } = spec.source;
  const quads = Math.min(QUADS, quadsOf(channels));
  const tiles = Math.ceil(quadsOf(channels) / quads);
  const bindings = newBindings();
  const whole = { from: 0, width: channels };
  const functions = new RowFunctions(bindings, [{ access: spec.source, ...whole }, { access: spec.target, ...whole }]);
  const counts = bindings.counts();
  const firstRow = firstOf(bindings, spec.coords, spec.dim);
  const load = functions.load({ access: spec.source, ...whole });
  const store = functions.store(spec.target, 0, channels);
  const order = spec.order === undefined ? undefined : new Rulebook(bindings, spec.order);
  const max = spec.mode === "max";
  const join = max ? wgsl`select(max(total, value), value, n == 1u)` : wgsl`total + value`;
  const size = quads * LANES;
  return assemble({
    name: spec.name,
    header: spec.header,
    bindings,
    declarations: [
      wgsl`var<workgroup> tile: array<vec4f, ${u32(size)}>;`,
      ...functions.declarations,
      firstRow,
    ],
    workgroupSize: size,
    rowsPerGroup: 1,
    groupsPerTile: tiles,
    workgroupBytes: size * 16,
    body: wgsl`
      let batch = group / ${u32(tiles)};
      if (batch >= ${counts}[${u32(spec.rows)}]) { return; }
      let quad = group % ${u32(tiles)} * ${u32(quads)} + lane % ${u32(quads)};
      let rows = ${counts}[${u32(spec.sites)}];
      let first = first_of(i32(batch), rows);
      let last = first_of(i32(batch) + 1, rows);
      let row_lane = lane / ${u32(quads)};
      var total = vec4f();
      var n = 0u;
      for (var row = first + row_lane; row < last; row += ${u32(LANES)}) {
        ${order === undefined ? wgsl`let entry = row + 1u;` : wgsl`let entry = ${order.entry(wgsl`row`, wgsl`0u`)};`}
        n++;
        let value = ${load}(entry - 1u, quad);
        total = ${join};
      }
      tile[lane] = total;
      // Lane k has rows when k < last - first, so a lane that has none is never joined.
      for (var half = ${u32(LANES / 2)}; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (row_lane < half && row_lane + half < last - first) {
          tile[lane] = ${max ? wgsl`max(tile[lane], tile[lane + half * ${u32(quads)}])` : wgsl`tile[lane] + tile[lane + half * ${u32(quads)}]`};
        }
      }
      if (row_lane == 0u && quad < ${u32(quadsOf(channels))}) {
        ${spec.mode === "avg" ? wgsl`let result = tile[lane] / f32(max(last - first, 1u));` : wgsl`let result = tile[lane];`}
        ${store}(batch, quad, result);
      }`,
  });
}
