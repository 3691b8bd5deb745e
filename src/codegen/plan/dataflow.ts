/**
 * Which of WebGPU's kernels computes a convolution. Rows multiplied per useful pair, submanifold 3³, rows sorted, at strides
 * 1, 2, 4 and 8 of the benchmark clouds (`npm run bench` counts them):
 *
 *     cloud        masked, 32 rows         packed, by fours
 *     kitti100k    4.88 2.45 2.46 2.73     1.25 1.12 1.11 1.13
 *     indoor100k   1.66 1.78 1.82 1.81     1.07 1.08 1.08 1.08
 *
 * Packing costs a wait per tap and sums in workgroup memory: it pays from 8 input channels on. With fewer the masked
 * kernel stages several taps at once; with 1 or 2, or 4 into at most 16 columns, no staging pays at all. A tuning may
 * choose otherwise, step by step.
 */
import { fitsDirect } from "../wgsl/kernels/conv-direct.ts";
import { fitsPacked } from "../wgsl/kernels/conv-packed.ts";
import { chooseShape, columnTiles, quadsOf, type TileChoice } from "../wgsl/kernels/shape.ts";
import type { ConvSpec } from "../wgsl/spec.ts";
import { RECORD_ROWS } from "../../runtime/geometry/record.ts";

/** Rows that an invocation takes of a tap's packed list, or none. */
export const PACKED_ROWS = 4;

/** One row an invocation, with all columns of the tile. */
export const DIRECT_TILE: TileChoice = { threads: 1, perThread: 1, dataflow: "direct" };

/** Fewest input channels that are worth packing. */
const PACKED_CHANNELS = 8;

/** The tile of a convolution's kernel where nothing was measured; undefined: the masked kernel's standard one. */
export function standardTile(spec: Pick<ConvSpec, "terms" | "columns" | "epilogue">): TileChoice | undefined {
  const gathers = spec.terms.filter((t) => t.map !== undefined && t.map.taps.length > 1);
  if (gathers.length === 0) return undefined;
  const columns = spec.columns[1] - spec.columns[0];
  const channels = Math.max(...spec.terms.map((t) => t.source.channels));
  if (fitsDirect(spec) && (channels <= 2 || (channels === 4 && columns <= 16))) return DIRECT_TILE;
  if (Math.max(...gathers.map((t) => t.source.channels)) < PACKED_CHANNELS) return undefined;
  const { threads } = chooseShape([Math.ceil(quadsOf(columns) / columnTiles(columns))]);
  const packed: TileChoice = { threads, perThread: PACKED_ROWS, dataflow: "packed" };
  return fitsPacked(spec, { rows: RECORD_ROWS, ...packed }) ? packed : undefined;
}
