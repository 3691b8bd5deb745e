import type { Program } from "../codegen/plan/emit-module.ts";
import { createNetwork, type DenseOutput, type FeatOutput, type SceneReport, type StepTime } from "../runtime/index.ts";
import { openDevice } from "./adapter.ts";
import type { WeightLookup } from "./execute-reference.ts";
import type { Outputs, OutputValue, SceneInputs } from "./files/scene.ts";

export interface WebgpuExecution {
  readonly outputs: Outputs;
  /** Which adapter ran, in words, and the name of its software driver if it is one. */
  readonly adapter: string;
  readonly software: string | undefined;
  readonly report: SceneReport;
  /** Each step with its time, when profiled. */
  readonly steps: readonly StepTime[];
  /** Milliseconds: pipelines and weights, coordinates, features. */
  readonly times: { readonly create: number; readonly prepare: number; readonly run: number };
}

export interface WebgpuOptions {
  /** Waits for every step to time it. */
  readonly profile: boolean;
  /** Done and all pipelines. */
  readonly onProgress?: (done: number, total: number) => void;
}

type AnyOutputs = Readonly<Record<string, FeatOutput | DenseOutput>>;

/** Runs a program on WebGPU: sites and rulebooks, then features. */
export async function executeWebgpu(program: Program, scene: SceneInputs, weights: WeightLookup, options: WebgpuOptions): Promise<WebgpuExecution> {
  const opened = await openDevice();
  try {
    const kernels = Object.fromEntries(program.kernels.map((kernel) => [kernel.name, kernel.code]));
    const [net, create] = await timed(() =>
      createNetwork<AnyInputs, AnyOutputs>(program.plan, kernels, {
        weights,
        device: opened.device,
        onProgress: (progress) => {
          if (progress.phase === "compile") options.onProgress?.(progress.done, progress.total);
        },
      }),
    );
    try {
      const coords = Object.fromEntries([...scene].map(([name, input]) => [name, input.coords]));
      const features = Object.fromEntries([...scene].map(([name, input]) => [name, input.features]));
      const [kept, prepare] = await timed(() => net.prepare(coords));
      const [outputs, run] = await timed(() => kept.run(features));
      const steps = options.profile ? (await kept.profile(features)).steps : [];
      kept.dispose();
      return { outputs: readOutputs(program, outputs), adapter: opened.description, software: opened.software, report: kept.report, steps, times: { create, prepare, run } };
    } finally {
      net.dispose();
    }
  } finally {
    opened.close();
  }
}

type AnyInputs = Readonly<Record<string, unknown>>;

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

function readOutputs(program: Program, outputs: AnyOutputs): Outputs {
  return new Map(program.plan.outputs.map(({ name, buffer }) => [name, readOutput(outputs[name]!, axesOf(program, buffer))]));
}

/** Number of axes of the sites whose rows a buffer holds. */
function axesOf(program: Program, buffer: number): number {
  const { rows } = program.plan.buffers[buffer]!;
  return rows === "batch" ? 0 : program.plan.geometry.sites[rows.site]!.dim;
}

function readOutput(output: FeatOutput | DenseOutput, dim: number): OutputValue {
  if ("shape" in output) return { kind: "dense", shape: output.shape, data: output.data };
  return { kind: "feat", dim, coords: output.coords, channels: output.channels, features: output.features };
}
