import type { RunOptions } from "./api.ts";
import { SpnetError } from "./errors.ts";
import type { OutputPlan } from "./plan.ts";

/** Refuses names that are no output's, and what is no Float32Array or is for outputs that stay on a GPU. SP0625. */
export function checkInto(outputs: readonly Pick<OutputPlan, "name">[], { into, output }: RunOptions): void {
  if (into === undefined) return;
  if (output === "gpu") throw new SpnetError("SP0625", "`into` holds arrays for outputs, but `output: \"gpu\"` leaves them on the GPU");
  for (const [name, array] of Object.entries(into)) {
    if (!outputs.some((o) => o.name === name)) throw new SpnetError("SP0625", `\`into\` has an array for ${JSON.stringify(name)}, outputs are ${outputs.map((o) => o.name).join(", ")}`, { output: name });
    if (!(array instanceof Float32Array)) throw new SpnetError("SP0625", `\`into\` has no Float32Array for output \`${name}\``, { output: name });
  }
}

/** An output's numbers in the first places of the array that was given for it, else in a new one. SP0625 if they do not fit. */
export function deliver(name: string, numbers: Float32Array, into: RunOptions["into"]): Float32Array {
  const given = room(name, numbers.length, into);
  if (given === undefined) return numbers.slice();
  given.set(numbers);
  return given;
}

/** The first places of the array that was given for an output; undefined where none was. SP0625 if it is too short. */
export function room(name: string, length: number, into: RunOptions["into"]): Float32Array | undefined {
  const array = into !== undefined && Object.hasOwn(into, name) ? into[name] : undefined;
  if (array === undefined) return undefined;
  if (array.length < length) throw new SpnetError("SP0625", `output \`${name}\` has ${length} numbers, the array in \`into\` has room for ${array.length}`, { output: name, wanted: length });
  return array.subarray(0, length);
}
