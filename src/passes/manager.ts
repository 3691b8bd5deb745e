import type { Module } from "../ir/module.ts";
import { verify } from "../ir/verify.ts";
import type { Diagnostic } from "../parser/diagnostics/diagnostic.ts";
import type { Instrument, PassEvent, StepReport } from "./instrument/instrument.ts";
import { reproducer } from "./instrument/reproduce.ts";
import type { Remark } from "./pass.ts";
import { PIPELINE_FILE, printStep, type Pipeline, type Step } from "./pipeline.ts";

export interface RunOptions {
  /** Verify the module given and after every pass. Default true: it costs little and places the blame. */
  readonly verifyEach?: boolean;
  readonly instruments?: readonly Instrument[];
  /** Milliseconds from any origin; without it nothing is timed. */
  readonly now?: () => number;
}

export interface PipelineResult {
  readonly module: Module;
  readonly steps: readonly StepReport[];
}

/** A pass threw or left an invalid module: a fault of the compiler (SP0990), with what is needed to see it again. */
export class PassFailure extends Error {
  readonly code = "SP0990";
  readonly step: string;
  readonly problems: readonly string[];
  /** IR text that reproduces the failure, its first line saying how. */
  readonly reproducer: string;

  constructor(step: Step, problems: readonly string[], text: string) {
    super(`internal: pass ${printStep(step)} failed: ${problems.join("; ")}`);
    this.step = printStep(step);
    this.problems = problems;
    this.reproducer = text;
  }
}

/** Whether a pipeline can start from a module of this level; SP0293 otherwise. */
export function checkStart(pipeline: Pipeline, module: Module): Diagnostic | undefined {
  const first = pipeline[0]?.pass;
  if (first === undefined || first.from === module.level) return undefined;
  return {
    code: "SP0293",
    severity: "error",
    message: `pass \`${first.name}\` takes a module of level ${first.from}, this one is ${module.level}`,
    labels: [{ span: { file: PIPELINE_FILE, start: 0, end: first.name.length }, text: `needs level ${first.from}` }],
  };
}

/**
 * Runs the passes in order. The caller has checked the start (`checkStart`) and verified what a user wrote; here an
 * invalid module, before or after, is a fault of the compiler. Throws PassFailure.
 */
export function runPipeline(module: Module, pipeline: Pipeline, options: RunOptions = {}): PipelineResult {
  const { verifyEach = true, instruments = [], now } = options;
  if (verifyEach) expectValid(module, "the module given to the pipeline");
  const steps: StepReport[] = [];
  let current = module;
  pipeline.forEach((step, index) => {
    const event: PassEvent = { index, step };
    const before = current;
    for (const instrument of instruments) instrument.beforePass?.(event, before);
    const outcome = runStep(step, before, verifyEach, now);
    if ("problems" in outcome) {
      for (const instrument of instruments) instrument.passFailed?.(event, before, outcome.problems);
      throw new PassFailure(step, outcome.problems, reproducer(before, pipeline.slice(index)));
    }
    current = outcome.module;
    steps.push(outcome.report);
    for (const instrument of instruments) instrument.afterPass?.(event, before, current, outcome.report);
  });
  return { module: current, steps };
}

type Outcome = { readonly module: Module; readonly report: StepReport } | { readonly problems: readonly string[] };

function runStep(step: Step, before: Module, verifyEach: boolean, now: (() => number) | undefined): Outcome {
  const { pass, options } = step;
  if (before.level !== pass.from) return { problems: [`${pass.name} takes level ${pass.from}, given ${before.level}`] };
  const stats: Record<string, number> = Object.fromEntries(Object.keys(pass.stats).map((name) => [name, 0]));
  const remarks: Remark[] = [];
  const start = now?.();
  let after: Module;
  try {
    after = pass.run(before, {
      options,
      stat: (name, by = 1) => (stats[name] = (stats[name] ?? 0) + by),
      remark: (kind, loc, text) => remarks.push({ pass: pass.name, kind, loc, text }),
    });
  } catch (error) {
    return { problems: [error instanceof Error ? error.message : String(error)] };
  }
  const ms = start === undefined || now === undefined ? {} : { ms: now() - start };
  if (after.level !== pass.to) return { problems: [`${pass.name} left level ${after.level} instead of ${pass.to}`] };
  const problems = verifyEach && after !== before ? verify(after) : [];
  if (problems.length > 0) return { problems };
  return { module: after, report: { pass: pass.name, changed: after !== before, stats, remarks, ...ms } };
}

function expectValid(module: Module, what: string): void {
  const problems = verify(module);
  if (problems.length > 0) throw new Error(`internal: ${what} is invalid: ${problems.join("; ")}`);
}
