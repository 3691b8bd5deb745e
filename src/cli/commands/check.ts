import { renderJson } from "../../parser/diagnostics/render-json.ts";
import type { Module } from "../../ir/module.ts";
import type { Args, Command } from "../command.ts";
import { inputSpecs } from "../files/scene.ts";
import { printShape } from "../files/tensor.ts";
import type { Io } from "../io.ts";
import { reportPasses } from "../pass-report.ts";
import { chosenPipeline, fuse, PASS_OPTIONS } from "../passes.ts";
import { compileFile, compileWithoutMistake, loadNet, SOURCE_OPTIONS } from "../source.ts";
import { requiredTensors } from "../weights/required.ts";

export const check: Command = {
  usage: "FILE",
  options: { json: { doc: "print the diagnostics as JSON" }, ...SOURCE_OPTIONS, ...PASS_OPTIONS },
  files: 1,
  async run(args, io) {
    if (args.flag("json")) {
      const { diagnostics, files } = compileFile(args);
      io.out(`${renderJson(diagnostics, files)}\n`);
      return diagnostics.some((d) => d.severity === "error") ? 1 : 0;
    }
    if (args.file.endsWith(".spir")) return report(loadNet(args, io), args, io);
    const result = compileWithoutMistake(args, io);
    if (result === undefined || result.module !== undefined) return report(result?.module, args, io);
    io.out(`${args.file}: ${result.nets.length === 0 ? "no net" : `nets ${result.nets.join(", ")}`}, and no mistake\n`);
    return 0;
  },
};

/** Says what a net is; it has no mistake, or is undefined after they have been shown. */
function report(net: Module | undefined, args: Args, io: Io): number {
  if (net === undefined) return 1;
  reportPasses(fuse(net, chosenPipeline(args)).steps, args, io);
  const convolutions = net.ops.filter((op) => ["subm", "conv", "up"].includes(op.name)).length;
  const inputs = inputSpecs(net).map(({ name, axes, extents, channels, shape }) => shape !== undefined ? `${name}: dense ${printShape(shape)}` : `${name}: (${axes.map((a, i) => (extents === undefined ? a : `${a} < ${extents[i]}`)).join(", ")}) × ${channels}`);
  io.out(`${net.name}: ${convolutions} convolutions, ${requiredTensors(net).length} weight tensors, in ${inputs.join("; ")}, out ${net.outputs.map((o) => o.name).join(", ")}\n`);
  return 0;
}
