import { u32 } from "../literal.ts";
import type { DevoxelizeSpec, Kernel, VoxelizeSpec } from "../spec.ts";
import { join, wgsl, type Wgsl } from "../template.ts";
import { acc, quad } from "./epilogue.ts";
import { eachQuad, perRow } from "./rows.ts";
import { Rulebook } from "./rulebook.ts";

/** Sum, mean or maximum of the points of each row, which lie together in the sorted list of (row, point). */
export function voxelizeKernel(spec: VoxelizeSpec): Kernel {
  const { source, points, mode, most } = spec;
  if (points === undefined) throw new Error("internal: points without a count");
  return perRow(spec, [], (context) => {
    const members = context.bindings.use(spec.members, "read", wgsl`array<i32>`);
    const counts = context.bindings.counts();
    const load = context.functions.load({ access: source, from: 0, width: source.channels });
    return eachQuad(context, source.channels, (r, g) => {
      const total = acc(r, g);
      // The first point is taken as it is: 0 would win over negative maxima.
      const step = mode === "max" ? wgsl`${total} = select(max(${total}, value), value, n == 0u);` : wgsl`${total} += value;`;
      return wgsl`
        if (${context.stored(r)}) {
          let row = i32(${context.row(r)});
          let end = ${counts}[${u32(points)}];
          // The first element of the row, by halving.
          var low = 0u;
          var high = end;
          while (low < high) {
            let middle = (low + high) / 2u;
            if (${members}[middle * 2u] < row) { low = middle + 1u; } else { high = middle; }
          }
          var n = 0u;
          for (var at = low; at < end; at++) {
            if (${members}[at * 2u] != row${most === 0 ? wgsl`` : wgsl` || n == ${u32(most)}`}) { break; }
            let value = ${load}(u32(${members}[at * 2u + 1u]), ${quad(context.shape, g)});
            ${step}
            n++;
          }
          ${mode === "mean" ? wgsl`${total} /= f32(max(n, 1u));` : undefined}
        }`;
    });
  });
}

/** Rows at the corners around each point, times how near the point is to each. */
export function devoxelizeKernel(spec: DevoxelizeSpec): Kernel {
  const { source, fractions, scaled } = spec;
  const axes = fractions.channels;
  const places = { access: fractions, from: 0, width: axes };
  return perRow(spec, [places], (context) => {
    const rulebook = new Rulebook(context.bindings, spec.map);
    const load = context.functions.load({ access: source, from: 0, width: source.channels });
    const place = context.functions.load(places);
    const share = (a: number): Wgsl => wgsl`select(low[${u32(a)}], high[${u32(a)}], ((tap >> ${u32(axes - 1 - a)}) & 1u) == 1u)`;
    return eachQuad(context, source.channels, (r, g) => wgsl`
      if (${context.stored(r)}) {
        let row = ${context.row(r)};
        let high = ${place}(row, 0u);
        let low = vec4f(1.0f) - high;
        var total = 0.0f;
        for (var tap = 0u; tap < ${u32(rulebook.taps)}; tap++) {
          if (${rulebook.present(wgsl`(row >> 5u)`, wgsl`tap`)} == 0u) { continue; }
          let entry = ${rulebook.entry(wgsl`row`, wgsl`tap`)};
          let factor = ${join(Array.from({ length: axes }, (_, a) => share(a)), " * ")};
          // A corner of weight 0 counts for nothing, whatever it holds.
          if (entry == 0u || factor == 0.0f) { continue; }
          total += factor;
          ${acc(r, g)} += factor * ${load}(entry - 1u, ${quad(context.shape, g)});
        }
        ${scaled ? wgsl`if (total > 0.0f) { ${acc(r, g)} /= total; }` : undefined}
      }`);
  });
}
