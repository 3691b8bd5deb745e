import type { FeatureRun } from "./features.ts";
import type { GpuContext } from "./gpu-context.ts";

/** Most queries that one set may have in WebGPU; a step takes two. */
const MOST_QUERIES = 4096;

/** GPUBufferUsage.QUERY_RESOLVE and COPY_SRC. */
const RESOLVE = 0x200 | 4;

/**
 * Milliseconds of each of `steps` steps, run one after another. The device's own clock where it has `timestamp-query`:
 * all steps in one submit, each in a pass of its own. Elsewhere a submit per step and the host's clock, which counts the
 * way there and back as well.
 */
export async function stepTimes(gpu: GpuContext, run: FeatureRun, steps: number): Promise<readonly number[]> {
  return gpu.device.features.has("timestamp-query") && 2 * steps <= MOST_QUERIES ? await deviceTimes(gpu, run, steps) : await hostTimes(gpu, run, steps);
}

async function deviceTimes(gpu: GpuContext, run: FeatureRun, steps: number): Promise<readonly number[]> {
  if (steps === 0) return [];
  const querySet = gpu.device.createQuerySet({ label: "steps", type: "timestamp", count: 2 * steps });
  const bytes = 16 * steps;
  const resolved = gpu.device.createBuffer({ label: "steps", size: bytes, usage: RESOLVE });
  const staging = gpu.staging(bytes);
  const encoder = gpu.device.createCommandEncoder({ label: "profile" });
  for (let i = 0; i < steps; i++) run.record(gpu, encoder, i, i + 1, { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 });
  encoder.resolveQuerySet(querySet, 0, 2 * steps, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
  gpu.submit(encoder);
  try {
    return await gpu.readBack(staging, (data) => {
      const nanoseconds = new BigUint64Array(data, 0, 2 * steps);
      // Never below zero: a clock may be set while it is read.
      return Array.from({ length: steps }, (_, i) => Math.max(0, Number(nanoseconds[2 * i + 1]! - nanoseconds[2 * i]!)) / 1e6);
    });
  } finally {
    querySet.destroy();
    resolved.destroy();
  }
}

async function hostTimes(gpu: GpuContext, run: FeatureRun, steps: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < steps; i++) {
    const encoder = gpu.device.createCommandEncoder({ label: "profile" });
    run.record(gpu, encoder, i, i + 1);
    const start = performance.now();
    gpu.submit(encoder);
    await gpu.device.queue.onSubmittedWorkDone();
    times.push(performance.now() - start);
  }
  return times;
}
