/**
 * The machine the cost models think of: a portable GPU seen from WGSL. Figures are round and few on purpose; they
 * decide only between two correct forms, and a measurement may correct them. Costs are in bytes of memory traffic per
 * row, the scarce thing in sparse convolution.
 */

/** f32 operations that take the time of moving one byte (2 TFLOP/s against 100 GB/s, and alike on larger devices). */
export const FLOPS_PER_BYTE = 20;

/** Rows of the scene that fixed costs are spread over. */
export const TYPICAL_ROWS = 20_000;

/** Bytes that could move while a dispatch is launched (10 µs at 100 GB/s). */
export const DISPATCH_BYTES = 1_000_000;

/** Part of gathered rows that no cache holds: neighbours in a tile read mostly the same rows. */
export const GATHER_MISS = 0.25;

/** Workgroup memory that every WebGPU device has, in bytes. */
export const WORKGROUP_BYTES = 16_384;

/** Output rows of a tile. */
export const TILE_ROWS = 32;

/** Output columns of a tile: more are separate workgroups that gather the same rows again. */
export const TILE_COLUMNS = 64;

/** Bytes per f32. */
export const F32 = 4;

/**
 * Estimated active inputs per output row. Points lie on surfaces: of a kernel's volume v in d axes about v^((d−1)/d)
 * are active (27 → 9). On one axis all may be.
 */
export function pairsPerRow(kernel: readonly number[]): number {
  const volume = kernel.reduce((product, k) => product * k, 1);
  const d = kernel.length;
  return d < 2 ? volume : volume ** ((d - 1) / d);
}
