/** What an emitted module needs at run time. No dependency, no compiler. */
export { openNetwork, type Targets } from "./create.ts";
export { createNetwork } from "./network.ts";
export { openCpu } from "./cpu/open.ts";
export { fromDense, type DenseInput } from "./from-dense.ts";
export type { ShapedTensor, TensorInput } from "./dense-inputs.ts";
export { SpnetError } from "./errors.ts";
export type {
  CoordsInput, CreateOptions, DenseGiven, DenseOutput, FeatOutput, FeaturesInput, GivenInputs, InputCoords, MemoryReport, Network, PrepareOptions, Progress, RunOptions, Scene, SceneReport,
  SparseInput, StepTime, Weights,
} from "./api.ts";
export type { DuplicatePolicy, GpuRows } from "./inputs.ts";
export type { WeightTensor } from "./load.ts";
export type { CpuBinding, CpuPlan, CpuRulebook, CpuSite, CpuStep } from "./cpu/plan.ts";
export type { BufferPlan, InputPlan, KernelInterface, OutputPlan, Plan, StepBinding, StepPlan } from "./plan.ts";
