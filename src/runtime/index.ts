/** What an emitted module needs at run time. No dependency, no compiler. */
export { createNetwork } from "./network.ts";
export { SpnetError } from "./errors.ts";
export type {
  CoordsInput, CreateOptions, DenseOutput, FeatOutput, FeaturesInput, MemoryReport, Network, PrepareOptions, RunOptions, Scene, SceneReport, StepTime, Weights,
} from "./api.ts";
export type { DuplicatePolicy, GpuRows } from "./inputs.ts";
export type { WeightTensor } from "./load.ts";
export type { KernelInterface, Progress } from "./gpu-context.ts";
export type { BufferPlan, InputPlan, OutputPlan, Plan, StepBinding, StepPlan } from "./plan.ts";
