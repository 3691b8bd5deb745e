import { countPlan, type PlanCounts, type StepCounts } from "../codegen/plan/counts.ts";
import { executeGeometry } from "../codegen/plan/geometry-executor.ts";
import type { TileForm } from "../codegen/plan/map-counts.ts";
import { placeInput } from "../codegen/plan/place-input.ts";
import { PlanReader } from "../codegen/plan/plan-reader.ts";
import type { Module } from "../ir/module.ts";
import { sparseInputs } from "../runtime/inputs.ts";
import type { StepTime } from "../runtime/index.ts";
import type { Execution } from "./execute.ts";
import type { SceneInputs } from "./files/scene.ts";

/** A step of the feature phase: what the compiler says of it from coordinates, and what its run counted. */
export interface ReportedStep {
  readonly kernel: string;
  readonly source: string;
  readonly predicted: StepCounts;
  readonly measured: Pick<StepTime, "rows" | "pairs" | "macs" | "milliseconds">;
}

/** A plan on a scene, predicted and measured. */
export interface PredictionReport {
  readonly steps: readonly ReportedStep[];
  readonly predicted: Omit<PlanCounts, "steps"> & { readonly steps: number };
  readonly measured: { readonly steps: number; readonly searches: number; readonly pairs: number; readonly macs: number; readonly milliseconds: number; readonly planned: number; readonly lowerBound: number };
  /** Steps whose rows, pairs or products were not as predicted, or more than that where sites depend on data: a fault of spnet. */
  readonly wrong: readonly number[];
}

/** Counts a plan from the coordinates alone. */
export function predict(plan: Module, scene: SceneInputs, batch: number, tiles: TileForm): PlanCounts {
  const reader = new PlanReader(plan);
  const inputs = new Map(sparseInputs(reader).flatMap((i) => [...placeInput(reader.geometry, i, scene.get(i.name)!.coords, new Set()).coords]));
  return countPlan(plan, executeGeometry(reader.geometry, inputs, batch), batch, tiles);
}

/** What a step is counted by on both sides. */
const COMPARED = ["rows", "pairs", "macs"] as const;

/** Puts a prediction beside a profiled run of the same plan. */
export function compare(counts: PlanCounts, { steps: ran, report }: Pick<Execution, "steps" | "report">): PredictionReport {
  if (ran.length !== counts.steps.length) throw new Error(`internal: ${counts.steps.length} steps were planned, ${ran.length} ran`);
  const steps = ran.map(({ kernel, source, rows, pairs, macs, milliseconds }, i) => ({ kernel, source, predicted: counts.steps[i]!, measured: { rows, pairs, macs, milliseconds } }));
  const sum = (of: (s: StepTime) => number): number => ran.reduce((n, s) => n + of(s), 0);
  return {
    steps,
    predicted: { ...counts, steps: counts.steps.length },
    measured: { steps: ran.length, searches: report.rulebooks.length, pairs: sum((s) => s.pairs), macs: sum((s) => s.macs), milliseconds: sum((s) => s.milliseconds), ...report.memory },
    wrong: steps.flatMap(({ predicted: p, measured: m }, i) => (COMPARED.every((what) => (p.most === true ? p[what] >= m[what] : p[what] === m[what])) ? [] : [i])),
  };
}
