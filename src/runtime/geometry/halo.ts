import { RECORD_ROWS } from "./record.ts";

/** Word offsets inside one block of halo tables; the tables themselves are described at `HaloAccess`. */
export interface HaloShape {
  /** 33 words: where each part's list starts, and the end. */
  readonly starts: number;
  /** Halo rows + 1, all parts one after another. */
  readonly list: number;
  /** Two positions + 1 per word: [tap pair][row]. */
  readonly positions: number;
  /** Words of a block. */
  readonly words: number;
}

/** A part's list holds its rows and at most the inputs of their pairs, so 32 × (taps + 1) words hold them all. */
export function haloShape(taps: number): HaloShape {
  const list = 1 + RECORD_ROWS + 1;
  const positions = list + RECORD_ROWS * (taps + 1);
  return { starts: 1, list, positions, words: positions + RECORD_ROWS * Math.ceil(taps / 2) };
}
