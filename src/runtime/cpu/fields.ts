/** Word offsets that the CPU target's functions and its host agree on. */

/** Rows of one tile: one list of pairs per tile and tap; entries are input row · 64 + row in the tile. */
export const TILE = 64;
export const TILE_BITS = 6;
/** Input rows that an entry can name. */
export const MAX_ROWS = 2 ** (32 - TILE_BITS);
/** Columns that the parameters of a matrix are laid out by: [column tile][row][16]. */
export const COLUMN_TILE = 16;
/** Channels of a row that one mask of nonzero ones tells about. */
export const MASK_CHANNELS = 64;

/** Head of every argument block: units are claimed by an atomic counter until none are left. */
export const ARG = { next: 0, units: 1, rows: 2, first: 3 } as const;

/** A site table: a bitmap of its grid, 64 cells a word along the last axis, and the rank of each word. */
export const TABLE = {
  bits: 0,
  ranks: 1,
  /** 64-bit words of the bitmap. */
  words: 2,
  /** 64-bit words of one line along the last axis. */
  lineWords: 3,
  /** Cells from one batch item to the next. */
  batchCells: 4,
  /** Per axis: least coordinate of the grid. */
  origin: 5,
  /** Per axis: cells from one coordinate to the next; 1 for the last. */
  cells: 9,
  /** Per axis: coordinates of the grid. */
  extent: 13,
  /** First word of the sums of chunks. */
  sums: 17,
  size: 18,
} as const;

/** 64-bit words of a bitmap that one unit counts. */
export const CHUNK_WORDS = 4096;
/** Rows of an input that one unit checks, marks or places. */
export const CHUNK_ROWS = 4096;

/** Bytes of one tile of pair lists with this many taps, at most: taps + 1 byte offsets of the lists, then their entries. */
export const tileBytes = (taps: number): number => 4 * (taps + 1 + TILE * taps + 4);

/** The lists of a rulebook: the first byte behind them, a word per tile that says where its lists begin, the lists; bytes from the start. */
export const LISTS = { end: 0, tiles: 1 } as const;

/** Scratch of one thread that a search needs: base cells of a tile, lists of one row of taps, and those of all taps, from `listsAt` on. */
export const listsAt = (lastTaps: number): number => 4 * TILE * (1 + lastTaps) + 64;
export const searchScratch = (taps: number, lastTaps: number): number => listsAt(lastTaps) + tileBytes(taps) + 64;

/** Floats that one unit of `check_finite` looks through, and bytes that one unit of `clear` zeroes. */
export const FINITE_CHUNK = 1 << 16;
export const CLEAR_CHUNK = 1 << 18;

/** Words of an argument block. */
export const ARG_WORDS = 32;

/**
 * A hashed site table, for grids too large for a bitmap: a slot holds 64 cells of one line along the last axis. Slot
 * number `slots` is the empty one.
 */
export const HASH = {
  /** A power of two. */
  slots: 0,
  records: 1,
  /** Slots in use, sorted; and room to sort them. */
  sorted: 2,
  spare: 3,
  /** Slots in use, sites, and whether a site found no slot. */
  used: 4,
  sites: 5,
  full: 6,
  size: 7,
} as const;

/** Byte offsets in the record of a slot: its cells, its state (0 free, 1 being written, 2 in use), the row of its first site, its key. */
export const SLOT = { bits: 0, state: 8, rank: 12, key: 16 } as const;
/** Bytes of a record: the key is the batch item and the coordinates, the last in words of 64 cells. */
export const slotBytes = (dim: number): number => Math.ceil((SLOT.key + 4 * (dim + 1)) / 16) * 16;

/** How a derivation or a search goes, for functions that work for all: then five words per axis. */
export const SPEC = { kind: 0, axes: 1, kernel: 0, stride: 1, padding: 2, dilation: 3, extent: 4, perAxis: 5 } as const;
/** Kinds of a `SPEC`. An extent of −1 is none. */
export const SPEC_KIND = { reach: 0, floor: 1, forward: 2, transposed: 3, generate: 4 } as const;
