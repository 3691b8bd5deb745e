/**
 * When an on-chip pair pays. Two convolutions in one kernel save writing the rows between them and gathering them back,
 * and one launch; the price is that every tile computes the first convolution for its halo too, so rows on tile borders
 * are computed by several tiles.
 *
 * Halo factor: rows a tile needs between the convolutions, per output row. Rows are sorted with the last axis fastest,
 * so a tile is a set of runs along it. Across the run a surface shows the kernel's cross-section c (as `pairsPerRow`
 * without the last axis); along the run neighbours overlap but for k − 1 rows at its ends:
 *
 *     halo = c · (1 + (k_last − 1) / run)
 *
 * Measured halo factors may replace the estimate; the form of the comparison stays.
 */
import { DISPATCH_BYTES, F32, FLOPS_PER_BYTE, GATHER_MISS, pairsPerRow, TYPICAL_ROWS, WORKGROUP_BYTES } from "./machine.ts";

/** Mean length of a run of neighbouring sites along the last axis. */
const RUN = 4;

/** Workgroup memory of a pair's kernel beside the rows between the convolutions: staged rows and weights. */
export const PAIR_STAGING_BYTES = 4_096;

/** Most output columns of a pair's second convolution: its tile holds them all. */
export const PAIR_COLUMNS = 64;

export interface PairShape {
  readonly kernel: readonly number[];
  readonly cin: number;
  readonly middle: number;
  /** Whether the rows between are stored anyway, for other users. */
  readonly emitted: boolean;
}

/** Bytes per output row that a pair saves and costs. */
export interface PairEstimate {
  readonly halo: number;
  readonly saved: number;
  readonly cost: number;
}

/** Halo rows that fit on chip at most, with `middle` channels between the convolutions. */
export const pairCapacity = (middle: number): number => Math.floor((WORKGROUP_BYTES - PAIR_STAGING_BYTES) / (F32 * middle));

export function estimatePair({ kernel, cin, middle, emitted }: PairShape): PairEstimate {
  const pairs = pairsPerRow(kernel);
  const halo = haloFactor(kernel);
  const write = emitted ? 0 : F32 * middle;
  const saved = write + pairs * F32 * middle * GATHER_MISS + DISPATCH_BYTES / TYPICAL_ROWS;
  const again = (halo - 1) * pairs;
  const cost = (again * 2 * cin * middle) / FLOPS_PER_BYTE + again * F32 * cin * GATHER_MISS;
  return { halo, saved, cost };
}

/** Rows needed between the convolutions per output row, at least 1. */
export function haloFactor(kernel: readonly number[]): number {
  const last = kernel.at(-1) ?? 1;
  const across = kernel.length < 2 ? 1 : pairsPerCrossSection(kernel.slice(0, -1));
  return across * (1 + (last - 1) / RUN);
}

/** Active places of a cross-section of a surface: one dimension less than the surface has. */
function pairsPerCrossSection(kernel: readonly number[]): number {
  const volume = kernel.reduce((product, k) => product * k, 1);
  const d = kernel.length + 1;
  return volume ** ((d - 2) / (d - 1));
}
