import { u32 } from "../literal.ts";
import type { Name } from "../namer.ts";
import { wgsl, type Hole, type Wgsl } from "../template.ts";
import { quadOffset } from "./epilogue.ts";
import { multiply, multiplyChunk, type Product } from "./multiply.ts";
import { quadsOf, rowThreads, workgroupSize, type TileShape } from "./shape.ts";

/** Quads of input channels staged for a tile of 32 rows at once; twice that is held, so that one barrier is enough. */
const STAGED_QUADS = 8;

/** How the rows of one term come through workgroup memory: `taps` taps of `chunk` quads of channels per step. */
export interface Staging {
  readonly taps: number;
  readonly chunk: number;
  /** vec4 of one of the two buffers. */
  readonly size: number;
}

/** Room for one row more than there are keeps neighbours that write different quads of a row off one bank. */
export const rowStride = (shape: TileShape): number => shape.rows + 1;

/** The staging of `channels` input channels over `taps` taps, at most `quads` quads per row and step. */
export function stagingOf(shape: TileShape, channels: number, taps: number, quads = STAGED_QUADS): Staging {
  const all = quadsOf(channels);
  const chunk = Math.ceil(all / Math.ceil(all / quads));
  const together = all <= quads ? Math.min(taps, Math.floor(quads / all)) : 1;
  return { taps: together, chunk, size: together * chunk * rowStride(shape) };
}

/** One summand: rows of an input, straight or through a rulebook, times a weight matrix per tap. */
export interface GatherTerm {
  readonly shape: TileShape;
  readonly staging: Staging;
  /** Workgroup array of vec4, and how many of them lie between its two staging buffers. */
  readonly tile: Name;
  readonly half: number;
  readonly taps: number;
  readonly channels: number;
  readonly load: Name;
  /** Whether some row of the tile has the tap, as a u32 of 0 or 1; undefined where all have. */
  readonly present?: (tap: Wgsl) => Wgsl;
  /** Input row + 1 of the tile's row `r` at `tap`, 0 for none. */
  readonly entry: (r: Wgsl, tap: Wgsl) => Wgsl;
  /** Offset of the first tap's weight matrix in params, in floats. */
  readonly weight: number;
  readonly product: Pick<Product, "groups" | "stride" | "params">;
}

/**
 * Stages and multiplies, taps ascending, then channels ascending; taps that no row of the tile has are skipped. Two
 * staging buffers take turns (`phase`), so a step needs one barrier: who writes a buffer again has passed the barrier
 * after it was last read. Control flow depends on the tile alone, so the barriers are uniform.
 */
export function gather(term: GatherTerm): Hole {
  if (term.taps === 1) {
    return wgsl`
      {
        let tap = 0u;
        ${chunks(term)}
      }`;
  }
  if (term.staging.taps === 1) {
    return wgsl`
      for (var tap = 0u; tap < ${u32(term.taps)}; tap++) {
        ${when(term.present?.(wgsl`tap`), chunks(term))}
      }`;
  }
  return severalTaps(term);
}

const when = (present: Wgsl | undefined, body: Hole): Hole =>
  present === undefined
    ? body
    : wgsl`
        if (${present} != 0u) {
          ${body}
        }`;

/** One tap at a time, in chunks of its channels. */
function chunks(term: GatherTerm): Hole {
  const { staging, channels } = term;
  const all = quadsOf(channels);
  const single = staging.chunk >= all;
  const product: Product = {
    ...term.product,
    shape: term.shape,
    channels,
    weight: weightOf(term, wgsl`tap`),
    start: wgsl`phase`,
    step: rowStride(term.shape),
    row: (r) => staged(term, r),
  };
  const body = [
    stage(term, single ? wgsl`q` : wgsl`q0 + q`),
    single ? multiply(product) : multiplyChunk(product, staging.chunk),
    wgsl`phase = ${u32(term.half)} - phase;`,
  ];
  if (single) return body;
  return wgsl`
    for (var q0 = 0u; q0 < ${u32(all)}; q0 += ${u32(staging.chunk)}) {
      ${body}
    }`;
}

/**
 * Few channels: several taps per step. The loops end at a variable bound, which keeps compilers that unroll eagerly
 * from unrolling both of them.
 */
function severalTaps(term: GatherTerm): Hole {
  const { staging, taps } = term;
  const present = term.present ?? (() => wgsl`1u`);
  const slot = u32(staging.chunk * rowStride(term.shape));
  const product: Product = {
    ...term.product,
    shape: term.shape,
    channels: term.channels,
    weight: weightOf(term, wgsl`(tap0 + j)`),
    start: wgsl`phase + j * ${slot}`,
    step: rowStride(term.shape),
    row: (r) => staged(term, r),
  };
  return wgsl`
    for (var tap0 = 0u; tap0 < ${u32(taps)}; tap0 += ${u32(staging.taps)}) {
      let window = min(${u32(staging.taps)}, ${u32(taps)} - tap0);
      var found = 0u;
      for (var j = 0u; j < window; j++) {
        found |= ${present(wgsl`(tap0 + j)`)} << j;
      }
      if (found != 0u) {
        ${stage(term, wgsl`q`)}
        for (var j = 0u; j < window; j++) {
          if (((found >> j) & 1u) != 0u) {
            ${multiply(product)}
          }
        }
        phase = ${u32(term.half)} - phase;
      }
    }`;
}

/** Copies the step's rows into the current buffer, zero where there is no pair, and waits for all. */
function stage(term: GatherTerm, quad: Wgsl): Hole {
  const { staging, shape, tile, load } = term;
  const stride = u32(rowStride(shape));
  const items = staging.chunk * shape.rows;
  const several = staging.taps > 1;
  const row = staging.chunk === 1 ? wgsl`i` : wgsl`i / ${u32(staging.chunk)}`;
  return wgsl`
    for (var i = lane; i < ${several ? wgsl`window * ` : undefined}${u32(items)}; i += ${u32(workgroupSize(shape))}) {
      let q = ${staging.chunk === 1 ? wgsl`0u` : wgsl`i % ${u32(staging.chunk)}`};
      let r = ${several ? wgsl`${row} % ${u32(shape.rows)}` : row};
      ${several ? wgsl`let j = i / ${u32(items)};` : undefined}
      ${several ? wgsl`let tap = tap0 + j;` : undefined}
      var value = vec4f();
      let entry = ${term.entry(wgsl`r`, wgsl`tap`)};
      if (entry != 0u) { value = ${load}(entry - 1u, ${quad}); }
      ${tile}[phase + ${several ? wgsl`(j * ${u32(staging.chunk)} + q)` : wgsl`q`} * ${stride} + r] = value;
    }
    workgroupBarrier();`;
}

const weightOf = (term: GatherTerm, tap: Wgsl): Wgsl =>
  wgsl`${quadOffset(term.weight)}${term.taps === 1 ? undefined : wgsl` + ${tap} * ${u32(term.channels * term.product.stride)}`}`;

/** The invocation's row r of the quad at s. */
const staged = (term: GatherTerm, r: number): Wgsl =>
  wgsl`${term.tile}[s + row_lane${r === 0 ? undefined : wgsl` + ${u32(r * rowThreads(term.shape))}`}]`;
