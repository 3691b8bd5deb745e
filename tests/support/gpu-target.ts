import { expect } from "vitest";
import { openGpu } from "./gpu.ts";
import { networkOf } from "./network-runs.ts";
import type { TestTarget } from "./target.ts";

/** WebGPU on the device of this process's environment. */
export async function gpuTarget(): Promise<TestTarget> {
  const gpu = await openGpu();
  return {
    name: "webgpu",
    open: (fused, options) => networkOf(fused, { device: gpu.device, ...options }),
    async working(body) {
      const before = gpu.counts.dispatches;
      const result = await body();
      expect(gpu.counts.dispatches).toBeGreaterThan(before);
      return result;
    },
    close: () => gpu.close(),
  };
}
