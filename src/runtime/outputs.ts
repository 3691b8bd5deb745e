import type { DenseOutput, FeatOutput, RunOptions } from "./api.ts";
import type { FeatureRun } from "./features.ts";
import type { GpuContext } from "./gpu-context.ts";
import { deliver } from "./into.ts";
import type { OutputPlan, Plan } from "./plan.ts";
import type { SceneMemory } from "./scene-memory.ts";

/** What a readback copies: outputs, coordinates of derived sets, and possibly the counts, at byte offsets of one buffer. */
interface Slot {
  readonly output: OutputPlan;
  readonly features: { readonly at: number; readonly size: number };
  readonly coords: { readonly at: number; readonly size: number } | undefined;
}

/** Gathers the outputs of a run in one staging buffer, so that one map reads them all. */
export class OutputReader {
  readonly #plan: Plan;
  readonly #run: FeatureRun;
  readonly #slots: Slot[] = [];
  readonly counts: { readonly at: number; readonly size: number };
  readonly bytes: number;

  constructor(plan: Plan, run: FeatureRun, memory: SceneMemory, callerCoords: ReadonlySet<number>, withCounts: boolean) {
    this.#plan = plan;
    this.#run = run;
    let at = 0;
    const take = (size: number): { at: number; size: number } => {
      const slot = { at, size };
      at += Math.ceil(size / 4) * 4;
      return slot;
    };
    this.counts = take(withCounts ? memory.counts().size : 0);
    for (const output of plan.outputs) {
      const features = take(run.range(output.buffer).size);
      const site = siteOf(plan, output);
      const coords = site === undefined || callerCoords.has(site) ? undefined : take(run.rows({ site }) * (plan.geometry.sites[site]!.dim + 1) * 4);
      this.#slots.push({ output, features, coords });
    }
    this.bytes = at;
  }

  record(encoder: GPUCommandEncoder, memory: SceneMemory, arena: GPUBuffer, staging: GPUBuffer): void {
    const copy = (from: GPUBuffer, offset: number, slot: { readonly at: number; readonly size: number }): void => {
      if (slot.size > 0) encoder.copyBufferToBuffer(from, offset, staging, slot.at, slot.size);
    };
    copy(memory.counts().buffer, 0, this.counts);
    for (const slot of this.#slots) {
      copy(arena, this.#run.range(slot.output.buffer).offset, slot.features);
      if (slot.coords === undefined) continue;
      const from = memory.coords(siteOf(this.#plan, slot.output)!);
      copy(from.buffer, from.offset, slot.coords);
    }
  }

  /** Outputs by name. `rows` are the true row numbers; the run may have had room for more. */
  read(bytes: ArrayBuffer, rows: readonly number[], batch: number, callerCoords: ReadonlyMap<number, Int32Array>, into: RunOptions["into"]): Record<string, FeatOutput | DenseOutput> {
    const out = new Map<string, FeatOutput | DenseOutput>();
    for (const { output, features, coords } of this.#slots) {
      const width = this.#plan.buffers[output.buffer]!.width;
      const site = siteOf(this.#plan, output);
      const n = site === undefined ? batch : rows[site]!;
      const data = deliver(output.name, new Float32Array(bytes, features.at, n * width), into);
      out.set(
        output.name,
        site === undefined
          ? { shape: [batch, ...output.shape], data }
          : { rows: n, channels: width, coords: this.#coords(bytes, site, n, coords, callerCoords), features: data },
      );
    }
    // Not by assignment: an output may be called `__proto__`.
    return Object.fromEntries(out);
  }

  #coords(bytes: ArrayBuffer, site: number, rows: number, slot: { readonly at: number } | undefined, callerCoords: ReadonlyMap<number, Int32Array>): Int32Array {
    const given = callerCoords.get(site);
    if (given !== undefined) return given.slice();
    return new Int32Array(bytes.slice(slot!.at, slot!.at + rows * (this.#plan.geometry.sites[site]!.dim + 1) * 4));
  }
}

/** Copies outputs, and coordinates of feature outputs, into buffers of their own, which the caller then owns. */
export function recordGpuOutputs(
  gpu: GpuContext, encoder: GPUCommandEncoder, plan: Plan, run: FeatureRun, memory: SceneMemory, arena: GPUBuffer,
): Map<string, { readonly buffer: GPUBuffer; readonly coordsBuffer: GPUBuffer | undefined }> {
  const copy = (label: string, from: GPUBuffer, offset: number, size: number): GPUBuffer => {
    const buffer = gpu.storage(label, size);
    if (size > 0) encoder.copyBufferToBuffer(from, offset, buffer, 0, size);
    return buffer;
  };
  const buffers = new Map<string, { readonly buffer: GPUBuffer; readonly coordsBuffer: GPUBuffer | undefined }>();
  for (const output of plan.outputs) {
    const { offset, size } = run.range(output.buffer);
    const site = siteOf(plan, output);
    const coords = site === undefined ? undefined : memory.coords(site);
    const coordsBytes = site === undefined ? 0 : run.rows({ site }) * (plan.geometry.sites[site]!.dim + 1) * 4;
    buffers.set(output.name, {
      buffer: copy(output.name, arena, offset, size),
      coordsBuffer: coords === undefined ? undefined : copy(`${output.name} coordinates`, coords.buffer, coords.offset, coordsBytes),
    });
  }
  return buffers;
}

/** The site set of a feature output, or undefined for one row or tensor per batch item. */
export function siteOf(plan: Plan, output: OutputPlan): number | undefined {
  const rows = plan.buffers[output.buffer]!.rows;
  return rows === "batch" ? undefined : rows.site;
}
