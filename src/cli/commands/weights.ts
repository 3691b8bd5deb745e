import type { Command } from "../command.ts";
import { readBytes, writeFile } from "../files/read.ts";
import { parseSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { printShape } from "../files/tensor.ts";
import { reportDiagnostics } from "../report.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { compareWeights } from "../weights/compare.ts";
import { describeComparison } from "../weights/describe.ts";
import { randomWeights } from "../weights/random-weights.ts";
import { requiredTensors } from "../weights/required.ts";

export const weights: Command = {
  usage: "FILE [--against F.safetensors]",
  options: {
    against: { value: "FILE", doc: "say what is missing in it, unexpected, or of another shape" },
    prefix: { value: "TEXT", doc: "what stands before every name in it" },
    random: { value: "SEED", doc: "write made-up weights; needs --output" },
    output: { value: "FILE", short: "o", doc: "where they go" },
    ...SOURCE_OPTIONS,
  },
  files: 1,
  async run(args, io) {
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const seed = args.wholeNumber("random", 0);
    if (seed !== undefined) {
      writeFile(args.required("output"), writeSafetensors(randomWeights(net, seed).values()));
      return 0;
    }
    const required = requiredTensors(net);
    const against = args.text("against");
    if (against === undefined) {
      for (const { name, stored } of required) io.out(`${name} ${printShape(stored)}\n`);
      return 0;
    }
    const comparison = compareWeights(required, parseSafetensors(against, readBytes(against)), args.text("prefix") ?? "");
    const bad = reportDiagnostics(describeComparison(comparison, against), new Map(), io);
    io.out(`${required.length - comparison.missing.length - comparison.misshapen.length} of ${required.length} tensors fit\n`);
    return bad ? 1 : 0;
  },
};
