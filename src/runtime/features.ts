import { dispatch, type GpuContext } from "./gpu-context.ts";
import { align, placeBuffers, type Placement } from "./placement.ts";
import { rowBytes, type Plan, type Rows, type StepPlan } from "./plan.ts";
import type { BoundGeometry, SceneMemory } from "./scene-memory.ts";

/** Bytes bound of a buffer that holds nothing. */
const MIN_BINDING = 16;

/** The feature phase for given row numbers: where every buffer lies, and the bind groups once memory is there. */
export class FeatureRun {
  readonly placement: Placement;
  readonly #plan: Plan;
  readonly #rows: readonly number[];
  readonly #batch: number;
  #bound: readonly (GPUBindGroup | BoundGeometry)[] | undefined;
  #memory: SceneMemory | undefined;
  #arena: GPUBuffer | undefined;

  /** `rows` per site set: exact counts after `prepare`, capacities in a single submit. */
  constructor(plan: Plan, rows: readonly number[], batch: number) {
    this.#plan = plan;
    this.#rows = rows;
    this.#batch = batch;
    // A buffer without rows is bound too, and must not overlap another then.
    this.placement = placeBuffers(plan.buffers.map((b) => ({ bytes: Math.max(MIN_BINDING, this.rows(b.rows) * rowBytes(b)), live: b.live })));
  }

  rows(rows: Rows): number {
    return rows === "batch" ? this.#batch : this.#rows[rows.site]!;
  }

  /** Byte range of a buffer in the arena. */
  range(buffer: number): { readonly offset: number; readonly size: number } {
    const b = this.#plan.buffers[buffer]!;
    return { offset: this.placement.offsets[buffer]!, size: this.rows(b.rows) * rowBytes(b) };
  }

  /** Workgroups of a step. */
  groups(step: StepPlan): number {
    return Math.ceil(this.rows(step.rows) / step.rowsPerGroup) * step.groupsPerTile;
  }

  /** Binds every step to an arena; kept until the arena changes. */
  bind(gpu: GpuContext, memory: SceneMemory, params: readonly { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number }[], arena: GPUBuffer): void {
    if (this.#arena === arena) return;
    this.#arena = arena;
    this.#memory = memory;
    this.#bound = this.#plan.steps.map((step) => {
      const ranges = step.bindings.map((b) => {
        switch (b.bind) {
          case "counts":
            return memory.counts();
          case "params":
            return params[b.block]!;
          case "map":
            return memory.map(b.rulebook, b.form);
          case "coords":
            return memory.coords(b.site);
          case "buffer": {
            const { offset, size } = this.range(b.buffer);
            return { buffer: arena, offset, size: Math.max(Math.ceil(size / 4) * 4, MIN_BINDING) };
          }
        }
      });
      return step.prune === undefined ? gpu.bindGroup(step.kernel, ranges) : memory.bindLate(step.prune, ranges[0]!);
    });
  }

  /** Records steps [from, to) in one compute pass, interrupted only where a dense result must be cleared first and where sites depend on data; `timestamps` for each pass. */
  record(gpu: GpuContext, encoder: GPUCommandEncoder, from = 0, to = this.#plan.steps.length, timestamps?: GPUComputePassTimestampWrites): void {
    let pass: GPUComputePassEncoder | undefined;
    for (let i = from; i < to; i++) {
      const step = this.#plan.steps[i]!;
      for (const [index, b] of this.#plan.buffers.entries()) {
        if (!b.zero || b.live[0] !== i) continue;
        pass?.end();
        pass = undefined;
        const { offset, size } = this.range(index);
        if (size > 0) encoder.clearBuffer(this.#arena!, offset, align(size));
      }
      const bound = this.#bound![i]!;
      if ("late" in bound) {
        pass?.end();
        pass = undefined;
        this.#memory!.recordLate(encoder, bound);
        continue;
      }
      pass ??= encoder.beginComputePass({ label: "features", ...(timestamps === undefined ? {} : { timestampWrites: timestamps }) });
      dispatch(pass, gpu.pipelines.get(step.kernel)!, bound, this.groups(step), this.rows(step.rows) < (step.halvedBelow ?? 0) ? 2 : 1);
    }
    pass?.end();
  }
}
