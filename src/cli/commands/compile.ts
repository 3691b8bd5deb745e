import { basename, join } from "node:path";
import { emitModule } from "../../codegen/plan/emit-module.ts";
import type { Command } from "../command.ts";
import { CODE_OPTIONS, compileWasm, compileWebgpu } from "../compile.ts";
import { refuseCpuOptions } from "../cpu-options.ts";
import { writeFile } from "../files/read.ts";
import { reportPasses } from "../pass-report.ts";
import { chosenPipeline, fuse, PASS_OPTIONS } from "../passes.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { packageVersion } from "../version.ts";

const TARGETS = ["webgpu", "wasm", "both"] as const;

export const compile: Command = {
  usage: "FILE --out DIR [--target webgpu|wasm|both]",
  options: {
    out: { value: "DIR", doc: "where NAME.ts, NAME.js and NAME.d.ts go" },
    target: { value: TARGETS.join("|"), doc: "what the module can run on (default both: on a GPU where there is one, else on the CPU)" },
    ...CODE_OPTIONS,
    ...SOURCE_OPTIONS,
    ...PASS_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    const [folder, target] = [args.required("out"), args.choice("target", TARGETS, "both")];
    if (target === "webgpu") refuseCpuOptions(args, CODE_OPTIONS, target);
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const { module, steps } = fuse(net, chosenPipeline(args));
    reportPasses(steps, args, io);
    const parts = {
      source: basename(args.file),
      ...(target === "wasm" ? {} : { webgpu: await compileWebgpu(module) }),
      ...(target === "webgpu" ? {} : { wasm: await compileWasm(module, args) }),
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
