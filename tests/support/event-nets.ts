import { readFileSync } from "node:fs";
import { example } from "./examples.ts";
import type { Module } from "../../src/ir/module.ts";
import type { LoadOp } from "../../src/runtime/load.ts";
import { runLoadPhase } from "../../src/runtime/load.ts";
import { fixtureFolder, readFixture, tensorOf, type FixtureTensor } from "./safetensors.ts";
import type { SourceNet } from "./source-net.ts";

/** One case of the event-nets folder, as far as tests read it. */
export interface EventCase {
  readonly file: string;
  readonly weightsFile?: string;
  readonly tolerance: { readonly abs: number; readonly perTensor?: Readonly<Record<string, { readonly abs: number }>> };
}

/** What an output of an example must be: a tensor of the case, and how far from it at most. */
export interface WantedOutput {
  readonly output: string;
  readonly data: FixtureTensor["data"];
  readonly abs: number;
}

/** The examples that are the networks of this folder, by the case's file. */
export const eventExamples: Readonly<Record<string, string>> = {
  "nmnist/reference.safetensors": "nmnist", "dvs-gesture/reference.safetensors": "dvs_gesture",
  "nmnist/quantised.safetensors": "nmnist_int8", "dvs-gesture/quantised.safetensors": "dvs_gesture_int8",
  "int8-mobilenetv2.safetensors": "eye_tracking_int8", "int8-see-a.safetensors": "see_a_int8",
};

/** The tensor of a case that an output of its example must be, where the case has it. */
const OUTPUTS: Readonly<Record<string, string>> = { scores: "expect.logits", sums: "expect.accumulator", features: "expect.features", pooled: "expect.pooled_sum" };

export const eventFolder = fixtureFolder("event-nets");

export const eventCases = (): readonly EventCase[] => (eventFolder === undefined ? [] : (JSON.parse(readFileSync(`${eventFolder}cases.json`, "utf8")) as EventCase[]));

/** An example with the trained weights as they are stored, one frame of events, and what the case expects of its outputs. */
export function eventNet(c: EventCase): { readonly net: SourceNet; readonly input: { readonly coords: Int32Array; readonly features: Float32Array }; readonly tensors: ReadonlyMap<string, FixtureTensor>; readonly wanted: readonly WantedOutput[] } {
  const tensors = readFixture(`${eventFolder}${c.file}`);
  const stored = c.weightsFile === undefined ? tensors : readFixture(`${eventFolder}${c.weightsFile}`);
  const module: Module = example(eventExamples[c.file]!);
  const ops = new Map(module.ops.flatMap((op) => (op.name === "param" ? [[String(op.attrs["name"]), { op: "param", ...op.attrs } as unknown as LoadOp] as const] : [])));
  const weights = (name: string): FixtureTensor | undefined => stored.get(name);
  const wanted = Object.entries(OUTPUTS).flatMap(([output, name]): WantedOutput[] => {
    const tensor = tensors.get(name);
    return tensor === undefined ? [] : [{ output, data: tensor.data, abs: c.tolerance.perTensor?.[name]?.abs ?? c.tolerance.abs }];
  });
  return {
    net: { module, weights, params: (name) => runLoadPhase([ops.get(name)!], weights)[0]! },
    input: { coords: tensorOf(tensors, "input.coords").data as Int32Array, features: Float32Array.from(tensorOf(tensors, "input.features").data) },
    tensors,
    wanted,
  };
}
