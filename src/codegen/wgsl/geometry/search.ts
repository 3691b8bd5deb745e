import { GROUP, NO_BLOCK, PAIR_COUNTERS, SLICE } from "../../../runtime/geometry/fields.ts";
import type { RulebookSpec } from "../../plan/geometry-spec.ts";
import { i32, u32 } from "../literal.ts";
import type { Kernel } from "../spec.ts";
import { comment, wgsl, type Hole, type Wgsl } from "../template.ts";
import { axisTaps, four, product } from "./analysis.ts";
import { digits } from "./box.ts";
import { cellText, coordsOf, findText, HASH_TEXT, insideText, loadText, SITE_TEXT, tableOf } from "./cells.ts";
import { geometryKernel } from "./kernel.ts";
import { AXES, Buffers, FLOOR_DIVIDE, floorDivide, plus, vec4i } from "./words.ts";

/** What decides the text of a search: rulebooks that agree in this share it. */
export type SearchShape = Pick<RulebookSpec, "kernel" | "stride" | "padding" | "dilation" | "mirrored">;

/**
 * Finds the pairs of every rulebook, from input rows and the taps that can fit them: out = (in + p − tap·d) / s, looked
 * up in the output set. A pair is written once into each block that is wanted. Submanifold rulebooks look at half the
 * taps: the pair (o, t, i) found gives (i, K−1−t, o) as well, and the centre tap is the row itself.
 */
export function searchKernel(title: string, dim: number, shapes: readonly SearchShape[], lines: readonly string[]): Kernel {
  const buffers = new Buffers();
  coordsOf(buffers);
  tableOf(buffers);
  const maps = buffers.bindings.use("maps", "read_write", wgsl`array<atomic<u32>>`);
  return geometryKernel({
    name: title,
    header: ["Finds the pairs of all rulebooks; an invocation looks for some taps of one input row.", ...lines],
    buffers,
    functions: [
      SITE_TEXT, HASH_TEXT, loadText(buffers, dim), insideText(buffers), cellText(buffers, dim), findText(buffers),
      needsDivide(shapes) ? FLOOR_DIVIDE : undefined,
      wgsl`
        struct Probe { o: vec4i, tap: u32, taps: u32, mirror: bool, fits: bool }`,
      probeText(shapes),
      wgsl`
        // An entry of a block and its bit in the record's mask.
        fn put(block: u32, taps: u32, row: u32, tap: u32, value: u32) {
          if (block == ${u32(NO_BLOCK)}) { return; }
          let words = (taps + 31u) / 32u;
          let record = block + (row >> 5u) * (words + 32u * taps);
          atomicStore(&${maps}[record + words + tap * 32u + (row & 31u)], value);
          let mask = record + (tap >> 5u);
          let bit = 1u << (tap & 31u);
          if ((atomicLoad(&${maps}[mask]) & bit) == 0u) { atomicOr(&${maps}[mask], bit); }
        }`,
    ],
    body: wgsl`
      let inputs = ${buffers.part("from")};
      let outputs = ${buffers.part("to")};
      let shape = ${buffers.part("shape")};
      let forward = ${buffers.part("forward")};
      let transposed = ${buffers.part("transposed")};
      let probes = ${buffers.part("probes")};
      // Neighbouring invocations look for the same taps of neighbouring rows.
      let slices = (probes + ${u32(SLICE - 1)}) / ${u32(SLICE)};
      let item = local_group * ${u32(GROUP)} + lane;
      let row = item / (32u * slices) * 32u + item % 32u;
      if (row >= atomicLoad(${buffers.count("rows", wgsl`inputs`)})) { return; }
      let s = load(inputs, row);
      let first = item / 32u % slices * ${u32(SLICE)};
      var pairs = 0u;
      for (var n = first; n < min(probes, first + ${u32(SLICE)}); n++) {
        let p = probe(shape, s.c, n);
        // The centre of a mirrored kernel is the row itself.
        let centre = p.mirror && p.tap * 2u + 1u == p.taps;
        var out = 0u;
        if (centre) {
          out = row + 1u;
        } else if (p.fits) {
          out = find(outputs, Site(s.b, p.o));
        }
        if (out == 0u) { continue; }
        put(forward, p.taps, out - 1u, p.tap, row + 1u);
        put(transposed, p.taps, row, p.tap, out);
        pairs++;
        if (p.mirror && !centre) {
          put(forward, p.taps, row, p.taps - 1u - p.tap, out);
          put(transposed, p.taps, out - 1u, p.taps - 1u - p.tap, row + 1u);
          pairs++;
        }
      }
      // Several counters per rulebook: fewer meet at one. No barrier, since those cost software adapters most.
      if (pairs > 0u) { atomicAdd(&${buffers.counts}[${buffers.part("pairs")} + local_group % ${u32(PAIR_COUNTERS)}], pairs); }`,
  });
}

/** `probe(shape, c, n)`: the n-th tap that can fit an input at c, and the output they meet. */
function probeText(shapes: readonly SearchShape[]): Wgsl {
  const cases = shapes.map((shape, i) => wgsl`
    case ${u32(i)}: {
      ${comment([`k [${shape.kernel.join(", ")}] s [${shape.stride.join(", ")}] p [${shape.padding.join(", ")}] d [${shape.dilation.join(", ")}]${shape.mirrored ? ", half" : ""}`])}
      taps = ${u32(product(shape.kernel))};
      ${shape.mirrored ? wgsl`mirror = true;` : undefined}
      ${fit(shape)}
    }`);
  return wgsl`
    fn probe(shape: u32, c: vec4i, n: u32) -> Probe {
      var o = c;
      var tap = n;
      var taps = 1u;
      var mirror = false;
      var fits = true;
      switch shape {
        ${cases}
        default: {}
      }
      return Probe(o, tap, taps, mirror, fits);
    }`;
}

/** Sets `o`, `tap` and `fits` of a search for the n-th tap of an input at c. */
function fit(shape: SearchShape): Hole {
  const kernel = four(shape.kernel, 1);
  const stride = four(shape.stride, 1);
  const dilation = four(shape.dilation, 1);
  const axes = kernel.map((k, a) => axisTaps(k, stride[a]!, dilation[a]!));
  const v = plus(wgsl`c`, four(shape.padding, 0));
  if (axes.every((t) => t.step === 1 && t.gcd === 1)) return wgsl`o = ${v} - ${digits(wgsl`n`, kernel, dilation)};`;
  // The first fitting tap is ((v / gcd) mod step) · inverse mod step, with a floored modulo; then every step-th.
  const gcds = axes.map((t) => t.gcd);
  const steps = axes.map((t) => t.step);
  const inverses = axes.map((t) => t.inverse);
  const oneless = inverses.every((n, a) => n === 1 || steps[a] === 1);
  const flat = AXES.reduce<Wgsl | undefined>((text, a, k) => {
    if (kernel[k] === 1) return text;
    return text === undefined ? wgsl`r.${a}` : wgsl`(${text}) * ${i32(kernel[k]!)} + r.${a}`;
  }, undefined);
  return wgsl`
    let v = ${v};
    let u = ${floorDivide(wgsl`v`, gcds)};
    let part = u - ${floorDivide(wgsl`u`, steps)} * ${vec4i(steps)};
    let r = part${oneless ? wgsl`` : wgsl` * ${vec4i(inverses)} % ${vec4i(steps)}`} + ${digits(wgsl`n`, axes.map((t) => t.count), steps)};
    fits = all(r < ${vec4i(kernel)})${gcds.every((g) => g === 1) ? wgsl`` : wgsl` && all(u * ${vec4i(gcds)} == v)`};
    tap = ${flat === undefined ? wgsl`0u` : wgsl`u32(${flat})`};
    o = ${floorDivide(wgsl`v - r * ${vec4i(dilation)}`, stride)};`;
}

function needsDivide(shapes: readonly SearchShape[]): boolean {
  const awkward = (n: number): boolean => !Number.isInteger(Math.log2(n));
  return shapes.some((s) => s.kernel.some((k, a) => {
    const { gcd, step } = axisTaps(k, s.stride[a]!, s.dilation[a]!);
    return awkward(gcd) || awkward(step) || awkward(s.stride[a]!);
  }));
}
