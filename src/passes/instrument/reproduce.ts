import type { Module } from "../../ir/module.ts";
import { printModule } from "../../ir/print.ts";
import { printPipeline, type Pipeline } from "../pipeline.ts";

/** The module before a failing pass as text, headed by the command that runs the rest of the pipeline on it. */
export function reproducer(before: Module, remaining: Pipeline): string {
  return `// RUN: spnet opt --pipeline=${printPipeline(remaining)} repro.spir\n${printModule(before)}`;
}
