import { countPlan, type PlanCounts } from "../../src/codegen/plan/counts.ts";
import { executeGeometry, type SearchMemo } from "../../src/codegen/plan/geometry-executor.ts";
import { PlanReader } from "../../src/codegen/plan/plan-reader.ts";
import type { Module } from "../../src/ir/module.ts";
import { moduleStats } from "../../src/ir/stats.ts";
import { printModule } from "../../src/ir/print.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import type { BenchScene } from "./scenes.ts";
import type { AnyNetwork, BenchTarget } from "./targets.ts";
import type { Variant } from "./variants.ts";

/** Figures of one variant on one scene. */
export interface Measurement {
  readonly variant: string;
  /** Steps of the feature phase, and with those of geometry all dispatches. */
  readonly steps: number;
  readonly dispatches: number;
  readonly convolutions: number;
  readonly counts: PlanCounts;
  /** Planned bytes over the least that any plan could do with. */
  readonly peak: number;
  readonly plannedBytes: number;
  /** Medians: milliseconds end to end, and this variant's over the first one's of the same round, with quartiles. */
  readonly ms: number;
  readonly ratio: readonly [low: number, median: number, high: number];
}

interface Subject {
  readonly variant: Variant;
  readonly plan: Module;
  readonly network: AnyNetwork;
  readonly times: number[];
  /** Arrays of the first run's outputs, which later ones fill. */
  into: Readonly<Record<string, Float32Array>>;
}

/**
 * Runs variants of a network on a scene, turn about, so that what slows the machine slows all of them. Variants whose
 * plan is that of the first one have no effect here: they are named in `same` and not run.
 */
export async function measure(target: BenchTarget, net: Module, scene: BenchScene, variants: readonly Variant[], runs: number): Promise<{ readonly rows: readonly Measurement[]; readonly same: readonly string[] }> {
  const subjects: Subject[] = [];
  const same: string[] = [];
  for (const variant of variants) {
    const plan = target.lower(runPipeline(net, variant.pipeline).module, variant);
    if (variant.name !== "O2 again" && subjects[0] !== undefined && textOf(plan) === textOf(subjects[0].plan)) same.push(variant.name);
    else subjects.push({ variant, plan, network: await target.open(plan, net), times: [], into: {} });
  }
  const inputs = { [scene.input]: { coords: scene.coords, features: scene.features } };
  for (let round = -2; round < runs; round++) {
    for (let k = 0; k < subjects.length; k++) {
      const subject = subjects[(k + Math.max(0, round)) % subjects.length]!;
      const start = performance.now();
      const outputs = await subject.network.run(inputs, { into: subject.into });
      if (round >= 0) subject.times.push(performance.now() - start);
      subject.into = Object.fromEntries(Object.entries(outputs).map(([name, o]) => [name, "features" in o ? o.features : o.data]));
    }
  }
  const memo: SearchMemo = new Map();
  const rows: Measurement[] = [];
  for (const { variant, plan, network, times } of subjects) {
    const reader = new PlanReader(plan);
    const geometry = executeGeometry(reader.geometry, new Map(reader.inputs.map((i) => [i.site, scene.coords])), 1, memo);
    const counts = countPlan(plan, geometry, 1, target.tiles);
    const kept = await network.prepare({ [scene.input]: scene.coords });
    const { planned, lowerBound } = kept.report.memory;
    kept.dispose();
    network.dispose();
    const ratios = times.map((t, i) => t / subjects[0]!.times[i]!);
    rows.push({
      variant: variant.name, steps: counts.steps.length, dispatches: counts.steps.length + target.geometryDispatches(plan), convolutions: moduleStats(net).convolutions,
      counts, peak: planned / lowerBound, plannedBytes: planned, ms: quantile(times, 0.5), ratio: [quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)],
    });
  }
  return { rows, same };
}

const textOf = (plan: Module): string => printModule(plan, { locations: false });

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
