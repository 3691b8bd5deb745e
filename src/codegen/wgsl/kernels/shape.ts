import { RECORD_ROWS } from "../../../runtime/geometry/record.ts";
import { pad4 } from "../spec.ts";

export type { TileChoice } from "../spec.ts";

export { DESKTOP_WORKGROUP_BYTES, WORKGROUP_BYTES } from "../../../passes/cost/machine.ts";

/** Invocations of a workgroup that every WebGPU device allows. */
export const MOST_INVOCATIONS = 256;

/** Most columns that one workgroup computes where further stages need not have them all. */
export const TILE_COLUMNS = 64;

/** Most columns of a stage that is kept on chip for an on-chip linear layer: 32 rows of them are 16 KiB. */
export const CHIP_COLUMNS = 128;

/**
 * How a workgroup divides a tile of `rows` × columns: `threads` columns of invocations, each with one quad of columns
 * per group of columns and `perThread` rows. Row r of an invocation is `lane / threads + r · rowThreads`, quad g is
 * `lane % threads + g · threads`: neighbours read neighbouring words.
 */
export interface TileShape {
  readonly rows: number;
  readonly perThread: number;
  /** Invocations along the columns. */
  readonly threads: number;
}

export const rowThreads = (shape: TileShape): number => shape.rows / shape.perThread;

export const workgroupSize = (shape: TileShape): number => rowThreads(shape) * shape.threads;

/** Quads (groups of four columns) that `columns` take. */
export const quadsOf = (columns: number): number => pad4(columns) / 4;

/** Column groups per invocation for a stage of `quads` quads. */
export const groupsOf = (shape: TileShape, quads: number): number => Math.ceil(quads / shape.threads);

/** Column tiles for `columns`, as equal as they can be. */
export const columnTiles = (columns: number): number => Math.ceil(columns / TILE_COLUMNS);

/**
 * The shape for stages of these many quads each, all in one workgroup of 32 to 128 invocations with at most 16
 * accumulators each: 4 rows × 1 or 2 quads for usual widths, fewer rows where the columns alone give too few invocations.
 */
export function chooseShape(stages: readonly number[]): TileShape {
  const widest = Math.max(...stages);
  const first = stages[0] ?? widest;
  const wanted = first >= 16 ? Math.ceil(first / 2) : first;
  // A workgroup has 256 invocations at most, 8 rows of them.
  const threads = Math.min(32, Math.max(Math.ceil(widest / 4), Math.min(wanted, 16)));
  const perThread = threads >= 8 ? 4 : threads >= 4 ? 2 : 1;
  return { rows: RECORD_ROWS, perThread, threads };
}
