import { i32, u32 } from "../literal.ts";
import { assemble } from "../module.ts";
import type { GlobalPoolSpec, Kernel } from "../spec.ts";
import { wgsl, type Hole } from "../template.ts";
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
  // Sums of whole numbers are integers, exact whatever their order.
  const integers = spec.whole === true && !max;
  const vec4 = integers ? wgsl`vec4i` : wgsl`vec4f`;
  const join = max ? wgsl`select(max(total, value), value, n == 1u)` : wgsl`total + value`;
  const size = quads * LANES;
  return assemble({
    name: spec.name,
    header: spec.header,
    bindings,
    declarations: [
      wgsl`var<workgroup> tile: array<${vec4}, ${u32(size)}>;`,
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
      var total = ${vec4}();
      var n = 0u;
      for (var row = first + row_lane; row < last; row += ${u32(LANES)}) {
        ${order === undefined ? wgsl`let entry = row + 1u;` : wgsl`let entry = ${order.entry(wgsl`row`, wgsl`0u`)};`}
        n++;
        let value = ${integers ? wgsl`vec4i(${load}(entry - 1u, quad))` : wgsl`${load}(entry - 1u, quad)`};
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
        ${integers ? wholeResult(spec.mode) : spec.mode === "avg" ? wgsl`let result = tile[lane] / f32(max(last - first, 1u));` : wgsl`let result = tile[lane];`}
        ${store}(batch, quad, result);
      }`,
  });
}

/**
 * Sums as far as float32 is exact, or trunc(sum / count + 0.01): one more than the quotient where the rest of a positive sum is within
 * a hundredth of it, one less in size where that of a negative one is below a hundredth.
 */
function wholeResult(mode: "max" | "sum" | "avg"): Hole {
  if (mode === "sum") return wgsl`let result = vec4f(clamp(tile[lane], vec4i(${i32(-(2 ** 24))}), vec4i(${i32(2 ** 24)})));`;
  return wgsl`
    let count = vec4i(i32(max(last - first, 1u)));
    let size = abs(tile[lane]) / count;
    let rest = abs(tile[lane]) % count;
    let above = size + select(vec4i(), vec4i(${i32(1)}), count - rest <= count / vec4i(${i32(100)}));
    let below = max(size - select(vec4i(), vec4i(${i32(1)}), rest <= (count - vec4i(${i32(1)})) / vec4i(${i32(100)})), vec4i());
    let result = vec4f(select(above, -below, tile[lane] < vec4i()));`;
}
