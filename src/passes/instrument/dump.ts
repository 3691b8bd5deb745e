import type { Module } from "../../ir/module.ts";
import type { Instrument } from "./instrument.ts";

/** Receives every module of a pipeline under a name that sorts in order: `01-lower`, `02-reuse-rulebooks`, … */
export function dumping(receive: (name: string, module: Module, changed: boolean) => void): Instrument {
  return {
    afterPass({ index, step }, before, after) {
      receive(`${String(index + 1).padStart(2, "0")}-${step.pass.name}`, after, before !== after);
    },
  };
}
