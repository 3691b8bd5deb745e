import { u32 } from "../literal.ts";
import { momentOf, type BroadcastSpec, type Kernel, type NormaliseSpec } from "../spec.ts";
import { wgsl, type Wgsl } from "../template.ts";
import { acc, quad, type TileContext } from "./epilogue.ts";
import { eachQuad, perRow } from "./rows.ts";

/** The batch item of the invocation's row r. */
const itemOf = (context: TileContext, coords: string, dim: number, r: number): Wgsl =>
  wgsl`u32(${context.bindings.use(coords, "read", wgsl`array<i32>`)}[(${context.row(r)}) * ${u32(dim + 1)}])`;

/** Each row joined with the row of its batch item, then the epilogue. */
export function broadcastKernel(spec: BroadcastSpec): Kernel {
  const whole = { from: 0, width: spec.vector.channels };
  const vector = { access: spec.vector, ...whole };
  const source = spec.source === undefined ? undefined : { access: spec.source, ...whole };
  return perRow({ ...spec, source: spec.vector }, source === undefined ? [] : [source], (context) => {
    const load = context.functions.load(vector);
    const own = source === undefined ? undefined : context.functions.load(source);
    return eachQuad(context, whole.width, (r, g) => {
      const of = wgsl`${load}(${itemOf(context, spec.coords, spec.dim, r)}, ${quad(context.shape, g)})`;
      const x = own === undefined ? undefined : wgsl`${own}(${context.row(r)}, ${quad(context.shape, g)})`;
      return wgsl`
        if (${context.stored(r)}) { ${acc(r, g)} = ${x === undefined ? of : spec.by === "sum" ? wgsl`${x} + ${of}` : wgsl`${x} * ${of}`}; }`;
    });
  });
}

/** ((x − mean) − rest) · factor, then the epilogue. */
export function normaliseKernel(spec: NormaliseSpec): Kernel {
  const { source, statistics, coords } = spec;
  const windows = ([0, 1, 2] as const).map((part) => ({ access: momentOf(statistics, part), from: 0, width: statistics.stride / 3 }));
  return perRow(spec, windows, (context) => {
    const load = context.functions.load({ access: source, from: 0, width: source.channels });
    const [mean, rest, factor] = windows.map((w) => context.functions.load(w));
    return eachQuad(context, source.channels, (r, g) => {
      const at = quad(context.shape, g);
      const item = coords === undefined ? wgsl`0u` : itemOf(context, coords, spec.dim, r);
      return wgsl`
        if (${context.stored(r)}) { ${acc(r, g)} = ((${load}(${context.row(r)}, ${at}) - ${mean}(${item}, ${at})) - ${rest}(${item}, ${at})) * ${factor}(${item}, ${at}); }`;
    });
  });
}
