/**
 * What a feature kernel is told: everything that shapes its text. Constants are baked; only row counts, maps and
 * features are read from buffers. Plan lowering fills these in, the kernel files turn them into WGSL.
 */

import type { Activation } from "../../ir/activations.ts";
import type { Rounding, SaturatedBits } from "../../ir/whole.ts";

/** A row-major feature buffer, possibly a slice of wider rows. Units: numbers, of float32 or float16. */
export interface RowAccess {
  /** Binding role, unique in the kernel. */
  readonly role: string;
  readonly channels: number;
  /** Floats from one row to the next. */
  readonly stride: number;
  /** Floats from the start of a row to the first channel. */
  readonly offset: number;
  /** Whether they are stored as float16. */
  readonly half?: true;
}

/** A rulebook block (records of 32 rows: mask words, then taps × 32 entries of input row + 1). */
export interface MapAccess {
  readonly role: string;
  /** Taps stored in the block: the volume of the searched kernel. */
  readonly stored: number;
  /** For each tap of this layer in canonical order, the stored tap it reads. */
  readonly taps: readonly number[];
}

/** One summand of a convolution; without a map it reads its own row (pointwise). */
export interface ConvTerm {
  readonly source: RowAccess;
  readonly map?: MapAccess;
  /** Offset in the params block, in floats; layout [tap][cin][columns padded to 4]. */
  readonly weight: number;
  /** On the CPU: whether products with zeros of the source are left out. */
  readonly zeros?: true;
}

/** Activations with an exponential in them. */
export type SmoothStep = { readonly do: Exclude<Activation, "relu" | "relu6"> } | { readonly do: "elu"; readonly alpha: number } | { readonly do: "softplus"; readonly beta: number; readonly threshold: number };

export type EpilogueStep =
  | { readonly do: "bias" | "clip" | "scale" | "prelu"; readonly at: number }
  | { readonly do: "affine"; readonly scale: number; readonly shift: number }
  | { readonly do: "add" | "mul"; readonly source: RowAccess }
  | { readonly do: "relu" | "relu6" }
  | SmoothStep
  | { readonly do: "leaky_relu"; readonly slope: number }
  /** Of whole numbers below 2^24, exact: `multiplier` is a vector of whole numbers, shift 1 to 31. */
  | { readonly do: "rescale"; readonly multiplier: number; readonly shift: number; readonly rounding: Rounding }
  | { readonly do: "saturate"; readonly bits: SaturatedBits }
  | { readonly do: "quantise"; readonly scale: number }
  /** y = y·W with W [C][C2 padded to 4] at `weight`; `cout` is C2. Only when one tile holds all columns. */
  | { readonly do: "linear"; readonly weight: number; readonly cout: number }
  | { readonly do: "emit"; readonly target: RowAccess };

/** Scatter to a dense tensor [batch, channels, …extents] (folded: [batch, channels·e_fold, …others]), zero-filled or filled by a step before. */
export interface DenseTarget {
  readonly role: string;
  /** Binding role of the rows' coordinates, i32 [rows, 1 + d], batch first. */
  readonly coords: string;
  readonly channels: number;
  readonly extents: readonly number[];
  /** Index of the axis folded into channels, or undefined. */
  readonly fold: number | undefined;
  /** [batch, …extents, channels] instead; with a folded axis [batch, …others, channels · e_fold]. */
  readonly last?: true;
}

/** Float offsets of per-channel vectors are padded to 4 like the columns they meet. */
export interface KernelHead {
  /** Entry point and label, unique in the plan and stable: `k07_conv_down2_0`. */
  readonly name: string;
  /** Comment lines: what, sites in → out, shapes, source lines. */
  readonly header: readonly string[];
  /** Index of the output row count in `counts`. */
  readonly rows: number;
}

export interface ConvSpec extends KernelHead {
  readonly kind: "conv";
  readonly terms: readonly ConvTerm[];
  /** Output channels [from, to) of this dispatch; params hold these columns only. */
  readonly columns: readonly [from: number, to: number];
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
  /** How a workgroup divides its tile, where it was chosen. */
  readonly tile?: TileChoice;
  /** On the CPU: what its registers hold at once, where it was chosen. */
  readonly registers?: RegisterTile;
}

/**
 * A tile's shape as a plan may choose it: invocations along the columns, rows of each, and how rows reach them. Streamed
 * kernels also choose into how many parts input channels are split, how many quads of channels are loaded together,
 * whether the parts are worked on one after the other unless a launch halves the columns (`folds`), and whether four
 * neighbours load rows for each other, which needs the device's subgroups (`shares`).
 */
export type TileChoice = { readonly threads: number; readonly perThread: number } & (
  | { readonly dataflow?: "packed" | "direct" }
  | { readonly dataflow: "streamed"; readonly splits: 1 | 2; readonly ahead: 2 | 4; readonly folds: boolean; readonly shares?: true }
);

/** Rows and columns that the CPU multiplies at once: 2, 3, 4 or 6 rows and 4, 8 or 16 columns. */
export interface RegisterTile {
  readonly rows: number;
  readonly columns: number;
}

/**
 * A convolution in groups of channels, channel by channel: output column o reads input channels [g·n, (g + 1)·n) with
 * n = Cin / groups and g = o / (Cout / groups); weight [tap][n][columns padded to 4], never in tiles.
 */
export interface GroupedSpec extends KernelHead {
  readonly kind: "grouped";
  readonly source: RowAccess;
  readonly map: MapAccess;
  readonly weight: number;
  /** Input channels and output channels of one group. */
  readonly reads: number;
  readonly writes: number;
  /** Output channels [from, to) of this dispatch; params hold these columns only. */
  readonly columns: readonly [from: number, to: number];
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
}

/** subm → epilogue → subm on one rulebook; the intermediate stays in workgroup memory. */
export interface PairSpec extends KernelHead {
  readonly kind: "pair";
  readonly source: RowAccess;
  readonly map: MapAccess;
  readonly halo: HaloAccess;
  readonly middle: number;
  /** Whether the rows between are float16. */
  readonly half?: true;
  readonly firstWeight: number;
  readonly first: readonly EpilogueStep[];
  readonly cout: number;
  readonly secondWeight: number;
  readonly second: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
}

/**
 * Halo tables of a submanifold rulebook with K stored taps, u32 words, one block per 32 output rows (same order as the
 * map's records; `haloShape` of src/runtime/geometry has the offsets):
 * [split][33 starts][32·(K + 1) halo rows (input row + 1)][ceil(K/2) × 32 pairs of positions].
 * `split` ∈ {1, 2, 4, 8, 16, 32} is the least for which no part of the record, n = 32/split rows, needs more than
 * `capacity` rows (`capacity` > K, or ≥ K with a centre tap, so 32 always does). Part p reads the halo rows [starts[p], starts[p + 1]): first its
 * own rows in order (row p·n + i of the record at i, as far as the record has rows), then the other rows that its
 * pairs name, ascending. The position of the input of (row, tap) in its part's list is
 * (word[tap >> 1][row] >> 16·(tap & 1)) & 0xffff, less 1; 0 = no pair.
 */
export interface HaloAccess {
  readonly role: string;
  readonly capacity: number;
}

export interface PointwiseSpec extends KernelHead {
  readonly kind: "pointwise";
  readonly source: RowAccess;
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
}

export interface PoolSpec extends KernelHead {
  readonly kind: "pool";
  readonly source: RowAccess;
  readonly map: MapAccess;
  readonly mode: "max" | "sum" | "avg";
  /** `avg`: divide by the number of pairs, or by a fixed volume. `max`: with a volume, fewer pairs than that bring a 0. */
  readonly divisor: "count" | number;
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
}

/** Each row of a set reduces the points that are in it, in their order: sum, mean or maximum, 0 where there is none. */
export interface VoxelizeSpec extends KernelHead {
  readonly kind: "voxelize";
  readonly source: RowAccess;
  /** Sorted (row, point), i32 [points, 2], rows of points without one last; on the CPU where each row's points begin, u32 [rows + 1], then the points. */
  readonly members: string;
  /** Index of the count of points in `counts`. Required by the kernel. */
  readonly points?: number;
  readonly mode: "mean" | "sum" | "max";
  /** Points of a row that count at most, the first ones; 0: all. */
  readonly most: number;
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess;
}

/** Linear between the rows at the corners around each point. */
export interface DevoxelizeSpec extends KernelHead {
  readonly kind: "devoxelize";
  readonly source: RowAccess;
  /** A tap per corner: bit `axes − 1 − a` says whether it is the upper one along axis a. */
  readonly map: MapAccess;
  /** Per axis, how far the point is from the lower corner to the upper one. */
  readonly fractions: RowAccess;
  /** Whether weights are scaled to a sum of 1 over the corners that are there. */
  readonly scaled: boolean;
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess;
}

/** Rows must be sorted by batch, or read through `order`, a one-tap map onto the sorted copy of the site set. */
export interface GlobalPoolSpec extends KernelHead {
  readonly kind: "global_pool";
  readonly source: RowAccess;
  readonly order?: MapAccess;
  /** Coordinates of the sorted rows, i32 [rows, 1 + d]. */
  readonly coords: string;
  readonly dim: number;
  /** Index of the count of the sorted rows in `counts`; `rows` is that of the batch items. Required by the kernel. */
  readonly sites?: number;
  readonly mode: "max" | "sum" | "avg";
  /** Of 8-bit numbers: sums are exact, averages trunc(mean + 0.01). */
  readonly whole?: true;
  /** One row per batch item. */
  readonly target: RowAccess;
}

/** Softmax along the channels of each row, or its logarithm. */
export interface SoftmaxSpec extends KernelHead {
  readonly kind: "softmax";
  readonly source: RowAccess;
  readonly log: boolean;
  readonly target: RowAccess;
}

/** 1 in the rows of which any channel differs from a vector, or from 0, else 0; NaN differs. */
export interface ActiveSpec extends KernelHead {
  readonly kind: "active";
  readonly source: RowAccess;
  /** Offset of the vector in the params block. */
  readonly ground?: number;
  /** One channel. */
  readonly target: RowAccess;
}

/**
 * Linear interpolation along an axis of a dense tensor of `from` cells there, to `to` cells; behind the axis lie `inside`
 * cells. Cell i lies at max(0, i · times + plus) / over, all whole numbers below 2^31.
 */
export interface InterpolateSpec extends KernelHead {
  readonly kind: "interpolate";
  readonly source: RowAccess;
  readonly from: number;
  readonly to: number;
  readonly inside: number;
  readonly times: number;
  readonly plus: number;
  readonly over: number;
  readonly target: RowAccess;
}

/** Each row joined with the row of its batch item; without a source it is that row. */
export interface BroadcastSpec extends KernelHead {
  readonly kind: "broadcast";
  readonly source?: RowAccess;
  readonly vector: RowAccess;
  readonly by: "sum" | "product" | "copy";
  /** Coordinates of the rows, i32 [rows, 1 + d]. */
  readonly coords: string;
  readonly dim: number;
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
}

/** Parts that the rows of a batch item are cut into, so that more than one workgroup or thread reduces them. */
export const CHUNKS = 32;
/** Rows of a part at least. */
export const CHUNK_LEAST = 64;

/**
 * Which rows are reduced together, in sorted order: those of each batch item, or with `whole` all of them into the row
 * of item 0. Item b's rows in sorted order, n of them, are cut into parts of max(ceil(n / {@link CHUNKS}), {@link CHUNK_LEAST}).
 */
export interface Reduced {
  readonly whole: boolean;
  /** Coordinates of the sorted rows, i32 [rows, 1 + d]; absent where rows are batch items. */
  readonly coords?: string;
  readonly dim: number;
  /** Index of the count of the rows in `counts`; `rows` is that of the batch items. Required by the kernel. */
  readonly sites?: number;
}

/**
 * Per part and channel the mean, what rounding left of it, and Σ (x − mean)². The target has a row of three vectors for
 * each part, item · CHUNKS + part; vectors are padded to a multiple of 4, parts without rows are not written.
 */
export interface MomentsSpec extends KernelHead, Reduced {
  readonly kind: "moments";
  readonly source: RowAccess;
  readonly order?: MapAccess;
  readonly target: RowAccess;
}

/** Joins the parts, and the channels of each group: per item and channel the mean, its rest, and 1 / sqrt(var + eps). */
export interface StatisticsSpec extends KernelHead, Reduced {
  readonly kind: "statistics";
  readonly source: RowAccess;
  readonly channels: number;
  readonly groups: number;
  readonly eps: number;
  readonly target: RowAccess;
}

/** ((x − mean) − rest) · factor with the statistics of the row's batch item, or with `whole` those of item 0. */
export interface NormaliseSpec extends KernelHead {
  readonly kind: "normalise";
  readonly source: RowAccess;
  readonly statistics: RowAccess;
  readonly whole: boolean;
  /** Coordinates of the rows, i32 [rows, 1 + d]; absent with `whole`. */
  readonly coords?: string;
  readonly dim: number;
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
}

/** ((x − mean) − rest) · factor with the mean and 1 / sqrt(var + eps) of the row's own channels. */
export interface RowNormSpec extends KernelHead {
  readonly kind: "row_norm";
  readonly source: RowAccess;
  readonly eps: number;
  readonly epilogue: readonly EpilogueStep[];
  readonly target: RowAccess | DenseTarget;
}

/** Decides a pruned site set: the rows of the source, one channel, that are greater than a threshold. */
export interface PruneSpec extends KernelHead {
  readonly kind: "prune";
  readonly source: RowAccess;
  /** A float32. */
  readonly above: number;
  /** Id of the set that is made. */
  readonly sites: string;
}

/** What a dense tensor holds before rows are scattered into it: one number per channel. */
export interface FillSpec extends KernelHead {
  readonly kind: "fill";
  /** One row per batch item: all cells of all channels. */
  readonly target: RowAccess;
  readonly channels: number;
  /** Cells of one channel that lie together: all of them, or 1 where channels come last. */
  readonly run: number;
  /** Offset of the numbers in the params block. */
  readonly at: number;
}

export type FeatureSpec = ConvSpec | GroupedSpec | PairSpec | PointwiseSpec | PoolSpec | GlobalPoolSpec | SoftmaxSpec | ActiveSpec | InterpolateSpec | BroadcastSpec | MomentsSpec | StatisticsSpec | NormaliseSpec | RowNormSpec | PruneSpec | FillSpec | VoxelizeSpec | DevoxelizeSpec;

export interface KernelBinding {
  readonly role: string;
  readonly access: "read" | "read_write";
}

/** A generated kernel: WGSL text and how to launch it. Binding i is `@group(0) @binding(i)`. */
export interface Kernel {
  readonly name: string;
  readonly code: string;
  readonly bindings: readonly KernelBinding[];
  /**
   * Workgroups = ceil(rows / rowsPerGroup) · groupsPerTile, launched as x = min(n, 65535), y = ceil(n / x); the kernel
   * linearises and leaves early beyond the true count. For global_pool `rows` is the batch size.
   */
  readonly rowsPerGroup: number;
  readonly groupsPerTile: number;
  /** Launched with z = 2 on fewer rows than these: each workgroup then has half of the columns. Same bits. */
  readonly halvedBelow?: number;
  /** Bytes of workgroup memory, at most 16 KiB on portable limits. */
  readonly workgroupBytes: number;
  /** Whether it needs the device's subgroups. */
  readonly subgroups?: true;
}

/** Roles with a fixed meaning: `counts` (u32 storage, read) and `params` (f32 block, read). */
export const COUNTS = "counts";
export const PARAMS = "params";

/** Vector `part` (0 mean, 1 its rest, 2 squares or factor) of rows of three padded vectors. */
export const momentOf = (rows: RowAccess, part: 0 | 1 | 2): RowAccess => ({ ...rows, channels: rows.stride / 3, offset: (rows.stride / 3) * part });

/** Columns and channel vectors in the params block are padded to a multiple of 4 with zeros. */
export const pad4 = (n: number): number => (n + 3) & ~3;
