import type { CpuPlan } from "./cpu/plan.ts";
import type { TensorInput } from "./dense-inputs.ts";
import type { DuplicatePolicy, GpuRows } from "./inputs.ts";
import type { WeightTensor } from "./load.ts";
import type { Plan } from "./plan.ts";

/** Weights by their names in the file: a safetensors file's bytes, a lookup, or a plain object. */
export type Weights = ArrayBuffer | Uint8Array | ((name: string) => WeightTensor | undefined) | Readonly<Record<string, WeightTensor>>;

export interface Progress {
  readonly phase: "weights" | "compile";
  readonly done: number;
  readonly total: number;
}

export interface CreateOptions {
  readonly weights: Weights;
  /** A device of yours; it is never destroyed here. */
  readonly device?: GPUDevice;
  /** Where to ask for an adapter when no device is given; default `navigator.gpu`. In Node: `create([])` of the package `webgpu`. */
  readonly gpu?: GPU;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
  /** Where to run. Default: WebGPU where there is a GPU or a device is given, else the CPU, and one line says so. */
  readonly target?: "webgpu" | "wasm";
  /** CPU: worker threads; default one per processor, 0 computes on the calling thread. */
  readonly threads?: number;
  /**
   * CPU: vectors of 128 bits (`plain`), or neighbours joined to 256 by V8 of Node 24 and later (`wide`, which sets a flag
   * of the whole process). The results have the same bits. Default `auto`: as the process was started.
   */
  readonly lanes?: "auto" | "wide" | "plain";
  /** Told, in one line, what was chosen and why; default the console. */
  readonly onNotice?: (line: string) => void;
  /** What to do when two rows of an input name one site; default `error`. */
  readonly duplicates?: DuplicatePolicy;
}

/** Coordinates i32 [rows, 1 + d], batch first, axes as in the file; of points their positions, f32 [points, 1 + d]. */
export type CoordsInput = ArrayLike<number> | GpuRows;
/** Features f32 [rows, channels]. */
export type FeaturesInput = ArrayLike<number> | GpuRows;

/** What `run` takes for an input on sites. */
export interface SparseInput {
  readonly coords: CoordsInput;
  readonly features: FeaturesInput;
}

/** What `run` takes for a dense input; rows in a buffer are the cells in order, with their channels side by side. */
export type DenseGiven = TensorInput | GpuRows;

/** What `run` takes for each input of a network. */
export type GivenInputs<Inputs> = {
  readonly [K in keyof Inputs]: Inputs[K] extends TensorInput ? DenseGiven : unknown extends Inputs[K] ? SparseInput | DenseGiven : SparseInput;
};

/** The coordinates that `prepare` takes: of all inputs that are on sites. */
export type InputCoords<Inputs> = { readonly [K in keyof Inputs as Inputs[K] extends TensorInput ? never : K]: CoordsInput };

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** `gpu` leaves outputs in buffers of the device, which the caller then owns. */
  readonly output?: "cpu" | "gpu";
  /**
   * Arrays that outputs are written into, by name; what comes back is a view of an array's first numbers. Without one every
   * run makes an array anew, and the system finds memory for it, which takes longer than the copy where outputs are large.
   */
  readonly into?: Readonly<Record<string, Float32Array>>;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal;
  /** Batch items; default: those of the dense inputs of a run, or else as many as the coordinates name, or else one. */
  readonly batch?: number;
}

/** Rows on a site set. On an input's sites they follow the caller's rows; other sets are sorted by batch, then axes. Coordinates of points are [batch item, number of the point]. */
export interface FeatOutput {
  readonly rows: number;
  readonly channels: number;
  readonly coords: Int32Array;
  readonly features: Float32Array;
  /** Instead of `features` when the run asked for GPU outputs; f32 [rows, channels]. */
  readonly buffer?: GPUBuffer;
  /** Instead of `coords` then; i32 [rows, 1 + d]. */
  readonly coordsBuffer?: GPUBuffer;
}

/** A dense tensor, batch first, or one row per batch item. */
export interface DenseOutput {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly buffer?: GPUBuffer;
}

/** Sites and pairs as the device counted them. */
export interface SceneReport {
  readonly batch: number;
  /** By site set, in derivation order. */
  readonly sites: readonly { readonly id: string; readonly rows: number }[];
  readonly rulebooks: readonly { readonly name: string; readonly from: string; readonly to: string; readonly pairs: number }[];
  readonly memory: MemoryReport;
}

/** Bytes of one scene. `lowerBound`: the most bytes of live values at any step, at their actual counts. */
export interface MemoryReport {
  readonly planned: number;
  readonly lowerBound: number;
}

export interface StepTime {
  readonly kernel: string;
  readonly source: string;
  readonly rows: number;
  readonly pairs: number;
  readonly macs: number;
  readonly milliseconds: number;
}

/** Sites and rulebooks of one set of coordinates, kept for any number of runs. */
export interface Scene<Outputs> {
  readonly report: SceneReport;
  /** One submit, one readback. */
  run(features: Readonly<Record<string, FeaturesInput | DenseGiven>>, options?: RunOptions): Promise<Outputs>;
  /** Runs step by step, each waited for: slower than `run`, but says where the time goes. */
  profile(features: Readonly<Record<string, FeaturesInput | DenseGiven>>): Promise<{ readonly outputs: Outputs; readonly steps: readonly StepTime[] }>;
  dispose(): void;
}

export interface Network<Inputs, Outputs> {
  /** What runs, as data. */
  readonly plan: Plan | CpuPlan;
  /** Where it runs. */
  readonly target: "webgpu" | "wasm";
  /** What runs, in words: the adapter, or threads and lanes. */
  readonly adapter: string;
  /** The GPU's device; undefined on the CPU. */
  readonly device: GPUDevice | undefined;
  /** Builds sites and rulebooks: one submit and one readback of the counts. Repeats, larger, when a guess was too small. */
  prepare(coords: InputCoords<Inputs>, options?: PrepareOptions): Promise<Scene<Outputs>>;
  /** Both at once in one submit, with room from the last run; grows and repeats when it was too small. */
  run(inputs: GivenInputs<Inputs>, options?: PrepareOptions & RunOptions): Promise<Outputs>;
  dispose(): void;
}
