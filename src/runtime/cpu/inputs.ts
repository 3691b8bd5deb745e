import type { CoordsInput, DenseGiven, FeaturesInput } from "../api.ts";
import { isDenseInput, placeTensor, tensorItems, type TensorInput } from "../dense-inputs.ts";
import { SpnetError } from "../errors.ts";
import { FAR, farOf, type Bounds } from "../geometry/grid.ts";
import { checkCoords, checkNames, isGpuRows, sparseInputs, type GpuRows, type Merged } from "../inputs.ts";
import type { InputPlan } from "../plan.ts";
import type { Call, Engine } from "./engine.ts";
import { CHUNK_ROWS } from "./fields.ts";
import type { Heap, Region } from "./heap.ts";
import { pointRows } from "../placed-points.ts";
import type { CpuPlan } from "./plan.ts";
import { checkPoints, type GivenPoints } from "./points.ts";

/** The caller's coordinates, copied into memory as the call was made. */
export interface PlacedCoords {
  readonly input: InputPlan;
  readonly rows: number;
  /** Address of the rows, i32 [rows, 1 + d]. */
  readonly at: number;
}

/** Rows of one input set, checked and in memory; the memory is the scene's only while it is prepared. */
export interface CpuInput extends PlacedCoords {
  readonly bounds: Bounds;
  /** When duplicates were merged: the kept row of each given row. */
  readonly merged?: Merged;
}

/** What a call gives: rows of every input, and the points that some of them are. */
export interface PlacedInputs {
  readonly placed: readonly PlacedCoords[];
  readonly points: GivenPoints;
}

/** Host memory, or SP0819: a GPU's buffers cannot be read here. */
export function hostValues<T extends object>(input: string, what: string, given: T | GpuRows): T {
  if (isGpuRows(given)) throw new SpnetError("SP0819", `${what} of \`${input}\` are in a GPUBuffer, which the CPU target cannot read: pass typed arrays`, { input });
  return given;
}

/** Copies the caller's coordinates into memory, so that later changes of his arrays change nothing; points become rows of their numbers. SP0816, SP0819 and those of `checkCoords` and `checkPoints`. */
export function placeCoords(plan: CpuPlan, heap: Heap, given: Readonly<Record<string, CoordsInput>>, batch: number, staging: Region): PlacedInputs {
  checkNames(plan, Object.keys(given), "coordinates");
  const points = checkPoints(plan, ({ name }) => hostValues(name, "positions", given[name]!), batch);
  const placed = sparseInputs(plan).map((given_): PlacedCoords => {
    const own = points.get(given_.site);
    const input = own === undefined ? given_ : { ...given_, axes: ["point"] };
    const coords = own === undefined ? wholeCoords(plan, input, hostValues(input.name, "coordinates", given[input.name]!), batch) : pointRows(own.positions, given_.axes.length);
    const at = staging.alloc(coords.byteLength, "coordinates");
    heap.i32(at, coords.length).set(coords);
    return { input, rows: coords.length / (input.axes.length + 1), at };
  });
  return { placed, points };
}

/** The caller's features, copied into memory as the call was made: how many numbers, and where. */
export type PlacedFeatures = ReadonlyMap<string, { readonly at: number; readonly length: number }>;

/** Copies the caller's features into memory, whatever their number, those of dense inputs as rows. SP0816, SP0819, and SP0872 where they make no tensor. */
export function placeFeatures(plan: CpuPlan, heap: Heap, given: Readonly<Record<string, FeaturesInput | DenseGiven>>, staging: Region): PlacedFeatures {
  checkNames(plan, Object.keys(given));
  return new Map(plan.inputs.map((input) => {
    const values = hostValues<TensorInput>(input.name, "features", given[input.name]!);
    const length = isDenseInput(input) ? tensorItems(input, values) * input.shape.reduce((a, b) => a * b, 1) : (values as ArrayLike<number>).length;
    const at = staging.alloc(4 * length, "features");
    if (isDenseInput(input)) placeTensor(input, values, heap.f32(at, length));
    else heap.f32(at, length).set(values as ArrayLike<number>);
    return [input.name, { at, length }] as const;
  }));
}

/** The caller's coordinates as 32-bit whole numbers; other arrays than Int32Array are checked number by number. */
function wholeCoords(plan: CpuPlan, input: InputPlan, given: ArrayLike<number>, batch: number): Int32Array {
  const width = input.axes.length + 1;
  if (given instanceof Int32Array && given.length % width === 0) return given;
  return checkCoords({ input: input.name, axes: input.axes, extents: plan.geometry.sites[input.site]!.extents }, given, batch).data;
}

/** The call that finds the bounds of an input's rows, and where its results go. */
export function checkCall(plan: CpuPlan, input: InputPlan, rows: number, at: number, results: number): Call {
  return { name: plan.geometry.sites[input.site]!.check!, units: Math.ceil(rows / CHUNK_ROWS), words: [rows, at, results] };
}

/** Bytes of the results of a `check`. */
export const checkBytes = (input: InputPlan, rows: number): number => 8 * (input.axes.length + 1) * Math.ceil(rows / CHUNK_ROWS);

/**
 * Reads what `check` found: batch items and bounds. Where something is out of range, the rows are looked through once
 * more, for a message that names the first. SP0812, SP0813.
 */
export function readCheck(plan: CpuPlan, engine: Engine, { input, rows, at }: PlacedCoords, results: number, batch: number): { readonly batch: number; readonly bounds: Bounds } {
  const width = input.axes.length + 1;
  if (rows === 0) return { batch: batch === 0 ? 1 : batch, bounds: { min: input.axes.map(() => 0), max: input.axes.map(() => 0) } };
  const units = Math.ceil(rows / CHUNK_ROWS);
  const found = engine.heap.i32(results, 2 * width * units);
  const column = (c: number, end: 0 | 1): number => {
    let value = found[2 * c + end]!;
    for (let u = 1; u < units; u++) value = (end === 0 ? Math.min : Math.max)(value, found[2 * (u * width + c) + end]!);
    return value;
  };
  const min = input.axes.map((_, a) => column(a + 1, 0));
  const max = input.axes.map((_, a) => column(a + 1, 1));
  const { extents } = plan.geometry.sites[input.site]!;
  const [least, most] = [column(0, 0), column(0, 1)];
  const limit = farOf(plan.geometry.sites)[input.site]!;
  const outside = min.some((low, a) => low < (extents === undefined ? -limit : 0) || max[a]! >= (extents?.[a] ?? limit));
  if (least < 0 || (batch !== 0 && most >= batch) || outside) {
    const coords = engine.heap.i32(at, rows * width);
    checkCoords({ input: input.name, axes: input.axes, extents: extents ?? undefined }, coords, batch);
    const far = (c: number): boolean => c < -limit || c >= limit;
    const row = Array.from({ length: rows }, (_, r) => r).find((r) => input.axes.some((_, a) => far(coords[r * width + 1 + a]!)))!;
    throw new SpnetError("SP0813", `coordinates of \`${input.name}\`, row ${row} (${[...coords.subarray(row * width, (row + 1) * width)].join(", ")}) lies beyond ±${limit === FAR ? "2^30" : limit}`, { row });
  }
  return { batch: batch === 0 ? most + 1 : batch, bounds: { min, max } };
}
