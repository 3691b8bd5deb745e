import type { Progress } from "./api.ts";
import type { OpenedDevice } from "./device.ts";
import { SpnetError, throwIfAborted } from "./errors.ts";
import type { KernelInterface } from "./plan.ts";

/** WebGPU's usage and map flags by their specified values, so that the run time needs no global of the platform. */
const USAGE = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 } as const;
const MAP_READ = 1;

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** A device with what the run time asks of it: pipelines, checked allocation, one readback. */
export class GpuContext {
  readonly device: GPUDevice;
  readonly adapter: string;
  readonly pipelines = new Map<string, Pipeline>();
  readonly #owned: boolean;
  readonly #uploads: GPUBuffer[] = [];
  /** What WebGPU had to say against the last submit, undefined for nothing. */
  #submitted: Promise<string | undefined> = Promise.resolve(undefined);
  #lost: string | undefined;
  #disposed = false;

  constructor(opened: OpenedDevice) {
    this.device = opened.device;
    this.adapter = opened.adapter;
    this.#owned = opened.owned;
    void opened.device.lost.then((info) => {
      this.#lost = `${info.reason}: ${info.message}`;
    });
  }

  /** SP0610 the device is lost, SP0621 the network was disposed. */
  check(): void {
    if (this.#disposed) throw new SpnetError("SP0621", "this network has been disposed");
    if (this.#lost !== undefined) throw new SpnetError("SP0610", `the GPU device was lost (${this.#lost}): create the network anew`);
  }

  /** Compiles every kernel without blocking; progress after each. SP0604 carries the messages of the shader compiler. */
  async compile(kernels: readonly KernelInterface[], code: Readonly<Record<string, string>>, onProgress: ((p: Progress) => void) | undefined, signal: AbortSignal | undefined): Promise<void> {
    let done = 0;
    await Promise.all(
      kernels.map(async (kernel) => {
        throwIfAborted(signal);
        this.pipelines.set(kernel.name, await this.#compileOne(kernel, code[kernel.name] ?? ""));
        throwIfAborted(signal);
        onProgress?.({ phase: "compile", done: ++done, total: kernels.length });
      }),
    );
  }

  async #compileOne(kernel: KernelInterface, code: string): Promise<Pipeline> {
    const entries = kernel.access.map(
      (access, binding): GPUBindGroupLayoutEntry => ({ binding, visibility: 4, buffer: { type: access === "read" ? "read-only-storage" : "storage" } }),
    );
    const layout = this.device.createBindGroupLayout({ label: kernel.name, entries });
    const module = this.device.createShaderModule({ label: kernel.name, code });
    try {
      const pipeline = await this.device.createComputePipelineAsync({
        label: kernel.name,
        layout: this.device.createPipelineLayout({ label: kernel.name, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: kernel.name },
      });
      return { pipeline, layout };
    } catch (cause) {
      const info = await module.getCompilationInfo();
      const messages = info.messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`);
      throw new SpnetError("SP0604", `kernel ${kernel.name} does not compile: ${messages.join("; ") || String(cause)}`, { kernel: kernel.name, messages });
    }
  }

  /** A storage buffer, zero-filled. SP0611 when it is larger than the device allows. */
  storage(label: string, bytes: number): GPUBuffer {
    return this.#buffer(label, bytes, USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST);
  }

  staging(bytes: number): GPUBuffer {
    return this.#buffer("readback", bytes, USAGE.MAP_READ | USAGE.COPY_DST);
  }

  /** A buffer that holds `data`, mapped at creation; destroyed when the work submitted next is done. */
  upload(data: Float32Array<ArrayBuffer>): GPUBuffer {
    this.check();
    const buffer = this.device.createBuffer({ label: "upload", size: data.byteLength, usage: USAGE.COPY_SRC, mappedAtCreation: true });
    new Float32Array(buffer.getMappedRange()).set(data);
    buffer.unmap();
    this.#uploads.push(buffer);
    return buffer;
  }

  /** Submits one command buffer; uploads made for it are released when it has run. */
  submit(encoder: GPUCommandEncoder): void {
    this.device.pushErrorScope("validation");
    this.device.queue.submit([encoder.finish()]);
    this.#submitted = this.device.popErrorScope().then((error) => error?.message, () => undefined);
    for (const buffer of this.#uploads.splice(0)) void this.device.queue.onSubmittedWorkDone().then(() => buffer.destroy(), () => undefined);
  }

  #buffer(label: string, bytes: number, usage: number): GPUBuffer {
    this.check();
    const size = Math.max(16, Math.ceil(bytes / 4) * 4);
    const limit = this.device.limits.maxBufferSize;
    if (size > limit) throw new SpnetError("SP0611", `${label} needs a buffer of ${size} bytes, this device allows ${limit}`, { label, needed: size, limit });
    return this.device.createBuffer({ label, size, usage });
  }

  bindGroup(kernel: string, ranges: readonly { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number }[]): GPUBindGroup {
    const limit = this.device.limits.maxStorageBufferBindingSize;
    const entries = ranges.map(({ buffer, offset, size }, binding): GPUBindGroupEntry => {
      if (size > limit) throw new SpnetError("SP0611", `kernel ${kernel} binds ${size} bytes, this device allows ${limit}`, { kernel, needed: size, limit });
      return { binding, resource: { buffer, offset, size: Math.max(4, size) } };
    });
    return this.device.createBindGroup({ label: kernel, layout: this.pipelines.get(kernel)!.layout, entries });
  }

  /** Maps a staging buffer, hands its bytes to `read` and destroys it. */
  async readBack<T>(staging: GPUBuffer, read: (bytes: ArrayBuffer) => T): Promise<T> {
    const submitted = this.#submitted;
    try {
      await staging.mapAsync(MAP_READ);
    } catch (cause) {
      this.check();
      throw new SpnetError("SP0610", `reading results back failed: ${String(cause)}`);
    }
    const refused = await submitted;
    if (refused !== undefined) throw new SpnetError("SP0690", `internal: WebGPU refused the commands: ${refused}`);
    const value = read(staging.getMappedRange());
    staging.unmap();
    staging.destroy();
    return value;
  }

  /** Ends the context; destroys the device only if the runtime made it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#owned) this.device.destroy();
  }
}

/** Records one dispatch of `groups` workgroups, folded into two dimensions beyond WebGPU's limit of one, `times` in the third. */
export function dispatch(pass: GPUComputePassEncoder, pipeline: Pipeline, group: GPUBindGroup, groups: number, times = 1): void {
  if (groups === 0) return;
  const x = Math.min(groups, 65535);
  pass.setPipeline(pipeline.pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(x, Math.ceil(groups / x), times);
}
