import { u32 } from "../literal.ts";
import { assemble } from "../module.ts";
import { CHUNKS, momentOf, type Kernel, type MomentsSpec } from "../spec.ts";
import { repeat, wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { newBindings } from "./frame.ts";
import { reducedRows } from "./item-rows.ts";
import { Rulebook } from "./rulebook.ts";
import { quadsOf } from "./shape.ts";

/** Quads of columns per workgroup, and rows it adds up side by side. */
const QUADS = 4;
const LANES = 64;

/**
 * Mean and Σ (x − mean)² of one part of the rows. The corrected two-pass algorithm (Chan, Golub and LeVeque, 1983): the
 * second pass also sums x − mean, which says what rounding the mean left, so large offsets cost no digits. 64 partial
 * sums take every 64th row each and are joined by a fixed tree.
 */
export function momentsKernel(spec: MomentsSpec): Kernel {
  const { channels } = spec.source;
  const quads = Math.min(QUADS, quadsOf(channels));
  const tiles = Math.ceil(quadsOf(channels) / quads);
  const bindings = newBindings();
  const parts = ([0, 1, 2] as const).map((k) => momentOf(spec.target, k));
  const functions = new RowFunctions(bindings, [{ access: spec.source, from: 0, width: channels }, ...parts.map((access) => ({ access, from: 0, width: access.channels }))]);
  const rows = reducedRows(bindings, spec);
  const load = functions.load({ access: spec.source, from: 0, width: channels });
  const order = spec.order === undefined ? undefined : new Rulebook(bindings, spec.order);
  const stores = parts.map((access) => functions.store(access, 0, access.channels));
  const size = quads * LANES;
  const value = wgsl`${load}(${order === undefined ? wgsl`row` : wgsl`${order.entry(wgsl`row`, wgsl`0u`)} - 1u`}, quad)`;
  const eachRow = wgsl`for (var row = begin + row_lane; row < end; row += ${u32(LANES)})`;
  const tree = (arrays: readonly ReturnType<typeof wgsl>[]): ReturnType<typeof wgsl> => wgsl`
    for (var half = ${u32(LANES / 2)}; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (row_lane < half) {
        ${arrays.map((a) => wgsl`${a}[lane] += ${a}[lane + half * ${u32(quads)}];`)}
      }
    }
    workgroupBarrier();`;
  return assemble({
    name: spec.name,
    header: spec.header,
    bindings,
    declarations: [
      wgsl`var<workgroup> tile: array<vec4f, ${u32(size)}>;`,
      wgsl`var<workgroup> squares: array<vec4f, ${u32(size)}>;`,
      ...functions.declarations,
      rows.declarations,
    ],
    workgroupSize: size,
    rowsPerGroup: 1,
    groupsPerTile: tiles * CHUNKS,
    workgroupBytes: 2 * size * 16,
    body: wgsl`
      let item = group / ${u32(tiles * CHUNKS)};
      ${rows.find}
      let part = group / ${u32(tiles)} % ${u32(CHUNKS)};
      let begin = min(first + part * part_rows, last);
      let end = min(begin + part_rows, last);
      if (begin == end) { return; }
      let quad = group % ${u32(tiles)} * ${u32(quads)} + lane % ${u32(quads)};
      let row_lane = lane / ${u32(quads)};
      let n = f32(end - begin);
      var total = vec4f();
      ${eachRow} { total += ${value}; }
      tile[lane] = total;
      ${tree([wgsl`tile`])}
      let mean = tile[lane % ${u32(quads)}] / n;
      workgroupBarrier();
      total = vec4f();
      var square = vec4f();
      ${eachRow} {
        let apart = ${value} - mean;
        total += apart;
        square += apart * apart;
      }
      tile[lane] = total;
      squares[lane] = square;
      ${tree([wgsl`tile`, wgsl`squares`])}
      if (row_lane == 0u && quad < ${u32(quadsOf(channels))}) {
        let rest = tile[lane] / n;
        let into = item * ${u32(CHUNKS)} + part;
        ${repeat(3, (k) => wgsl`${stores[k]}(into, quad, ${[wgsl`mean`, wgsl`rest`, wgsl`max(squares[lane] - tile[lane] * rest, vec4f())`][k]});`)}
      }`,
  });
}
