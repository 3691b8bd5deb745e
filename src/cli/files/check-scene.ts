/** Checks the rows of an input before any target sees them, and merges duplicates by policy. */
import { inputError } from "../errors.ts";
import type { InputSpec, SceneInput } from "./scene.ts";

export const DUPLICATE_POLICIES = ["error", "sum", "mean", "first", "last"] as const;

/** What becomes of rows with the same coordinates. */
export type DuplicatePolicy = (typeof DUPLICATE_POLICIES)[number];

/** Batch items a scene may have; the batch index is a row of every per-item output. */
const MAX_BATCH = 65536;

/**
 * Refuses coordinates outside the extents (SP0807), batch indices outside 0 … 65535 (SP0809), non-finite features
 * (SP0810) and, under the policy `error`, duplicates (SP0808). Merged rows stand where the first of them stood.
 */
export function checkScene(scene: ReadonlyMap<string, SceneInput>, specs: readonly InputSpec[], duplicates: DuplicatePolicy): ReadonlyMap<string, SceneInput> {
  return new Map(
    specs.map((spec) => {
      const input = scene.get(spec.name);
      if (input === undefined) throw inputError("SP0805", `no coordinates and features for input \`${spec.name}\``);
      checkRange(spec, input);
      checkFinite(spec, input);
      return [spec.name, mergeDuplicates(spec, input, duplicates)];
    }),
  );
}

const row = (spec: InputSpec, input: SceneInput, index: number): string => {
  const width = 1 + spec.axes.length;
  return `(${[...input.coords.subarray(index * width, (index + 1) * width)].join(", ")})`;
};

function checkRange(spec: InputSpec, input: SceneInput): void {
  const width = 1 + spec.axes.length;
  for (let i = 0; i < input.rows; i++) {
    const batch = input.coords[i * width]!;
    if (batch < 0 || batch >= MAX_BATCH) {
      throw inputError("SP0809", `row ${i} of \`${spec.name}.coords\` is ${row(spec, input, i)}: batch index ${batch} is not in 0 … ${MAX_BATCH - 1}`, {
        help: `columns are batch, ${spec.axes.join(", ")}`,
      });
    }
    for (let axis = 0; axis < spec.axes.length; axis++) {
      const at = input.coords[i * width + 1 + axis]!;
      const extent = spec.extents?.[axis];
      if (extent !== undefined && (at < 0 || at >= extent)) throw outOfRange(spec, input, i, axis, at, extent);
    }
  }
}

function outOfRange(spec: InputSpec, input: SceneInput, index: number, axis: number, at: number, extent: number): Error {
  const swap = swappedAxes(spec, input);
  return inputError("SP0807", `row ${index} of \`${spec.name}.coords\` is ${row(spec, input, index)}: ${spec.axes[axis]} = ${at} is not in 0 … ${extent - 1}`, {
    help: swap === undefined ? `columns are batch, ${spec.axes.join(", ")}` : `the columns look swapped: all rows fit when read as batch, ${swap.join(", ")}; the network wants batch, ${spec.axes.join(", ")}`,
  });
}

/** An order of the columns' axes under which every row fits: the reversed one, or any other. */
function swappedAxes(spec: InputSpec, input: SceneInput): readonly string[] | undefined {
  const width = 1 + spec.axes.length;
  const low = spec.axes.map(() => Infinity);
  const high = spec.axes.map(() => -Infinity);
  for (let i = 0; i < input.rows; i++) {
    for (let axis = 0; axis < spec.axes.length; axis++) {
      const at = input.coords[i * width + 1 + axis]!;
      low[axis] = Math.min(low[axis]!, at);
      high[axis] = Math.max(high[axis]!, at);
    }
  }
  const axes = spec.axes.map((_, i) => i);
  const fits = (order: readonly number[]): boolean => order.every((axis, column) => low[column]! >= 0 && high[column]! < (spec.extents?.[axis] ?? Infinity));
  const order = [[...axes].reverse(), ...permutations(axes)].find(fits);
  return order?.map((axis) => spec.axes[axis]!);
}

function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((first) => permutations(items.filter((i) => i !== first)).map((rest) => [first, ...rest]));
}

function checkFinite(spec: InputSpec, input: SceneInput): void {
  const at = input.features.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw inputError("SP0810", `\`${spec.name}.features\` holds ${input.features[at]} in row ${Math.floor(at / spec.channels)}, channel ${at % spec.channels}`);
}

function mergeDuplicates(spec: InputSpec, input: SceneInput, policy: DuplicatePolicy): SceneInput {
  const width = 1 + spec.axes.length;
  const rowOf = new Map<string, number>();
  const target = new Int32Array(input.rows);
  const firsts: number[] = [];
  for (let i = 0; i < input.rows; i++) {
    const key = input.coords.subarray(i * width, (i + 1) * width).join();
    const known = rowOf.get(key);
    if (known !== undefined && policy === "error") {
      throw inputError("SP0808", `rows ${firsts[known]} and ${i} of \`${spec.name}.coords\` are both ${row(spec, input, i)}`, {
        help: "say what becomes of duplicates with --duplicates=sum, mean, first or last",
      });
    }
    target[i] = known ?? firsts.length;
    if (known === undefined) {
      rowOf.set(key, firsts.length);
      firsts.push(i);
    }
  }
  if (firsts.length === input.rows) return input;

  const { channels } = spec;
  const sums = new Float64Array(firsts.length * channels);
  const counts = new Int32Array(firsts.length);
  for (let i = 0; i < input.rows; i++) {
    const to = target[i]!;
    if (policy === "first" && counts[to]! > 0) continue;
    counts[to]!++;
    for (let c = 0; c < channels; c++) {
      const value = input.features[i * channels + c]!;
      sums[to * channels + c] = policy === "last" ? value : sums[to * channels + c]! + value;
    }
  }
  const coords = new Int32Array(firsts.length * width);
  firsts.forEach((from, to) => coords.set(input.coords.subarray(from * width, (from + 1) * width), to * width));
  const features = Float32Array.from(sums, (sum, i) => (policy === "mean" ? sum / counts[Math.floor(i / channels)]! : sum));
  return { rows: firsts.length, coords, features };
}
