/**
 * The compiler as a library: text and values in, text and values out. It reads no file and opens no device.
 *
 * ```ts
 * const { module, diagnostics, files } = compileSource("net.spnet", { readFile });
 * if (module === undefined) throw new Error(renderText(diagnostics, files));
 * const fused = runPipeline(module, presetPipeline("O2")).module;
 * const webgpu = buildProgram(lowerToPlan(fused));
 * const cpu = buildCpuProgram(lowerToCpuPlan(fused));
 * const wasm = { plan: cpu.plan, code: await assembleWat(cpu.wat) };
 * const { ts, js, dts } = emitModule({ source: "net.spnet", webgpu, wasm }, "1.0.0");
 * ```
 */
export { compileSource, type CompileOptions, type CompileResult } from "./ir/from-source.ts";
export type { Diagnostic, Label, Severity } from "./parser/diagnostics/diagnostic.ts";
export { renderJson } from "./parser/diagnostics/render-json.ts";
export { renderText } from "./parser/diagnostics/render-text.ts";
export type { SourceFile, Span } from "./parser/span.ts";

export type { Level, Module, Op, Output, ValueId } from "./ir/module.ts";
export { ModuleBuilder } from "./ir/builder.ts";
export { SiteTable, type SiteDef, type SiteId } from "./ir/sites.ts";
export type { Type } from "./ir/types.ts";
export { printModule } from "./ir/print.ts";
export { readModule } from "./ir/read.ts";
export { verify } from "./ir/verify.ts";
export { interpret, type InterpretOptions } from "./ir/interp/reference.ts";
export type { InputTensor, ParamTensor, Value } from "./ir/interp/value.ts";

export { runPipeline, PassFailure, type PipelineResult, type RunOptions } from "./passes/manager.ts";
export { parsePipeline, printPipeline, type Pipeline } from "./passes/pipeline.ts";
export { presetPipeline, withOptions, type Preset } from "./passes/presets.ts";
export type { Instrument, StepReport } from "./passes/instrument/instrument.ts";

export { lowerToPlan } from "./codegen/plan/lower.ts";
export { buildProgram } from "./codegen/plan/program.ts";
export { assembleWat } from "./codegen/wasm/assemble.ts";
export { buildCpuProgram, lowerToCpuPlan, type CpuProgram } from "./codegen/wasm/program.ts";
export { emitModule, type EmittedModule, type ModuleParts, type Program, type WasmProgram } from "./codegen/plan/emit-module.ts";
