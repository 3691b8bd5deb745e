import { f32, u32 } from "../literal.ts";
import type { Kernel, SoftmaxSpec } from "../spec.ts";
import { join, wgsl, type Wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { eachRowKernel } from "./each-row.ts";
import { newBindings } from "./frame.ts";
import { quadsOf } from "./shape.ts";
import { exponential, log1p } from "./smooth.ts";

/** Each invocation reads its row three times: for the maximum, for the sum, and for the results. Channels are summed in order. */
export function softmaxKernel(spec: SoftmaxSpec): Kernel {
  const { channels } = spec.source;
  const whole = { from: 0, width: channels };
  const bindings = newBindings();
  const functions = new RowFunctions(bindings, [{ access: spec.source, ...whole }, { access: spec.target, ...whole }]);
  const [load, store] = [functions.load({ access: spec.source, ...whole }), functions.store(spec.target, 0, channels)];
  const quads = u32(quadsOf(channels));
  const eachQuad = wgsl`for (var quad = 0u; quad < ${quads}; quad++)`;
  // Lanes behind the last channel count as little as can be.
  const lanes = join([0, 1, 2, 3].map((c) => (channels % 4 === 0 ? wgsl`true` : wgsl`4u * quad + ${u32(c)} < ${u32(channels)}`)), ", ");
  const apart: Wgsl = wgsl`${load}(row, quad) - vec4f(most)`;
  const declarations = [
    ...functions.declarations,
    spec.log
      ? wgsl`
        // Of numbers from 1 on: the exponent's share and the series of ln(1 + t).
        fn logarithm(x: f32) -> f32 {
          let exponent = f32((bitcast<u32>(x) >> 23u)) - 127.0f;
          let t = vec4f(bitcast<f32>((bitcast<u32>(x) & 0x7fffffu) | 0x3f800000u) - 1.0f);
          return exponent * ${f32(Math.LN2)} + ${log1p(wgsl`t`)}.x;
        }`
      : undefined,
  ];
  return eachRowKernel(spec, bindings, declarations, wgsl`
    var peak = vec4f(${load}(row, 0u).x);
    ${eachQuad} { peak = select(peak, max(peak, ${load}(row, quad)), vec4<bool>(${lanes})); }
    let most = max(max(peak.x, peak.y), max(peak.z, peak.w));
    var total = 0.0f;
    ${eachQuad} {
      let share = select(vec4f(), ${exponential(apart)}, vec4<bool>(${lanes}));
      total += share.x + share.y + share.z + share.w;
    }
    ${spec.log ? wgsl`let rest = logarithm(total);` : undefined}
    ${eachQuad} { ${store}(row, quad, ${spec.log ? wgsl`${apart} - vec4f(rest)` : wgsl`${exponential(apart)} / total`}); }`);
}
