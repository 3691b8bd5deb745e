import type { Module } from "../ir/module.ts";
import type { Args, OptionDefs } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { WeightLookup } from "./execute-reference.ts";
import { readBytes } from "./files/read.ts";
import { parseSafetensors, type Tensors } from "./files/safetensors.ts";
import { toFloat64 } from "./files/tensor.ts";
import { randomWeights } from "./weights/random-weights.ts";

export const WEIGHT_OPTIONS: OptionDefs = {
  weights: { value: "FILE", doc: "safetensors with the network's weights" },
  prefix: { value: "TEXT", doc: "what stands before every name in it" },
  "random-weights": { value: "SEED", doc: "made-up weights instead" },
};

/** The weights that the options name. */
export function readWeights(args: Args, net: Module): WeightLookup {
  const file = args.text("weights");
  const seed = args.wholeNumber("random-weights", 0);
  if ((file === undefined) === (seed === undefined)) throw new UsageError("give either --weights or --random-weights");
  const tensors = file === undefined ? randomWeights(net, seed ?? 0) : parseSafetensors(file, readBytes(file));
  return weightLookup(tensors, args.text("prefix") ?? "");
}

/** Tensors as the load phase asks for them. */
export function weightLookup(tensors: Tensors, prefix = ""): WeightLookup {
  return (name) => {
    const tensor = tensors.get(prefix + name);
    return tensor === undefined ? undefined : { shape: tensor.shape, data: toFloat64(tensor) };
  };
}
