import { RECORD_ROWS, recordWords, volume } from "./geometry/record.ts";
import type { SceneCounts } from "./geometry/index.ts";
import type { GpuContext } from "./gpu-context.ts";
import type { Plan, StepPlan } from "./plan.ts";
import type { SceneMemory } from "./scene-memory.ts";

/**
 * Pairs of a step per entry of `macs.perPair`. A step that reads some taps of a rulebook has the pairs of those taps: its
 * block is read back and counted, so this is for profiles.
 */
export async function stepPairs(gpu: GpuContext, plan: Plan, memory: SceneMemory, counts: SceneCounts, step: StepPlan): Promise<readonly number[]> {
  const found: number[] = [];
  for (const { rulebook, taps } of step.macs.perPair) {
    found.push(taps === undefined ? counts.pairs[rulebook]! : await slicedPairs(gpu, plan, memory, step, rulebook, taps));
  }
  return found;
}

async function slicedPairs(gpu: GpuContext, plan: Plan, memory: SceneMemory, step: StepPlan, rulebook: number, taps: readonly number[]): Promise<number> {
  const bound = step.bindings.find((b) => b.bind === "map" && b.rulebook === rulebook && b.form !== "halo");
  if (bound?.bind !== "map") throw new Error(`internal: ${step.kernel} does not read rulebook ${rulebook}`);
  const { buffer, offset, size } = memory.map(rulebook, bound.form);
  if (size === 0) return 0;
  const staging = gpu.staging(size);
  const encoder = gpu.device.createCommandEncoder({ label: "pairs" });
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  gpu.submit(encoder);
  return await gpu.readBack(staging, (bytes) => countEntries(new Uint32Array(bytes, 0, size / 4), volume(plan.geometry.rulebooks[rulebook]!.kernel), taps));
}

/** Entries of some taps in a block of records whose masks say which taps a record has. */
function countEntries(block: Uint32Array, stored: number, taps: readonly number[]): number {
  const words = Math.ceil(stored / 32);
  let found = 0;
  for (let record = 0; record + recordWords(stored) <= block.length; record += recordWords(stored)) {
    for (const tap of taps) {
      if (((block[record + (tap >> 5)]! >>> (tap & 31)) & 1) === 0) continue;
      const first = record + words + tap * RECORD_ROWS;
      for (let row = 0; row < RECORD_ROWS; row++) if (block[first + row] !== 0) found++;
    }
  }
  return found;
}
