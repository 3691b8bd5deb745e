/** Rows of one record of a rulebook block. */
export const RECORD_ROWS = 32;

export const volume = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

/** u32 words of a record of 32 rows: a mask bit per tap, then taps × 32 entries. */
export const recordWords = (taps: number): number => Math.ceil(taps / 32) + RECORD_ROWS * taps;

/** Records that hold `rows` rows. */
export const recordCount = (rows: number): number => Math.ceil(rows / RECORD_ROWS);
