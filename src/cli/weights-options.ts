import type { Module } from "../ir/module.ts";
import type { Args, OptionDefs } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { WeightLookup } from "./execute-reference.ts";
import { readBytes } from "./files/read.ts";
import { parseSafetensors, type Tensors } from "./files/safetensors.ts";
import { toNumbers } from "./files/tensor.ts";
import type { Io } from "./io.ts";
import { reportDiagnostics } from "./report.ts";
import { compareWeights } from "./weights/compare.ts";
import { describeComparison } from "./weights/describe.ts";
import { randomWeights } from "./weights/random-weights.ts";
import { requiredTensors } from "./weights/required.ts";

export const WEIGHT_OPTIONS: OptionDefs = {
  weights: { value: "FILE", doc: "safetensors with the network's weights" },
  prefix: { value: "TEXT", doc: "what stands before every name in it" },
  "random-weights": { value: "SEED", doc: "made-up weights instead" },
};

/** The weights that the options name, or undefined after telling everything that is wrong with the file. */
export function readWeights(args: Args, net: Module, io: Io): WeightLookup | undefined {
  const file = args.text("weights");
  const seed = args.wholeNumber("random-weights", 0);
  if ((file === undefined) === (seed === undefined)) throw new UsageError("give either --weights or --random-weights");
  if (file === undefined) return weightLookup(randomWeights(net, seed ?? 0));
  const tensors = parseSafetensors(file, readBytes(file));
  const prefix = args.text("prefix") ?? "";
  const messages = describeComparison(compareWeights(requiredTensors(net), tensors, prefix), file);
  // Tensors that are not used say nothing here: a file may hold a whole detector around the network.
  if (reportDiagnostics(messages.filter((m) => m.severity === "error"), new Map(), io)) return undefined;
  return weightLookup(tensors, prefix);
}

/** Tensors as the load phase asks for them. */
export function weightLookup(tensors: Tensors, prefix = ""): WeightLookup {
  return (name) => {
    const tensor = tensors.get(prefix + name);
    return tensor === undefined ? undefined : { shape: tensor.shape, data: toNumbers(tensor) };
  };
}
