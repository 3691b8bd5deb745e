import type { DenseGiven, DenseOutput, FeatOutput, FeaturesInput, RunOptions, Scene, SceneReport, StepTime } from "./api.ts";
import { SpnetError, throwIfAborted } from "./errors.ts";
import { FeatureRun } from "./features.ts";
import { readCounts, type SceneCounts } from "./geometry/index.ts";
import { checkInto } from "./into.ts";
import type { GpuNetwork } from "./network.ts";
import { OutputReader, recordGpuOutputs, siteOf } from "./outputs.ts";
import type { GivenCoords } from "./scene-inputs.ts";
import { uploadFeatures } from "./scene-inputs.ts";
import type { SceneMemory } from "./scene-memory.ts";
import { stepPairs } from "./step-pairs.ts";
import { stepTimes } from "./step-times.ts";

type Output = FeatOutput | DenseOutput;

/** Sites and rulebooks on the device, with feature memory of exact size. */
export class KeptScene<Inputs, Outputs> implements Scene<Outputs> {
  readonly report: SceneReport;
  readonly #net: GpuNetwork<Inputs, Outputs>;
  readonly #memory: SceneMemory;
  readonly #counts: SceneCounts;
  readonly #given: GivenCoords;
  readonly #run: FeatureRun;
  #disposed = false;

  constructor(net: GpuNetwork<Inputs, Outputs>, memory: SceneMemory, counts: SceneCounts, given: GivenCoords) {
    this.#net = net;
    this.#memory = memory;
    this.#counts = counts;
    this.#given = given;
    this.#run = new FeatureRun(net.plan, counts.rows, given.batch);
    this.report = sceneReport(net, memory, counts, given, this.#run);
  }

  async run(features: Readonly<Record<string, FeaturesInput | DenseGiven>>, options: RunOptions = {}): Promise<Outputs> {
    this.#check(options.signal);
    checkInto(this.#net.plan.outputs, options);
    const { arena, encoder } = this.#begin(features);
    this.#run.record(this.#net.gpu, encoder);
    return this.#collect(encoder, arena, options);
  }

  async profile(features: Readonly<Record<string, FeaturesInput | DenseGiven>>): Promise<{ readonly outputs: Outputs; readonly steps: readonly StepTime[] }> {
    this.#check(undefined);
    const { gpu, plan } = this.#net;
    const { arena, encoder } = this.#begin(features);
    gpu.submit(encoder);
    await gpu.device.queue.onSubmittedWorkDone();
    const times = await stepTimes(gpu, this.#run, plan.steps.length);
    const steps: StepTime[] = [];
    const found = plan.steps.some((step) => step.prune !== undefined) ? await this.#readCounts() : this.#counts;
    for (const [i, step] of plan.steps.entries()) {
      const rows = step.rows === "batch" ? this.#given.batch : found.rows[step.rows.site]!;
      const counts = await stepPairs(gpu, plan, this.#memory, found, step);
      const pairs = counts.reduce((a, b) => a + b, 0);
      const macs = step.macs.perPair.reduce((n, p, k) => n + counts[k]! * p.macs, rows * step.macs.perRow);
      steps.push({ kernel: step.kernel, source: step.source, rows, pairs, macs, milliseconds: times[i]! });
    }
    const last = gpu.device.createCommandEncoder({ label: "outputs" });
    return { outputs: await this.#collect(last, arena, {}), steps };
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#memory.dispose();
  }

  #check(signal: AbortSignal | undefined): void {
    this.#net.gpu.check();
    if (this.#disposed) throw new SpnetError("SP0621", "this scene has been disposed");
    throwIfAborted(signal);
  }

  #begin(features: Readonly<Record<string, FeaturesInput | DenseGiven>>): { readonly arena: GPUBuffer; readonly encoder: GPUCommandEncoder } {
    const { gpu, plan, params, duplicates } = this.#net;
    const arena = this.#net.arena(this.#run.placement.peak);
    this.#run.bind(gpu, this.#memory, params, arena);
    const encoder = gpu.device.createCommandEncoder({ label: "scene.run" });
    uploadFeatures(gpu, encoder, plan, this.#run, arena, this.#given, duplicates, features);
    return { arena, encoder };
  }

  async #readCounts(): Promise<SceneCounts> {
    const { gpu } = this.#net;
    const { buffer, size } = this.#memory.counts();
    const staging = gpu.staging(size);
    const encoder = gpu.device.createCommandEncoder({ label: "counts" });
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
    gpu.submit(encoder);
    return await gpu.readBack(staging, (bytes) => this.#countsOf(new Uint32Array(bytes, 0, size / 4)));
  }

  /** Counts of a run. Every set fits, since it has no more sites than when all rows stay; only a hash table can still be full by bad luck. */
  #countsOf(words: Uint32Array): SceneCounts {
    const counts = readCounts(this.#net.plan.geometry, this.#memory.layout, words);
    if (counts.overflow) throw new SpnetError("SP0612", "a site set that depends on data found no room: prepare the scene anew");
    return counts;
  }

  async #collect(encoder: GPUCommandEncoder, arena: GPUBuffer, options: RunOptions): Promise<Outputs> {
    const { late } = this.#memory;
    const reader = new OutputReader(this.#net.plan, this.#run, this.#memory, new Set(this.#given.host.keys()), late);
    const counts = (bytes: ArrayBuffer): SceneCounts => (late ? this.#countsOf(new Uint32Array(bytes, reader.counts.at, reader.counts.size / 4)) : this.#counts);
    const finish = await collectOutputs(this.#net, encoder, this.#run, this.#memory, arena, reader, options)(counts);
    return finish.outputs(finish.counts.rows, this.#given) as Outputs;
  }
}

/** Counts of a finished run and its outputs, once the true row numbers are known. */
interface Finished {
  readonly counts: SceneCounts;
  outputs(rows: readonly number[], given: GivenCoords): Record<string, Output>;
  /** Instead of `outputs`, when nobody takes them. */
  discard(): void;
}

/** Records the copies of outputs, submits, and returns how to wait for them: one readback, or none for GPU outputs. */
export function collectOutputs<Inputs, Outputs>(
  net: GpuNetwork<Inputs, Outputs>, encoder: GPUCommandEncoder, run: FeatureRun, memory: SceneMemory,
  arena: GPUBuffer, reader: OutputReader, options: RunOptions,
): (counts: (bytes: ArrayBuffer) => SceneCounts) => Promise<Finished> {
  const { gpu, plan } = net;
  if (options.output === "gpu") {
    const buffers = recordGpuOutputs(gpu, encoder, plan, run, memory, arena);
    const staging = reader.counts.size === 0 ? undefined : gpu.staging(reader.counts.size);
    if (staging !== undefined) encoder.copyBufferToBuffer(memory.counts().buffer, 0, staging, 0, reader.counts.size);
    gpu.submit(encoder);
    const discard = (): void => {
      for (const { buffer, coordsBuffer } of buffers.values()) for (const b of [buffer, coordsBuffer]) b?.destroy();
    };
    return async (counts) => {
      try {
        const read = staging === undefined ? counts(new ArrayBuffer(0)) : await gpu.readBack(staging, counts);
        return { counts: read, outputs: (rows, given) => gpuOutputs(net, buffers, rows, given.batch), discard };
      } catch (cause) {
        discard();
        throw cause;
      }
    };
  }
  const staging = gpu.staging(reader.bytes);
  reader.record(encoder, memory, arena, staging);
  gpu.submit(encoder);
  return async (counts) => {
    const bytes = await gpu.readBack(staging, (data) => data.slice(0));
    return { counts: counts(bytes), outputs: (rows, given) => reader.read(bytes, rows, given.batch, given.host, options.into), discard: () => undefined };
  };
}

function gpuOutputs<Inputs, Outputs>(net: GpuNetwork<Inputs, Outputs>, buffers: ReturnType<typeof recordGpuOutputs>, rows: readonly number[], batch: number): Record<string, Output> {
  const nothing = new Float32Array(0);
  return Object.fromEntries(net.plan.outputs.map((output): [string, Output] => {
    const site = siteOf(net.plan, output);
    const { buffer, coordsBuffer } = buffers.get(output.name)!;
    if (site === undefined) return [output.name, { shape: [batch, ...output.shape], data: nothing, buffer }];
    return [output.name, { rows: rows[site]!, channels: output.shape[0]!, coords: new Int32Array(0), features: nothing, buffer, coordsBuffer: coordsBuffer! }];
  }));
}

function sceneReport<Inputs, Outputs>(net: GpuNetwork<Inputs, Outputs>, memory: SceneMemory, counts: SceneCounts, given: GivenCoords, run: FeatureRun): SceneReport {
  const { geometry } = net.plan;
  const kept = memory.layout.liveBytes(counts);
  return {
    batch: given.batch,
    sites: geometry.sites.map((s, i) => ({ id: s.id, rows: counts.rows[i]! })),
    rulebooks: geometry.rulebooks.map((r, i) => ({ name: r.name, from: geometry.sites[r.from]!.id, to: geometry.sites[r.to]!.id, pairs: counts.pairs[i]! })),
    memory: {
      planned: memory.bytes + Math.max(memory.arenaBytes, run.placement.peak),
      lowerBound: kept.scene + Math.max(kept.tables, run.placement.lowerBound),
    },
  };
}
