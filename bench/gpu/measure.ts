import type { Module } from "../../src/ir/module.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import type { StepTime } from "../../src/runtime/index.ts";
import type { BenchScene } from "../ablation/scenes.ts";
import type { AnyNetwork, BenchTarget } from "../ablation/targets.ts";
import type { Variant } from "../ablation/variants.ts";
import { median } from "../cpu/context.ts";

/** The feature phase of one variant on one scene, whose sites and rulebooks stay on the device; medians, in milliseconds. */
export interface FeatureTimes {
  readonly variant: string;
  readonly dispatches: number;
  readonly pairs: number;
  readonly macs: number;
  /** From the call to the end of the work, one run at a time; outputs stay on the device. */
  readonly latency: number;
  /** Per run, where {@link TOGETHER} runs are submitted one after the other and waited for together. */
  readonly throughput: number;
  /** The steps' times by the device's clock, each in a pass of its own, summed up. */
  readonly kernels: number;
  /** From coordinates on the host, sites and rulebooks anew. */
  readonly prepare: number;
  readonly steps: readonly StepTime[];
}

const TOGETHER = 20;

/** Measures variants turn about. Rows go in and out as GPUBuffers. */
export async function measureFeatures(target: BenchTarget, net: Module, scene: BenchScene, variants: readonly Variant[], runs: number): Promise<readonly FeatureTimes[]> {
  const subjects = await Promise.all(variants.map(async (variant) => {
    const plan = target.lower(runPipeline(net, variant.pipeline).module, variant);
    return await Subject.open(variant.name, await target.open(plan, net), target, scene);
  }));
  for (let round = -3; round < runs; round++) for (let k = 0; k < subjects.length; k++) await subjects[(k + Math.max(0, round)) % subjects.length]!.round(round >= 0);
  return subjects.map((s) => s.finish());
}

/** Milliseconds from the host and back with nothing to do, the least part of any latency. */
export async function emptySubmit(target: BenchTarget): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    target.nothing();
    await target.idle();
    times.push(performance.now() - start);
  }
  return median(times);
}

class Subject {
  readonly #name: string;
  readonly #network: AnyNetwork;
  readonly #target: BenchTarget;
  readonly #scene: BenchScene;
  readonly #kept: Awaited<ReturnType<AnyNetwork["prepare"]>>;
  readonly #buffer: GPUBuffer;
  readonly #times: Record<"latency" | "throughput" | "prepare", number[]> = { latency: [], throughput: [], prepare: [] };
  readonly #steps: (readonly StepTime[])[] = [];

  private constructor(name: string, network: AnyNetwork, target: BenchTarget, scene: BenchScene, kept: Awaited<ReturnType<AnyNetwork["prepare"]>>, buffer: GPUBuffer) {
    this.#name = name;
    this.#network = network;
    this.#target = target;
    this.#scene = scene;
    this.#kept = kept;
    this.#buffer = buffer;
  }

  static async open(name: string, network: AnyNetwork, target: BenchTarget, scene: BenchScene): Promise<Subject> {
    const device = network.device;
    if (device === undefined) throw new Error("the feature phase is measured on a GPU");
    const kept = await network.prepare({ [scene.input]: scene.coords });
    // STORAGE, COPY_SRC and COPY_DST.
    const buffer = device.createBuffer({ size: scene.features.byteLength, usage: 128 | 4 | 8 });
    device.queue.writeBuffer(buffer, 0, scene.features);
    return new Subject(name, network, target, scene, kept, buffer);
  }

  async round(counted: boolean): Promise<void> {
    const latency = await this.#time(1);
    const throughput = (await this.#time(TOGETHER)) / TOGETHER;
    const start = performance.now();
    const again = await this.#network.prepare({ [this.#scene.input]: this.#scene.coords });
    const prepare = performance.now() - start;
    again.dispose();
    const { steps } = await this.#kept.profile({ [this.#scene.input]: this.#scene.features });
    if (!counted) return;
    this.#times.latency.push(latency);
    this.#times.throughput.push(throughput);
    this.#times.prepare.push(prepare);
    this.#steps.push(steps);
  }

  async #time(count: number): Promise<number> {
    await this.#target.idle();
    const start = performance.now();
    const runs = Array.from({ length: count }, () => this.#kept.run({ [this.#scene.input]: { buffer: this.#buffer, rows: this.#scene.rows } }, { output: "gpu" }));
    const outputs = await Promise.all(runs);
    await this.#target.idle();
    const took = performance.now() - start;
    for (const o of outputs) for (const value of Object.values(o)) for (const b of [value.buffer, "coordsBuffer" in value ? value.coordsBuffer : undefined]) b?.destroy();
    return took;
  }

  finish(): FeatureTimes {
    const first = this.#steps[0]!;
    const steps = first.map((s, i) => ({ ...s, milliseconds: median(this.#steps.map((round) => round[i]!.milliseconds)) }));
    const sum = (of: (s: StepTime) => number): number => steps.reduce((n, s) => n + of(s), 0);
    this.#kept.dispose();
    this.#buffer.destroy();
    this.#network.dispose();
    return {
      variant: this.#name, dispatches: steps.length, pairs: sum((s) => s.pairs), macs: sum((s) => s.macs), latency: median(this.#times.latency),
      throughput: median(this.#times.throughput), kernels: sum((s) => s.milliseconds), prepare: median(this.#times.prepare), steps,
    };
  }
}
