import { SpnetError } from "../errors.ts";
import { room } from "../into.ts";
import type { RunOptions } from "../api.ts";
import type { DeferredPlan } from "../plan.ts";

/** Channels that are written together: their numbers of one row share a cache line. */
const CHANNELS = 16;

/**
 * A dense output made of its rows, in the array that was given for it or a new one, zero where no site is. `rows` is the
 * buffer that has them, `coords` [count, 1 + axes] their sites, the batch item first. SP0613 where there is no such memory,
 * SP0625 where the array is too short.
 */
export function makeDeferred(name: string, plan: DeferredPlan, cells: number, rows: Float32Array, coords: Int32Array, into: RunOptions["into"]): Float32Array {
  const given = room(name, cells, into);
  const out = given ?? zeros(name, cells);
  const count = coords.length / (plan.extents.length + 1);
  if (given !== undefined && count * plan.channels !== cells) given.fill(0);
  // Whole numbers of 32 bits where they do: with others every place takes twice as long to find.
  const first = firstCells(plan, coords, cells < 2 ** 31 ? new Int32Array(count) : new Float64Array(count));
  const step = plan.last !== true ? plan.extents.reduce((a, b) => a * b, 1) : plan.fold === undefined ? 1 : plan.extents[plan.fold]!;
  scatter(plan, step, first, rows, out);
  return out;
}

function scatter({ channels, stride, offset }: DeferredPlan, step: number, first: Int32Array | Float64Array, rows: Float32Array, out: Float32Array): void {
  for (let from = 0; from < channels; from += CHANNELS) {
    const to = Math.min(channels, from + CHANNELS);
    for (let row = 0; row < first.length; row++) {
      const source = row * stride + offset;
      let cell = first[row]! + from * step;
      for (let c = from; c < to; c++) {
        out[cell] = rows[source + c]!;
        cell += step;
      }
    }
  }
}

function zeros(name: string, cells: number): Float32Array {
  try {
    return new Float32Array(cells);
  } catch {
    throw new SpnetError("SP0613", `output \`${name}\` has ${cells} numbers, and there is no memory for them`, { output: name, bytes: 4 * cells });
  }
}

/** Where each row's first channel goes. */
function firstCells<T extends Int32Array | Float64Array>({ channels, extents, fold, last }: DeferredPlan, coords: Int32Array, first: T): T {
  const width = extents.length + 1;
  for (let row = 0; row < first.length; row++) {
    const at = (axis: number): number => coords[row * width + 1 + axis]!;
    let cell = coords[row * width]!;
    if (last !== true) cell *= channels;
    if (last !== true && fold !== undefined) cell = cell * extents[fold]! + at(fold);
    for (let axis = 0; axis < extents.length; axis++) if (axis !== fold) cell = cell * extents[axis]! + at(axis);
    if (last === true) cell *= channels * (fold === undefined ? 1 : extents[fold]!);
    if (last === true && fold !== undefined) cell += at(fold);
    first[row] = cell;
  }
  return first;
}
