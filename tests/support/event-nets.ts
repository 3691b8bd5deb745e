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
  readonly tolerance: { readonly abs: number };
}

/** The examples that are the networks of this folder, by the case's file. */
export const eventExamples: Readonly<Record<string, string>> = { "nmnist/reference.safetensors": "nmnist", "dvs-gesture/reference.safetensors": "dvs_gesture" };

export const eventFolder = fixtureFolder("event-nets");

export const eventCases = (): readonly EventCase[] => (eventFolder === undefined ? [] : (JSON.parse(readFileSync(`${eventFolder}cases.json`, "utf8")) as EventCase[]));

/** An example with the trained weights as they are stored, one frame of events, and what the case expects. */
export function eventNet(c: EventCase): { readonly net: SourceNet; readonly input: { readonly coords: Int32Array; readonly features: Float32Array }; readonly tensors: ReadonlyMap<string, FixtureTensor> } {
  const tensors = readFixture(`${eventFolder}${c.file}`);
  const stored = readFixture(`${eventFolder}${c.weightsFile}`);
  const module: Module = example(eventExamples[c.file]!);
  const ops = new Map(module.ops.flatMap((op) => (op.name === "param" ? [[String(op.attrs["name"]), { op: "param", ...op.attrs } as unknown as LoadOp] as const] : [])));
  const weights = (name: string): FixtureTensor | undefined => stored.get(name);
  return {
    net: { module, weights, params: (name) => runLoadPhase([ops.get(name)!], weights)[0]! },
    input: { coords: tensorOf(tensors, "input.coords").data as Int32Array, features: tensorOf(tensors, "input.features").data as Float32Array },
    tensors,
  };
}
