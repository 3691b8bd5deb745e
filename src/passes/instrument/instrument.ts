import type { Module } from "../../ir/module.ts";
import type { Step } from "../pipeline.ts";
import type { Remark } from "../pass.ts";

/** One pass of a running pipeline. */
export interface PassEvent {
  /** Place in the pipeline, from 0. */
  readonly index: number;
  readonly step: Step;
}

/** What a pass did. */
export interface StepReport {
  readonly pass: string;
  readonly changed: boolean;
  /** The declared counters, those at zero included. */
  readonly stats: Readonly<Record<string, number>>;
  readonly remarks: readonly Remark[];
  /** Milliseconds by the injected clock; absent without one. */
  readonly ms?: number;
}

/** Watches a pipeline. Printing, dumping and checking are instruments; the manager knows none of them by name. */
export interface Instrument {
  beforePass?(event: PassEvent, module: Module): void;
  /** `after` is `before` itself when the pass changed nothing. */
  afterPass?(event: PassEvent, before: Module, after: Module, report: StepReport): void;
  passFailed?(event: PassEvent, before: Module, problems: readonly string[]): void;
}
