/** The compiler's last stages as the commands run them: fused → plan → program. */
import type { Program } from "../codegen/plan/emit-module.ts";
import { lowerToPlan } from "../codegen/plan/lower.ts";
import { buildProgram } from "../codegen/plan/program.ts";
import type { Module } from "../ir/module.ts";
import type { Pipeline } from "../passes/pipeline.ts";
import { fuse, type Fused } from "./passes.ts";

export interface Compiled extends Fused {
  readonly plan: Module;
  readonly program: Program;
}

/** A net-level module down to plan and kernels. `source` is the name of its file. */
export function compileNet(net: Module, pipeline: Pipeline, source: string): Compiled {
  const fused = fuse(net, pipeline);
  const plan = lowerToPlan(fused.module);
  return { ...fused, plan, program: buildProgram(plan, source) };
}
