import { renderJson } from "../../parser/diagnostics/render-json.ts";
import type { Command } from "../command.ts";
import { inputSpecs } from "../files/scene.ts";
import { reportPasses } from "../pass-report.ts";
import { chosenPipeline, fuse, PASS_OPTIONS } from "../passes.ts";
import { compileFile, loadNet, SOURCE_OPTIONS } from "../source.ts";
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
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    reportPasses(fuse(net, chosenPipeline(args)).steps, args, io);
    const convolutions = net.ops.filter((op) => ["subm", "conv", "up"].includes(op.name)).length;
    const inputs = inputSpecs(net).map(({ name, axes, extents, channels }) => `${name}: (${axes.map((a, i) => (extents === undefined ? a : `${a} < ${extents[i]}`)).join(", ")}) × ${channels}`);
    io.out(`${net.name}: ${convolutions} convolutions, ${requiredTensors(net).length} weight tensors, in ${inputs.join("; ")}, out ${net.outputs.map((o) => o.name).join(", ")}\n`);
    return 0;
  },
};
