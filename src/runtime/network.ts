import type { CoordsInput, CreateOptions, GivenInputs, InputCoords, Network, PrepareOptions, RunOptions, Scene } from "./api.ts";
import { batchOfTensors, isDenseInput, ownTensor, type TensorInput } from "./dense-inputs.ts";
import { openGpu } from "./device.ts";
import { SpnetError, throwIfAborted } from "./errors.ts";
import { FeatureRun } from "./features.ts";
import { layoutGeometry, readCounts, type GeometryRequest, type SceneCounts } from "./geometry/index.ts";
import { GpuContext } from "./gpu-context.ts";
import { checkInto } from "./into.ts";
import { isGpuRows, wantedBatch, type DuplicatePolicy } from "./inputs.ts";
import { packBlock, runLoadPhase } from "./load.ts";
import { OutputReader } from "./outputs.ts";
import { align } from "./placement.ts";
import type { Plan } from "./plan.ts";
import { KeptScene, collectOutputs } from "./scene.ts";
import { gatherCoords, uploadCoords, uploadFeatures, type GivenCoords } from "./scene-inputs.ts";
import { SceneMemory } from "./scene-memory.ts";
import { splitInputs } from "./split-inputs.ts";
import { chooseTarget } from "./target.ts";
import { weightLookup } from "./weights.ts";

/** Attempts with growing room before a scene is given up; each grows to what the device said it needs. */
const MAX_ATTEMPTS = 8;

/** Makes a network run on WebGPU: opens a device, folds the weights, compiles every kernel, uploads. */
export async function createNetwork<Inputs, Outputs>(plan: Plan, kernels: Readonly<Record<string, string>>, options: CreateOptions): Promise<Network<Inputs, Outputs>> {
  chooseTarget(options, ["webgpu"]);
  return await openWebgpu<Inputs, Outputs>(plan, kernels, options, false);
}

/** As `createNetwork`; with `hardware` a software adapter counts as none. Weights are read once a device is there. */
export async function openWebgpu<Inputs, Outputs>(plan: Plan, kernels: Readonly<Record<string, string>>, options: CreateOptions, hardware: boolean): Promise<Network<Inputs, Outputs>> {
  throwIfAborted(options.signal);
  const gpu = new GpuContext(await openGpu(options.device, options.gpu, { limits: plan.limits ?? {}, features: plan.features ?? [] }, hardware));
  try {
    throwIfAborted(options.signal);
    const values = runLoadPhase(plan.load, weightLookup(options.weights));
    options.onProgress?.({ phase: "weights", done: 1, total: 1 });
    await gpu.compile(plan.kernels, kernels, options.onProgress, options.signal);
    const params = uploadBlocks(gpu, plan.blocks.map((b) => packBlock(b, values)));
    return new GpuNetwork<Inputs, Outputs>(plan, gpu, params, options.duplicates ?? "error");
  } catch (cause) {
    gpu.dispose();
    throw cause;
  }
}

export interface ParamRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Puts parameter blocks into as few buffers as the device's largest buffer allows. */
function uploadBlocks(gpu: GpuContext, blocks: readonly Float32Array<ArrayBuffer>[]): readonly ParamRange[] {
  const limit = gpu.device.limits.maxBufferSize;
  const groups: { bytes: number; blocks: { data: Float32Array<ArrayBuffer>; index: number; offset: number }[] }[] = [];
  blocks.forEach((data, index) => {
    let group = groups.at(-1);
    if (group === undefined || group.bytes + align(data.byteLength) > limit) {
      group = { bytes: 0, blocks: [] };
      groups.push(group);
    }
    group.blocks.push({ data, index, offset: group.bytes });
    group.bytes += align(data.byteLength);
  });
  const ranges = new Array<ParamRange>(blocks.length);
  for (const group of groups) {
    const buffer = gpu.storage("parameters", group.bytes);
    for (const { data, index, offset } of group.blocks) {
      gpu.device.queue.writeBuffer(buffer, offset, data);
      ranges[index] = { buffer, offset, size: data.byteLength };
    }
  }
  return ranges;
}

export class GpuNetwork<Inputs, Outputs> implements Network<Inputs, Outputs> {
  readonly target = "webgpu";
  readonly plan: Plan;
  readonly gpu: GpuContext;
  readonly params: readonly ParamRange[];
  readonly duplicates: DuplicatePolicy;
  #arena: GPUBuffer | undefined;
  /** Room per site set that the next scene gets, from the last one; 0 where nothing is known. */
  readonly #room: number[];
  #salt = 0;

  constructor(plan: Plan, gpu: GpuContext, params: readonly ParamRange[], duplicates: DuplicatePolicy) {
    this.plan = plan;
    this.gpu = gpu;
    this.params = params;
    this.duplicates = duplicates;
    this.#room = plan.geometry.sites.map(() => 0);
  }

  get adapter(): string {
    return this.gpu.adapter;
  }

  get device(): GPUDevice {
    return this.gpu.device;
  }

  /** The arena shared by geometry tables and features, at least `bytes` long. Its contents last one submit. */
  arena(bytes: number): GPUBuffer {
    if (this.#arena === undefined || this.#arena.size < bytes) {
      this.#arena?.destroy();
      this.#arena = this.gpu.storage("arena", align(bytes));
    }
    return this.#arena;
  }

  async prepare(coords: InputCoords<Inputs>, options: PrepareOptions = {}): Promise<Scene<Outputs>> {
    const given = await gatherCoords(this, coords as Readonly<Record<string, CoordsInput>>, wantedBatch(options.batch));
    throwIfAborted(options.signal);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const memory = this.#attempt(given, true);
      const encoder = this.gpu.device.createCommandEncoder({ label: "prepare" });
      const arena = this.arena(memory.arenaBytes);
      uploadCoords(this.gpu, encoder, memory, given);
      memory.record(encoder, arena);
      memory.recordAll(encoder);
      const staging = this.gpu.staging(memory.counts().size);
      encoder.copyBufferToBuffer(memory.counts().buffer, 0, staging, 0, memory.counts().size);
      this.gpu.submit(encoder);
      let scene: KeptScene<Inputs, Outputs> | undefined;
      try {
        const counts = await this.gpu.readBack(staging, (bytes) => readCounts(this.plan.geometry, memory.layout, new Uint32Array(bytes)));
        if (this.#accept(memory, counts, given)) scene = new KeptScene<Inputs, Outputs>(this, memory, counts, given);
      } finally {
        if (scene === undefined) memory.dispose();
      }
      if (scene !== undefined) return scene;
      throwIfAborted(options.signal);
    }
    throw new SpnetError("SP0612", "the scene kept outgrowing its room", { room: [...this.#room] });
  }

  async run(inputs: GivenInputs<Inputs>, options: PrepareOptions & RunOptions = {}): Promise<Outputs> {
    checkInto(this.plan.outputs, options);
    const { coords, features: all } = splitInputs(this.plan, inputs);
    // Copied now: they are uploaded later, and maybe once more, when the caller may have filled their arrays anew.
    const features = Object.fromEntries(
      this.plan.inputs.map((input) => {
        const value = all[input.name]!;
        return [input.name, isGpuRows(value) ? value : isDenseInput(input) ? ownTensor(input, value as TensorInput) : new Float32Array(value as ArrayLike<number>)];
      }),
    );
    const given = await gatherCoords(this, coords, batchOfTensors(this.plan.inputs, features, wantedBatch(options.batch)));
    throwIfAborted(options.signal);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const memory = this.#attempt(given, false);
      const run = new FeatureRun(this.plan, memory.layout.capacities, given.batch);
      const arena = this.arena(Math.max(memory.arenaBytes, run.placement.peak));
      run.bind(this.gpu, memory, this.params, arena);
      const encoder = this.gpu.device.createCommandEncoder({ label: "run" });
      uploadCoords(this.gpu, encoder, memory, given);
      memory.record(encoder, arena);
      uploadFeatures(this.gpu, encoder, this.plan, run, arena, given, this.duplicates, features);
      run.record(this.gpu, encoder);
      const reader = new OutputReader(this.plan, run, memory, new Set(given.host.keys()), true);
      const collected = collectOutputs(this, encoder, run, memory, arena, reader, options);
      try {
        const finish = await collected((bytes) => readCounts(this.plan.geometry, memory.layout, new Uint32Array(bytes, reader.counts.at, reader.counts.size / 4)));
        let fits = false;
        try {
          fits = this.#accept(memory, finish.counts, given);
        } finally {
          if (!fits) finish.discard();
        }
        if (fits) return finish.outputs(finish.counts.rows, given) as Outputs;
      } finally {
        memory.dispose();
      }
      throwIfAborted(options.signal);
    }
    throw new SpnetError("SP0612", "the scene kept outgrowing its room", { room: [...this.#room] });
  }

  dispose(): void {
    for (const p of new Set(this.params.map((r) => r.buffer))) p.destroy();
    this.#arena?.destroy();
    this.gpu.dispose();
  }

  /** Memory for a scene. `keepAll`: for any number of runs, in which any rows may stay. */
  #attempt(given: GivenCoords, keepAll: boolean): SceneMemory {
    this.gpu.check();
    const bindingBytes = this.gpu.device.limits.maxStorageBufferBindingSize;
    const request: GeometryRequest = { rows: given.rows, batch: given.batch, bounds: given.bounds, capacities: [...this.#room], keepAll, salt: this.#salt, bindingBytes };
    return new SceneMemory(this.gpu, layoutGeometry(this.plan.geometry, request));
  }

  /** Takes the counts of a finished geometry phase: true when all fitted, false after making more room. */
  #accept(memory: SceneMemory, counts: SceneCounts, given: GivenCoords): boolean {
    for (const problem of counts.problems) {
      if (problem.kind !== "table-full") throw given.explain(problem.kind, problem.site, problem.row);
    }
    // A row without a free slot is bad luck of the hash function, not a fault of the input: another one places it.
    if (counts.problems.length > 0) {
      this.#salt++;
      return false;
    }
    counts.rows.forEach((n, site) => {
      const room = Math.ceil((n * 17) / 16 / 64) * 64;
      // How many sites of what derives from pruned sets there are, features decide: other ones on the same sites may give more.
      this.#room[site] = memory.madeLate(site) ? Math.max(this.#room[site]!, room) : room;
    });
    return counts.rows.every((n, site) => n <= memory.layout.capacities[site]!);
  }
}
