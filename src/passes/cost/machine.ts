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

/** Workgroup memory that desktop GPUs have, and WebGPU gives where it is asked for. */
export const DESKTOP_WORKGROUP_BYTES = 32_768;

/** Output rows of a tile. */
export const TILE_ROWS = 32;

/** Output columns of a tile: more are separate workgroups that gather the same rows again. */
export const TILE_COLUMNS = 64;

/** Bytes per f32. */
export const F32 = 4;

/**
 * Estimated active inputs per output row. Points lie on curves and surfaces: of a kernel's volume v in two axes about
 * √v are active; in three about v^0.6 (27 → 7, 125 → 18), the middle of what lidar scans show at strides 1 to 8
 * (5.7 to 10.9, and 15 to 23). On one axis all may be.
 */
export function pairsPerRow(kernel: readonly number[]): number {
  const volume = kernel.reduce((product, k) => product * k, 1);
  return volume ** ([1, 1, 0.5][kernel.length] ?? 0.6);
}
