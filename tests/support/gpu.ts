import { openDevice, type OpenDeviceOptions } from "../../src/cli/adapter.ts";
import { GROUPS_PER_ROW } from "../../src/codegen/wgsl/module.ts";
import type { Kernel } from "../../src/codegen/wgsl/spec.ts";
import { countingDevice, type DeviceCounts } from "./counting-device.ts";

export { countingDevice, type DeviceCounts } from "./counting-device.ts";

export type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** GPUBufferUsage, which Node has no global for. */
export const USAGE = { MAP_READ: 1, MAP_WRITE: 2, COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128, INDIRECT: 256 } as const;
const MAP_MODE_READ = 1;

/** How many workgroups: as the kernel says for this many rows, each halved or not, or a number. */
export type Launch = { readonly rows: number; readonly halved?: boolean } | { readonly groups: number };

export interface TestGpu {
  /** A counting stand-in for the device; give it to whatever is tested. */
  readonly device: GPUDevice;
  readonly counts: DeviceCounts;
  readonly adapter: string;
  readonly software: string | undefined;
  /** Compiles, and throws the compiler's messages with the numbered text. */
  pipeline(code: string, entry: string): Promise<GPUComputePipeline>;
  /** A storage buffer that holds `data` (at least 16 bytes, as an empty binding is an error). */
  upload(data: Words): GPUBuffer;
  read<T extends Words>(buffer: GPUBuffer, like: T): Promise<T>;
  /**
   * Runs one kernel once. `buffers` holds one array per binding role; the result holds the same roles for all
   * `read_write` bindings with what the kernel left in them.
   */
  run<B extends Record<string, Words>>(kernel: Kernel, buffers: B, launch: Launch): Promise<B>;
  /** Milliseconds for one launch: the least of `repeats` submits of `inner` launches each, waited for. */
  time(kernel: Kernel, buffers: Record<string, Words>, launch: Launch, repeats?: number, inner?: number): Promise<number>;
  close(): void;
}

/** Opens the device of this process's environment (tests/support/setup.ts). No adapter is a failure, never a skip. */
export async function openGpu(options: OpenDeviceOptions = {}): Promise<TestGpu> {
  const opened = await openDevice(options);
  const { device, counts } = countingDevice(opened.device);
  const failures: string[] = [];
  opened.device.addEventListener("uncapturederror", (event) => {
    failures.push(event.error.message);
  });
  const check = (): void => {
    if (failures.length > 0) throw new Error(`WebGPU reported: ${failures.splice(0).join("\n")}`);
  };

  const pipeline = async (code: string, entry: string): Promise<GPUComputePipeline> => {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code, label: entry });
    const scope = device.popErrorScope();
    const info = await module.getCompilationInfo();
    await scope;
    const bad = info.messages.filter((m) => m.type !== "info");
    if (bad.length > 0) throw new Error(`${bad.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join("\n")}\n${numbered(code)}`);
    return await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: entry }, label: entry });
  };

  const upload = (data: Words): GPUBuffer => {
    const buffer = device.createBuffer({
      size: Math.max(16, data.byteLength),
      usage: USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST,
    });
    if (data.byteLength > 0) device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  };

  const read = async <T extends Words>(buffer: GPUBuffer, like: T): Promise<T> => {
    if (like.byteLength === 0) return like.slice() as T;
    const staging = device.createBuffer({ size: like.byteLength, usage: USAGE.MAP_READ | USAGE.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, like.byteLength);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_MODE_READ);
    const bytes = staging.getMappedRange().slice(0);
    staging.destroy();
    check();
    if (like instanceof Float32Array) return new Float32Array(bytes) as T;
    return (like instanceof Uint32Array ? new Uint32Array(bytes) : new Int32Array(bytes)) as T;
  };

  const prepare = async (kernel: Kernel, buffers: Record<string, Words>) => {
    const compiled = await pipeline(kernel.code, kernel.name);
    const bound = kernel.bindings.map(({ role }) => {
      const data = buffers[role];
      if (data === undefined) throw new Error(`no buffer for binding ${role}`);
      return { role, buffer: upload(data) };
    });
    const group = device.createBindGroup({
      layout: compiled.getBindGroupLayout(0),
      entries: bound.map(({ buffer }, binding) => ({ binding, resource: { buffer } })),
    });
    return { compiled, bound, group };
  };

  const submit = (compiled: GPUComputePipeline, group: GPUBindGroup, groups: number, times: number, depth = 1): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(compiled);
    pass.setBindGroup(0, group);
    const x = Math.min(groups, GROUPS_PER_ROW);
    for (let i = 0; i < times && groups > 0; i++) pass.dispatchWorkgroups(x, Math.ceil(groups / x), depth);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };

  return {
    device,
    counts,
    adapter: opened.description,
    software: opened.software,
    pipeline,
    upload,
    read,
    run: async <B extends Record<string, Words>>(kernel: Kernel, buffers: B, launch: Launch): Promise<B> => {
      const { compiled, bound, group } = await prepare(kernel, buffers);
      submit(compiled, group, workgroups(kernel, launch), 1, "rows" in launch && launch.halved === true ? 2 : 1);
      const out: Record<string, Words> = {};
      for (const { role, buffer } of bound) {
        const writable = kernel.bindings.some((b) => b.role === role && b.access === "read_write");
        const data = buffers[role];
        if (writable && data !== undefined) out[role] = await read(buffer, data);
        buffer.destroy();
      }
      check();
      return out as B;
    },
    time: async (kernel, buffers, launch, repeats = 3, inner = 1) => {
      const { compiled, bound, group } = await prepare(kernel, buffers);
      let best = Infinity;
      for (let i = 0; i <= repeats; i++) {
        await device.queue.onSubmittedWorkDone();
        const start = performance.now();
        submit(compiled, group, workgroups(kernel, launch), inner);
        await device.queue.onSubmittedWorkDone();
        // The first round compiles for the machine and is not counted.
        if (i > 0) best = Math.min(best, (performance.now() - start) / inner);
      }
      for (const { buffer } of bound) buffer.destroy();
      check();
      return best;
    },
    close: () => {
      opened.close();
      check();
    },
  };
}

/** Workgroups of a launch, before they are spread over x and y. */
export function workgroups(kernel: Kernel, launch: Launch): number {
  return "groups" in launch ? launch.groups : Math.ceil(launch.rows / kernel.rowsPerGroup) * kernel.groupsPerTile;
}

const numbered = (code: string): string =>
  code.split("\n").map((line, i) => `${String(i + 1).padStart(4)} ${line}`).join("\n");
