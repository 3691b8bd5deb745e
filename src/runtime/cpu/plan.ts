import type { PlannedSite } from "../geometry/plan.ts";
import type { LoadOp, ParamBlock } from "../load.ts";
import type { BufferPlan, FractionsPlan, InputPlan, OutputPlan, Rows, StepBinding, StepPlan } from "../plan.ts";

/** A site set and the functions that build it. */
export interface CpuSite extends PlannedSite {
  readonly kind: "input" | "cells" | "voxels" | "members" | "reach" | "floor" | "generate" | "union" | "prune";
  /** Marks the set's cells: from the caller's rows, or from those of each parent. */
  readonly mark: string;
  /** Of pruned sets: marks their cells from the parent's rows with a mask; `mark` takes all. */
  readonly pruned?: string;
  /** Ranks and sorted coordinates. */
  readonly emit: string;
  /** Of inputs: bounds of the caller's rows, and the sorted row of each. */
  readonly check?: string;
  readonly place?: string;
}

/** One search, per axis in = stride·out − padding + tap·dilation, and its functions by form. */
export interface CpuRulebook {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  /** Lists by output tile, and by input tile. */
  readonly forward?: string;
  readonly transposed?: string;
}

/** What a step's argument is bound to: as on the GPU, or the row count of a site set. */
export type CpuBinding = Exclude<StepBinding, { readonly bind: "counts" }> | { readonly bind: "rows"; readonly site: number };

/** One function of the feature phase, or a pruning between functions. */
export interface CpuStep {
  readonly kernel: string;
  readonly source: string;
  readonly rows: Rows;
  /** Units = ceil(rows / rowsPerUnit) · groups. */
  readonly rowsPerUnit: number;
  readonly groups: number;
  readonly bindings: readonly CpuBinding[];
  readonly macs: StepPlan["macs"];
  /** Instead of a function: makes a pruned site set and what derives from it, by a mask in the buffer that is bound; `stride` and `offset` in floats. */
  readonly prune?: { readonly site: number; readonly stride: number; readonly offset: number; readonly above: number };
}

/**
 * `strict`: every product and sum is rounded, the same bits on every machine. `fused`: products are added without being
 * rounded where the machine can (all x86-64 with FMA, all 64-bit ARM): faster, closer to the exact value, but the
 * last bits depend on the machine.
 */
export type Arithmetic = "strict" | "fused";

/** A network for the CPU target, as data. */
export interface CpuPlan {
  readonly name: string;
  readonly inputs: readonly InputPlan[];
  readonly outputs: readonly OutputPlan[];
  readonly fractions?: readonly FractionsPlan[];
  readonly load: readonly LoadOp[];
  readonly blocks: readonly ParamBlock[];
  readonly geometry: { readonly sites: readonly CpuSite[]; readonly rulebooks: readonly CpuRulebook[] };
  readonly buffers: readonly BufferPlan[];
  readonly steps: readonly CpuStep[];
  readonly arithmetic: Arithmetic;
  /** Cells of the largest grid that is looked up by bitmap; larger ones are hashed. */
  readonly bitmapCells: number;
  /** Functions that multiply lists of pairs, with their shapes: known answers are checked on them. */
  readonly checks: readonly { readonly name: string; readonly cin: number; readonly stride: number; readonly accStride: number; readonly vectors: number; readonly matrixVectors?: number; readonly masks?: string }[];
  /** Bytes of scratch memory of one thread. */
  readonly scratch: number;
  /** First byte of memory that constant tables leave free. */
  readonly heap: number;
}
