import { f32, u32 } from "../literal.ts";
import type { Kernel, RowNormSpec } from "../spec.ts";
import { join, repeat, wgsl, type Wgsl } from "../template.ts";
import { acc, quad } from "./epilogue.ts";
import { eachQuad, perRow } from "./rows.ts";
import { quadsOf } from "./shape.ts";

/**
 * Each invocation goes over its whole row three times before its own channels: for the mean, for what rounding left of
 * it, and for the variance, so that large offsets lose no digits. The channels of a row are few and in the cache.
 */
export function rowNormKernel(spec: RowNormSpec): Kernel {
  const { channels } = spec.source;
  // Lanes behind the last channel count nothing.
  const lanes = join([0, 1, 2, 3].map((c) => (channels % 4 === 0 ? wgsl`true` : wgsl`4u * quad + ${u32(c)} < ${u32(channels)}`)), ", ");
  return perRow(spec, [], (context) => {
    const load = context.functions.load({ access: spec.source, from: 0, width: channels });
    const average = (value: Wgsl): Wgsl => wgsl`
      sums = vec4f();
      for (var quad = 0u; quad < ${u32(quadsOf(channels))}; quad++) {
        let x = ${load}(row, quad);
        sums += select(vec4f(), ${value}, vec4<bool>(${lanes}));
      }
      total = (sums.x + sums.y + sums.z + sums.w) / ${f32(channels)};`;
    return repeat(context.shape.perThread, (r) => wgsl`
      if (${context.stored(r)}) {
        let row = ${context.row(r)};
        var sums = vec4f();
        var total = 0.0f;
        ${average(wgsl`x`)}
        let mean = vec4f(total);
        ${average(wgsl`x - mean`)}
        let rest = vec4f(total);
        ${average(wgsl`((x - mean) - rest) * ((x - mean) - rest)`)}
        let factor = 1.0f / sqrt(total + ${f32(spec.eps)});
        ${eachQuad({ ...context, shape: { ...context.shape, perThread: 1 } }, channels, (_, g) => wgsl`
          ${acc(r, g)} = ((${load}(row, ${quad(context.shape, g)}) - mean) - rest) * factor;`)}
      }`);
  });
}
