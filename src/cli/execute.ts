/** Runs a compiled network on a scene, whichever its target. */
import type { DenseOutput, FeatOutput, Network, Plan, CpuPlan, SceneReport, StepTime } from "../runtime/index.ts";
import { denseItems, type Outputs, type OutputValue, type SceneInputs } from "./files/scene.ts";

export interface Execution {
  readonly outputs: Outputs;
  /** What ran, in words, and the name of its software driver if it is one. */
  readonly adapter: string;
  readonly software: string | undefined;
  readonly report: SceneReport;
  /** Each step with its time, when profiled. */
  readonly steps: readonly StepTime[];
  /** Milliseconds: kernels and weights, coordinates, features. */
  readonly times: { readonly create: number; readonly prepare: number; readonly run: number };
}

export interface ExecuteOptions {
  /** Waits for every step to time it. */
  readonly profile: boolean;
}

type AnyOutputs = Readonly<Record<string, FeatOutput | DenseOutput>>;
export type AnyNetwork = Network<Readonly<Record<string, unknown>>, AnyOutputs>;

/** Sites and rulebooks, then features; the network is disposed in the end. */
export async function execute(open: () => Promise<AnyNetwork>, scene: SceneInputs, options: ExecuteOptions): Promise<Execution> {
  const [net, create] = await timed(open);
  try {
    const { coords, features, batch } = givenOf(scene);
    const [kept, prepare] = await timed(() => net.prepare(coords, { batch }));
    const [outputs, run] = await timed(() => kept.run(features));
    const steps = options.profile ? (await kept.profile(features)).steps : [];
    kept.dispose();
    return { outputs: readOutputs(net.plan, outputs), adapter: net.adapter, software: undefined, report: kept.report, steps, times: { create, prepare, run } };
  } finally {
    net.dispose();
  }
}

/** A scene as `prepare` and the runs of what it makes take it. */
export function givenOf(scene: SceneInputs): { readonly coords: Record<string, Int32Array | Float32Array>; readonly features: Record<string, Float32Array>; readonly batch: number } {
  const sparse = [...scene].filter(([, input]) => input.dense !== true);
  return {
    coords: Object.fromEntries(sparse.map(([name, input]) => [name, input.coords])),
    features: Object.fromEntries([...scene].map(([name, input]) => [name, input.features])),
    batch: denseItems(scene) ?? 0,
  };
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** Outputs by name, as files and comparisons take them. */
export function readOutputs(plan: Plan | CpuPlan, outputs: AnyOutputs): Outputs {
  return new Map(plan.outputs.map(({ name, buffer }) => [name, readOutput(outputs[name]!, axesOf(plan, buffer))]));
}

/** Number of axes of the sites whose rows a buffer holds. */
function axesOf(plan: Plan | CpuPlan, buffer: number): number {
  const { rows } = plan.buffers[buffer]!;
  return rows === "batch" ? 0 : plan.geometry.sites[rows.site]!.dim;
}

function readOutput(output: FeatOutput | DenseOutput, dim: number): OutputValue {
  if ("shape" in output) return { kind: "dense", shape: output.shape, data: output.data };
  return { kind: "feat", dim, coords: output.coords, channels: output.channels, features: output.features };
}
