/**
 * When a pointwise layer pays as an epilogue of the convolution before it. It saves writing and reading the rows
 * between, and a launch. The price is that one workgroup must hold all columns: beyond one column tile the workgroup
 * fills the memory that would hide latency, taken as half the speed for the convolution's arithmetic.
 */
import { DISPATCH_BYTES, F32, FLOPS_PER_BYTE, pairsPerRow, TILE_COLUMNS, TYPICAL_ROWS } from "./machine.ts";

export interface ChainShape {
  /** Kernel and input channels of each term of the convolution; a pointwise term has the kernel []. */
  readonly terms: readonly { readonly kernel: readonly number[]; readonly cin: number }[];
  /** Channels between the layers. */
  readonly middle: number;
  readonly cout: number;
  /** Whether the rows between are stored anyway, for other users. */
  readonly emitted: boolean;
}

/** Bytes per row that fusing saves and costs. */
export function estimateChain({ terms, middle, cout, emitted }: ChainShape): { readonly saved: number; readonly cost: number } {
  const saved = F32 * middle * (emitted ? 1 : 2) + DISPATCH_BYTES / TYPICAL_ROWS;
  if (Math.max(middle, cout) <= TILE_COLUMNS) return { saved, cost: 0 };
  const flops = terms.reduce((sum, t) => sum + 2 * pairsPerRow(t.kernel) * t.cin * middle, 2 * middle * cout);
  return { saved, cost: flops / FLOPS_PER_BYTE };
}
