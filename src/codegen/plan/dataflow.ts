/**
 * Which of WebGPU's kernels computes a convolution. Rows multiplied per useful pair, submanifold 3³, rows sorted, at strides
 * 1, 2, 4 and 8 of the benchmark clouds (`npm run bench` counts them):
 *
 *     cloud        masked, 32 rows         packed, by fours
 *     kitti100k    4.88 2.45 2.46 2.73     1.25 1.12 1.11 1.13
 *     indoor100k   1.66 1.78 1.82 1.81     1.07 1.08 1.08 1.08
 *
 * Streaming has the packed rows without a wait for staging, and parts of the channels side by side: on an NVIDIA H200
 * 0.2 to 0.75 of the packed kernel's time from 8 input channels on (`npm run bench:gpu -- --tiles`). It needs lists of the
 * taps in workgroup memory: kernels of more taps are packed. With fewer channels the masked kernel stages several taps at
 * once; up to 4, no staging pays at all. A tuning may choose otherwise, step by step.
 */
import { fitsDirect } from "../wgsl/kernels/conv-direct.ts";
import { fitsPacked } from "../wgsl/kernels/conv-packed.ts";
import { fitsStreamed, streamedTile } from "../wgsl/kernels/conv-streamed.ts";
import { chooseShape, columnTiles, quadsOf, type TileChoice } from "../wgsl/kernels/shape.ts";
import type { ConvSpec } from "../wgsl/spec.ts";
import { RECORD_ROWS } from "../../runtime/geometry/record.ts";

/** Rows that an invocation takes of a tap's packed list, or none. */
export const PACKED_ROWS = 4;

/** One row an invocation, with all columns of the tile. */
export const DIRECT_TILE: TileChoice = { threads: 1, perThread: 1, dataflow: "direct" };

/** Fewest input channels whose rows are worth packing. */
const PACKED_CHANNELS = 8;

/** Most input channels that are not worth staging. */
const DIRECT_CHANNELS = 4;

/** The tile of a convolution's kernel where nothing was measured, in `bytes` of workgroup memory; undefined: the masked kernel's standard one. */
export function standardTile(spec: Pick<ConvSpec, "terms" | "columns" | "epilogue">, bytes: number): TileChoice | undefined {
  const gathers = spec.terms.filter((t) => t.map !== undefined && t.map.taps.length > 1);
  if (gathers.length === 0) return undefined;
  const columns = spec.columns[1] - spec.columns[0];
  const channels = Math.max(...spec.terms.map((t) => t.source.channels));
  if (fitsDirect(spec) && channels <= DIRECT_CHANNELS) return DIRECT_TILE;
  const gathered = Math.max(...gathers.map((t) => t.source.channels));
  if (gathered < PACKED_CHANNELS) return undefined;
  const streamed = streamedTile(columns, gathered);
  if (fitsStreamed(spec, streamed, bytes)) return streamed;
  const { threads } = chooseShape([Math.ceil(quadsOf(columns) / columnTiles(columns))]);
  const packed: TileChoice = { threads, perThread: PACKED_ROWS, dataflow: "packed" };
  return fitsPacked(spec, { rows: RECORD_ROWS, ...packed }) ? packed : undefined;
}
