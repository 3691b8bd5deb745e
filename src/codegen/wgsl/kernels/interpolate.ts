import { i32, u32 } from "../literal.ts";
import type { InterpolateSpec, Kernel } from "../spec.ts";
import { repeat, wgsl } from "../template.ts";
import { acc, quad } from "./epilogue.ts";
import { eachQuad, perRow } from "./rows.ts";

/** Each row of the finer grid between the two of the coarser one around its place, found by whole numbers from its index. */
export function interpolateKernel(spec: InterpolateSpec): Kernel {
  const { source, from, to, inside, times, plus, over } = spec;
  return perRow({ ...spec, epilogue: [] }, [], (context) => {
    const load = context.functions.load({ access: source, from: 0, width: source.channels });
    return repeat(context.shape.perThread, (r) => wgsl`
      if (${context.stored(r)}) {
        let row = ${context.row(r)};
        let place = row / ${u32(inside)};
        let parts = u32(max(i32(place % ${u32(to)} * ${u32(times)}) + ${i32(plus)}, 0i));
        let low = min(parts / ${u32(over)}, ${u32(from - 1)});
        let share = f32(parts - low * ${u32(over)}) / f32(${u32(over)});
        let base = place / ${u32(to)} * ${u32(from * inside)} + row % ${u32(inside)};
        let first = base + low * ${u32(inside)};
        let second = base + min(low + 1u, ${u32(from - 1)}) * ${u32(inside)};
        ${eachQuad({ ...context, shape: { ...context.shape, perThread: 1 } }, source.channels, (_, g) => wgsl`
          ${acc(r, g)} = ${load}(first, ${quad(context.shape, g)}) * (1.0f - share) + ${load}(second, ${quad(context.shape, g)}) * share;`)}
      }`);
  });
}
