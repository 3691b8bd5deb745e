/** Inputs that are dense tensors: [N, C, …extents] as callers have them, one row of channels per cell as steps read them. */
import { SpnetError } from "./errors.ts";
import { isGpuRows, type GpuRows } from "./inputs.ts";
import type { InputPlan } from "./plan.ts";

/** A dense tensor with its shape: [N, C, …extents] by `channels_first`, the default, [N, …extents, C] by `channels_last`. */
export interface ShapedTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  readonly layout?: "channels_first" | "channels_last";
}

/** What a dense input takes: the numbers of [N, C, …extents], N by how many there are, or those of a shape that is said. */
export type TensorInput = ArrayLike<number> | ShapedTensor;

/** An input that is a dense tensor. */
export type DenseInputPlan = InputPlan & Required<Pick<InputPlan, "shape">>;

export const isDenseInput = (input: InputPlan): input is DenseInputPlan => input.shape !== undefined;

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** `[N, 3, 224, 224]` */
export const printItems = (shape: readonly number[]): string => `[N, ${shape.join(", ")}]`;

/** Batch items of what is given for a dense input; rows in a buffer are cells with their channels last. SP0872 when shape and length are not those of a tensor of this input. */
export function tensorItems({ name, shape }: DenseInputPlan, given: TensorInput | GpuRows): number {
  const wrong = (what: string, details: object): SpnetError => new SpnetError("SP0872", `\`${name}\` is a dense tensor ${printItems(shape)}, N from 1 on, ${what}`, { input: name, ...details });
  if (isGpuRows(given)) {
    const cells = count(shape.slice(1));
    if (given.rows > 0 && given.rows % cells === 0) return given.rows / cells;
    throw wrong(`and has ${cells} rows for each item in a GPUBuffer, not ${given.rows} in all`, { rows: given.rows });
  }
  const { data, said, wanted } = "shape" in given
    ? { data: given.data, said: given.shape, wanted: given.layout === "channels_last" ? [...shape.slice(1), shape[0]!] : shape }
    : { data: given, said: undefined, wanted: shape };
  if (said !== undefined && (said.length !== wanted.length + 1 || wanted.some((n, i) => n !== said[i + 1]))) throw wrong(`not [${said.join(", ")}]`, { shape: said });
  const items = said?.[0] ?? data.length / count(shape);
  if (Number.isSafeInteger(items) && items > 0 && items * count(shape) === data.length) return items;
  throw wrong(said === undefined ? `which ${data.length} numbers do not make` : `but the shape [${said.join(", ")}] comes with ${data.length} numbers`, { length: data.length });
}

/** The rows of a dense input in `to`, which has room for them: one per cell, the channels of a cell side by side. SP0872 as `tensorItems`. */
export function placeTensor(input: DenseInputPlan, given: TensorInput, to: Float32Array): void {
  const { shape } = input;
  const [channels, cells] = [shape[0]!, count(shape.slice(1))];
  const data = "shape" in given ? given.data : given;
  if (channels === 1 || ("shape" in given && given.layout === "channels_last")) {
    to.set(data);
    return;
  }
  for (let item = 0, at = 0; item < tensorItems(input, given); item++) {
    const first = item * cells * channels;
    for (let cell = 0; cell < cells; cell++) for (let c = 0; c < channels; c++) to[at++] = data[first + c * cells + cell]!;
  }
}

/** The rows of a dense input in an array of their own. SP0872 as `tensorItems`. */
export function tensorRows(input: DenseInputPlan, given: TensorInput): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(tensorItems(input, given) * count(input.shape));
  placeTensor(input, given, rows);
  return rows;
}

/** A copy of a dense tensor, as rows, that its owner cannot change. SP0872 as `tensorItems`. */
export function ownTensor(input: DenseInputPlan, given: TensorInput): ShapedTensor {
  const [channels, ...extents] = input.shape as readonly [number, ...number[]];
  return { shape: [tensorItems(input, given), ...extents, channels], data: tensorRows(input, given), layout: "channels_last" };
}

/** SP0872 when a dense input has another number of items than the run. */
export function checkItems({ name }: DenseInputPlan, items: number, batch: number): void {
  if (items === batch) return;
  throw new SpnetError("SP0872", `\`${name}\` has ${items} batch items, the run has ${batch}: as many as \`batch\` says, or else dense inputs, or else coordinates`, { input: name, items, batch });
}

/** Checks the rows of a dense input. SP0872 when they are of another number of items than the run has, SP0815 when a number is not finite. */
export function checkTensor(input: DenseInputPlan, rows: Float32Array, batch: number): void {
  const { name, shape } = input;
  checkItems(input, rows.length / count(shape), batch);
  const bad = rows.findIndex((v) => !Number.isFinite(v));
  if (bad < 0) return;
  const [channels, ...extents] = shape as readonly [number, ...number[]];
  const cell = Math.floor(bad / channels);
  const place = extents.map((n, a) => Math.floor(cell / count(extents.slice(a + 1))) % n);
  throw new SpnetError("SP0815", `\`${name}\`[${[Math.floor(cell / count(extents)), bad % channels, ...place].join(", ")}]: ${rows[bad]} is not finite`, { input: name });
}

/** The batch items that a run has: `wanted`, or where that is 0 those of its dense inputs, or 0 where there are none. SP0872. */
export function batchOfTensors(inputs: readonly InputPlan[], given: Readonly<Record<string, unknown>>, wanted: number): number {
  if (wanted > 0) return wanted;
  const dense = inputs.find((input) => isDenseInput(input) && given[input.name] !== undefined);
  return dense === undefined ? 0 : tensorItems(dense as DenseInputPlan, given[dense.name] as TensorInput | GpuRows);
}
