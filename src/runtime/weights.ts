import type { Weights } from "./api.ts";
import type { WeightTensor } from "./load.ts";
import { readSafetensors } from "./safetensors.ts";

/** The weights as a lookup by name. */
export function weightLookup(weights: Weights): (name: string) => WeightTensor | undefined {
  if (typeof weights === "function") return weights;
  if (weights instanceof ArrayBuffer) return readSafetensors(new Uint8Array(weights));
  if (weights instanceof Uint8Array) return readSafetensors(weights);
  return (name) => (Object.hasOwn(weights, name) ? (weights as Readonly<Record<string, WeightTensor>>)[name] : undefined);
}
