/**
 * When an on-chip pair pays. Two convolutions in one kernel save writing the rows between them and gathering them back,
 * and one launch; the price is that every tile computes the first convolution for its halo too, so rows on tile borders
 * are computed by several tiles.
 *
 * Halo factor: rows a tile of 32 needs between the convolutions, per output row. Neighbours of neighbouring rows are
 * mostly the same rows, so it grows slower than the pairs: halo ≈ pairs^0.55. Measured on sorted voxels of lidar scans:
 *
 *     scan, voxel (m)              kernel  pairs  halo  pairs^0.55
 *     KITTI 0.05 × 0.05 × 0.1      3³       5.7   2.7   2.6
 *                                  5³      15.4   5.1   4.5
 *     KITTI at stride 4            3³       9.8   3.6   3.5
 *     KITTI at stride 8            3³      10.9   3.7   3.7
 *     SemanticKITTI 0.05           3³       3.8   1.9   2.1
 *     SemanticKITTI 0.2            3³       7.7   3.2   3.1
 *
 * A measurement on the scene at hand may replace the estimate; the form of the comparison stays.
 */
import { DISPATCH_BYTES, F32, FLOPS_PER_BYTE, GATHER_MISS, pairsPerRow, TYPICAL_ROWS, WORKGROUP_BYTES } from "./machine.ts";

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

/**
 * Halo rows that fit on chip at most, with `middle` channels between the convolutions, in groups of four, one row spare:
 * `bytes` of workgroup memory, `numberBytes` each.
 */
export const pairCapacity = (middle: number, bytes = WORKGROUP_BYTES, numberBytes = F32): number =>
  Math.floor((bytes - PAIR_STAGING_BYTES) / (4 * numberBytes * Math.ceil(middle / 4))) - 1;

export function estimatePair({ kernel, cin, middle, emitted }: PairShape): PairEstimate {
  const pairs = pairsPerRow(kernel);
  const halo = haloFactor(pairs);
  const write = emitted ? 0 : F32 * middle;
  const saved = write + pairs * F32 * middle * GATHER_MISS + DISPATCH_BYTES / TYPICAL_ROWS;
  const again = (halo - 1) * pairs;
  const cost = (again * 2 * cin * middle) / FLOPS_PER_BYTE + again * F32 * cin * GATHER_MISS;
  return { halo, saved, cost };
}

/** Rows needed between the convolutions per output row, at least 1. */
export const haloFactor = (pairs: number): number => pairs ** 0.55;
