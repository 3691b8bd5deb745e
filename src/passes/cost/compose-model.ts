/**
 * When two layers without an activation between pay as one. Composing saves the rows between: written once, read or
 * gathered once, and a launch; and it changes the arithmetic, for better or worse: cin → middle → cout becomes
 * cin → cout under every tap. What is compared is the best form of the two layers: a pointwise layer after a
 * convolution could also be done to the tile on chip.
 */
import { estimateChain } from "./chain-model.ts";
import { DISPATCH_BYTES, F32, FLOPS_PER_BYTE, GATHER_MISS, pairsPerRow, TYPICAL_ROWS } from "./machine.ts";

export interface ComposeShape {
  /** Kernel and input channels of each term of the first layer; a pointwise term has the kernel []. */
  readonly terms: readonly { readonly kernel: readonly number[]; readonly cin: number }[];
  readonly middle: number;
  /** Kernel of the second layer's term over the rows between; [] when it is pointwise. */
  readonly kernel: readonly number[];
  readonly cout: number;
  /** Whether the first layer stays, for other users. */
  readonly kept: boolean;
  /** Whether the second layer is a kernel of its own: it has no term beside the composed ones. */
  readonly alone: boolean;
}

/** Bytes per row, arithmetic included, of the two layers and of the one. */
export function estimateCompose({ terms, middle, kernel, cout, kept, alone }: ComposeShape): { readonly before: number; readonly after: number } {
  const launch = DISPATCH_BYTES / TYPICAL_ROWS;
  const first = terms.reduce((sum, t) => sum + term(t.kernel, t.cin, middle), F32 * middle + launch);
  const second = term(kernel, middle, cout);
  const chain = kernel.length === 0 && alone ? estimateChain({ terms, middle, cout, emitted: kept }) : { saved: 0, cost: 0 };
  const before = first + second - Math.max(0, chain.saved - chain.cost);
  // A composed term has the taps of both: one of the two kernels is [].
  const composed = terms.reduce((sum, t) => sum + term(kernel.length === 0 ? t.kernel : kernel, t.cin, cout), 0);
  return { before, after: composed + (kept ? first : 0) };
}

/** A term's bytes read and arithmetic, per output row. */
function term(kernel: readonly number[], cin: number, cout: number): number {
  const pairs = pairsPerRow(kernel);
  const read = F32 * cin * (kernel.length === 0 ? 1 : pairs * GATHER_MISS);
  return read + (2 * pairs * cin * cout) / FLOPS_PER_BYTE;
}
