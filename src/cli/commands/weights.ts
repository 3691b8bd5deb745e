import type { Command } from "../command.ts";
import type { Diagnostic } from "../../parser/diagnostics/diagnostic.ts";
import { inputError } from "../errors.ts";
import { readBytes, writeFile } from "../files/read.ts";
import { parseSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { printShape } from "../files/tensor.ts";
import { reportDiagnostics } from "../report.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { compareWeights, type Comparison } from "../weights/compare.ts";
import { randomWeights } from "../weights/random-weights.ts";
import { requiredTensors } from "../weights/required.ts";

/** Unexpected names shown; a file may hold a whole detector around the network. */
const SHOWN = 20;

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
    const bad = reportDiagnostics(describe(comparison, against), new Map(), io);
    io.out(`${required.length - comparison.missing.length - comparison.misshapen.length} of ${required.length} tensors fit\n`);
    return bad ? 1 : 0;
  },
};

/** One message per mistake; names that a prefix would mend share one. */
function describe({ missing, misshapen, unexpected, prefix }: Comparison, file: string): readonly Diagnostic[] {
  const messages: Diagnostic[] = [];
  if (prefix !== undefined) {
    messages.push(inputError("SP0504", `${prefix.mends} of ${missing.length} missing tensors are in ${file} under the prefix \`${prefix.text}\``, { help: `--prefix ${prefix.text}` }).diagnostic);
  } else {
    for (const { tensor, like } of missing) {
      messages.push(inputError("SP0501", `\`${tensor.name}\` ${printShape(tensor.stored)} is not in ${file}`, like === undefined ? {} : { help: `did you mean \`${like}\`?` }).diagnostic);
    }
  }
  for (const { tensor, found, layout } of misshapen) {
    messages.push(
      inputError("SP0502", `\`${tensor.name}\` in ${file} is ${printShape(found)}, expected ${printShape(tensor.stored)} (layout ${tensor.layout})`, layout === undefined ? {} : { help: `it fits the layout ${layout}: --layout ${layout}` }).diagnostic,
    );
  }
  if (unexpected.length > 0 && prefix === undefined) {
    const shown = unexpected.slice(0, SHOWN).map((name) => `\`${name}\``).join(", ");
    const more = unexpected.length > SHOWN ? ` and ${unexpected.length - SHOWN} more` : "";
    messages.push({ code: "SP0703", severity: "warning", message: `${unexpected.length} tensors of ${file} are not used: ${shown}${more}`, labels: [] });
  }
  return messages;
}
