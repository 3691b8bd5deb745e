/** Positions in the `meta` buffer (u32, written by the host) and in `counts` (u32, written by the kernels). */

/** Words of one site set in `meta`; grids have four axes, those beyond the set's own with origin 0 and extent 1. */
export const SITE = {
  /** Rows given, for inputs. */
  rows: 0,
  capacity: 1,
  /** First word of the set's rows in `coords`. */
  coords: 2,
  /** First word of its bitmap or hash table in `scratch`. */
  table: 3,
  /** Slots of the hash table less 1. */
  mask: 4,
  /** 1: hash, 0: bitmap. */
  hashed: 5,
  /** Words of bits in the bitmap, each followed by a rank. */
  words: 6,
  /** Words of bits per block, a multiple of 2048. */
  blockWords: 7,
  /** First word of the sums of the blocks in `scratch`. */
  sums: 8,
  /** First words of the two buffers of the sort in `scratch`. */
  sort: 9,
  sorted: 10,
  salt: 11,
  origin: 12,
  extent: 16,
  /** The set whose rows mark this one. */
  source: 20,
  /** The most cells that one row of the source marks: `taps` boxes, each of `lengths` cells. */
  reach: 21,
  taps: 22,
  lengths: 23,
} as const;
export const META_BATCH = 0;
const META_HEAD = 4;
export const META_SITE = 27;

export const metaSite = (site: number): number => META_HEAD + META_SITE * site;

/** Words of one site set in `counts`. Row numbers of problems are stored as their complement, 0 = none. */
export const COUNT = {
  /** Rows there are, never more than the capacity. */
  rows: 0,
  /** Rows there would be with room for all. */
  needed: 1,
  duplicate: 2,
  range: 3,
  batch: 4,
  /** Inputs: a row; derived sets: 1 when the table was full. */
  full: 5,
} as const;
/** Bits of the first word of `counts`: which kinds of trouble there are anywhere. */
export const STATUS = { overflow: 1, duplicate: 2, range: 4, batch: 8, full: 16 } as const;
export const COUNT_STATUS = 0;
/** Batch items, the row count of whatever has one row per item. */
export const COUNT_BATCH = 1;
const COUNT_HEAD = 4;
export const COUNT_SITE = 8;

export const countSite = (site: number): number => COUNT_HEAD + COUNT_SITE * site;
/** Counters that the pairs of one rulebook are spread over. */
export const PAIR_COUNTERS = 8;
export const countPairs = (sites: number, rulebook: number): number => countSite(sites) + PAIR_COUNTERS * rulebook;


/** Words of bits that one workgroup handles in a round. */
export const BLOCK_WORDS = 2048;
/** Rows that one workgroup sorts, and runs that one merge joins. */
export const SORT_ROWS = 512;
export const MERGE_RUNS = 8;
/** Invocations of the kernels. */
export const MARK_GROUP = 64;
export const GROUP = 256;
/** Of those that meet at barriers: software adapters pay for each invocation that waits. */
export const SCAN_GROUP = 64;
/** Taps that one invocation of a search tries. */
export const SLICE = 8;
/** Slots looked at before a hash table counts as full. */
export const MAX_PROBES = 256;

/**
 * Words of a dispatch's own part of `meta`: an argument and the number of parts, then per part the end of its
 * workgroups and what the kind of stage asks for.
 */
export const STEP = { argument: 0, parts: 1 } as const;
export const STEP_PART = 8;
export const stepPart = (part: number): number => 2 + STEP_PART * part;
/**
 * `site`: all stages of site sets; `source` and `place`: marks of kernels that mark unions, by which set's rows and the
 * how-many-th of the union's parents that is; the others: search and halo. Offsets are words in the dispatch's binding of `maps`.
 */
export const PART = { end: 0, site: 1, source: 2, place: 3, from: 1, to: 2, shape: 3, forward: 4, transposed: 5, pairs: 6, probes: 7, taps: 3, halo: 5, capacity: 6 } as const;
/** Stands for a block that is not wanted. */
export const NO_BLOCK = 0xffff_ffff;
