import type { DeviceFeature, NeededLimits } from "./device.ts";
import type { GeometryPlan } from "./geometry/plan.ts";
import type { LoadOp, ParamBlock } from "./load.ts";

/** Rows of a feature buffer or step: those of a site set (index into `geometry.sites`) or one per batch item. */
export type Rows = { readonly site: number } | "batch";

export interface InputPlan {
  readonly name: string;
  readonly site: number;
  readonly axes: readonly string[];
  /** Whether the caller gives positions of points along the axes instead of coordinates. */
  readonly positions?: true;
  readonly channels: number;
  readonly buffer: number;
  /** Of a dense tensor, which has no coordinates: [channels, …extents]. */
  readonly shape?: readonly number[];
}

/** A buffer that receives the places of points between the corners of their cells: per axis, from 0 at the lower one to 1. */
export interface FractionsPlan {
  /** Index of the cells. */
  readonly cells: number;
  readonly buffer: number;
}

export interface OutputPlan {
  readonly name: string;
  readonly buffer: number;
  /** feat: rows of a site set; vec: one row per batch item; dense: one tensor per batch item. */
  readonly kind: "feat" | "vec" | "dense";
  /** Of one row or batch item. */
  readonly shape: readonly number[];
  /** Of a dense output whose buffer has rows, of which it is made when it is handed over; on the CPU alone. */
  readonly deferred?: DeferredPlan;
}

/** How rows lie in their buffer, and where their channels go in a dense tensor [batch, channels · e_fold, …other extents]. */
export interface DeferredPlan {
  /** Index of the rows' site set. */
  readonly site: number;
  readonly channels: number;
  readonly stride: number;
  readonly offset: number;
  readonly extents: readonly number[];
  /** Index of the axis that is folded into channels. */
  readonly fold?: number;
  /** [batch, …extents, channels] instead. */
  readonly last?: true;
}

export interface BufferPlan {
  readonly label: string;
  readonly rows: Rows;
  /** Numbers per row or batch item. */
  readonly width: number;
  /** First and last step that touch it; −1 is before the first. */
  readonly live: readonly [first: number, last: number];
  /** Cleared before its first step. */
  readonly zero?: true;
  /** Numbers of float16 instead of float32. */
  readonly half?: true;
}

/** Bytes of one row or batch item of a buffer. */
export const rowBytes = (buffer: Pick<BufferPlan, "width" | "half">): number => buffer.width * (buffer.half === true ? 2 : 4);

export type StepBinding =
  | { readonly bind: "counts" }
  | { readonly bind: "params"; readonly block: number }
  | { readonly bind: "buffer"; readonly buffer: number }
  | { readonly bind: "map"; readonly rulebook: number; readonly form: "forward" | "transposed" | "halo" }
  | { readonly bind: "coords"; readonly site: number };

/** One kernel as the plan lists it: its name and, per binding, whether it writes. */
export interface KernelInterface {
  readonly name: string;
  readonly access: readonly ("read" | "read_write")[];
}

/** One dispatch of the feature phase, or geometry between dispatches. */
export interface StepPlan {
  readonly kernel: string;
  /** Lines of the `.spnet` source it comes from. */
  readonly source: string;
  readonly rows: Rows;
  /** Workgroups = ceil(rows / rowsPerGroup) · groupsPerTile. */
  readonly rowsPerGroup: number;
  readonly groupsPerTile: number;
  /** On fewer rows than these each workgroup is launched twice, for half of its columns each. */
  readonly halvedBelow?: number;
  readonly bindings: readonly StepBinding[];
  /** Instead of one dispatch: the pruned site set that is made, with all that derives from it, by the mask in the buffer that is bound. */
  readonly prune?: number;
  /** Multiply-accumulates per pair (with a rulebook, or some of its taps) or per row, for reports. */
  readonly macs: { readonly perRow: number; readonly perPair: readonly { readonly rulebook: number; readonly macs: number; readonly taps?: readonly number[] }[] };
}

/** Everything an emitted module knows of its network, as data. */
export interface Plan {
  readonly name: string;
  readonly inputs: readonly InputPlan[];
  readonly outputs: readonly OutputPlan[];
  readonly fractions?: readonly FractionsPlan[];
  readonly load: readonly LoadOp[];
  readonly blocks: readonly ParamBlock[];
  readonly kernels: readonly KernelInterface[];
  readonly geometry: GeometryPlan;
  readonly buffers: readonly BufferPlan[];
  readonly steps: readonly StepPlan[];
  /** Features that a device must have. */
  readonly features?: readonly DeviceFeature[];
  /** Limits that a device must have, where WebGPU's defaults are not enough. */
  readonly limits?: NeededLimits;
}
