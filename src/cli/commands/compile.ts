import { basename, join } from "node:path";
import type { Choices } from "../../codegen/tuning/choices.ts";
import type { Module } from "../../ir/module.ts";
import { emitModule } from "../../codegen/plan/emit-module.ts";
import type { Command } from "../command.ts";
import { CODE_OPTIONS, compileWasm, compileWebgpu, GPU_CODE_OPTIONS, refuseStorage } from "../compile.ts";
import { refuseCpuOptions } from "../cpu-options.ts";
import { writeFile } from "../files/read.ts";
import { reportPasses } from "../pass-report.ts";
import { fuse, PASS_OPTIONS } from "../passes.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { chosen, reportTuning } from "../tuning/files.ts";
import { TUNING_OPTIONS } from "../tuning-options.ts";
import { packageVersion } from "../version.ts";

const TARGETS = ["webgpu", "wasm", "both"] as const;

export const compile: Command = {
  usage: "FILE --out DIR [--target webgpu|wasm|both]",
  options: {
    out: { value: "DIR", doc: "where NAME.ts, NAME.js and NAME.d.ts go" },
    target: { value: TARGETS.join("|"), doc: "what the module can run on (default both: on a GPU where there is one, else on the CPU)" },
    ...CODE_OPTIONS,
    ...GPU_CODE_OPTIONS,
    ...SOURCE_OPTIONS,
    ...PASS_OPTIONS,
    ...TUNING_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    const [folder, target] = [args.required("out"), args.choice("target", TARGETS, "both")];
    if (target === "webgpu") refuseCpuOptions(args, CODE_OPTIONS, target);
    refuseStorage(args, target);
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const fused = (of: "webgpu" | "wasm"): { readonly module: Module; readonly tiles: Choices["tiles"] } => {
      const choices = chosen(args, io, net, of, undefined);
      const { module, steps } = fuse(net, choices.pipeline);
      // Without a tuning both targets are made of one module, whose passes are told of once.
      if (of === "webgpu" || target === "wasm" || args.text("tuning") !== undefined) reportPasses(steps, args, io);
      reportTuning(choices, of, module, args, io);
      return { module, tiles: choices.tiles };
    };
    const webgpu = target === "wasm" ? undefined : fused("webgpu");
    const wasm = target === "webgpu" ? undefined : fused("wasm");
    const parts = {
      source: basename(args.file),
      ...(webgpu === undefined ? {} : { webgpu: await compileWebgpu(webgpu.module, args, webgpu.tiles) }),
      ...(wasm === undefined ? {} : { wasm: await compileWasm(wasm.module, args, wasm.tiles) }),
    };
    const emitted = emitModule(parts, packageVersion());
    const stem = join(folder, basename(args.file).replace(/\.(spnet|spir)$/, ""));
    for (const [ending, text] of [["ts", emitted.ts], ["js", emitted.js], ["d.ts", emitted.dts]] as const) {
      writeFile(`${stem}.${ending}`, text);
      io.out(`${stem}.${ending}\n`);
    }
    return 0;
  },
};
