import { u32 } from "../literal.ts";
import type { ActiveSpec, Kernel } from "../spec.ts";
import { wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { eachRowKernel } from "./each-row.ts";
import { quadOffset } from "./epilogue.ts";
import { newBindings } from "./frame.ts";
import { quadsOf } from "./shape.ts";

/** Bits are compared, so that no driver's way with subnormal numbers or NaN decides: two numbers are equal that have the same bits, or are both zero. */
export function activeKernel(spec: ActiveSpec): Kernel {
  const { source, target, ground } = spec;
  const whole = { from: 0, width: source.channels };
  const bindings = newBindings();
  const functions = new RowFunctions(bindings, [{ access: source, ...whole }, { access: target, from: 0, width: 1 }]);
  const params = ground === undefined ? undefined : bindings.params();
  const [load, store] = [functions.load({ access: source, ...whole }), functions.store(target, 0, 1)];
  const other = params === undefined ? wgsl`vec4u()` : wgsl`bitcast<vec4u>(${params}[${quadOffset(ground!)} + quad])`;
  return eachRowKernel(spec, bindings, functions.declarations, wgsl`
    var differs = vec4<bool>();
    for (var quad = 0u; quad < ${u32(quadsOf(source.channels))}; quad++) {
      let own = bitcast<vec4u>(${load}(row, quad));
      let other = ${other};
      differs = differs | ((own != other) & (((own | other) & vec4u(0x7fffffffu)) != vec4u()));
    }
    ${store}(row, 0u, vec4f(select(0.0f, 1.0f, any(differs))));`);
}
