import type { CoordsInput, DenseGiven, FeaturesInput } from "./api.ts";
import { checkItems, checkTensor, isDenseInput, tensorItems, tensorRows, type DenseInputPlan, type TensorInput } from "./dense-inputs.ts";
import { SpnetError } from "./errors.ts";
import type { FeatureRun } from "./features.ts";
import type { GeometryProblem } from "./geometry/index.ts";
import { gridCoords } from "./geometry/grid.ts";
import type { GpuContext } from "./gpu-context.ts";
import { PlacedPoints } from "./points-of-call.ts";
import { checkCoords, checkFeatures, checkNames, duplicateRow, sparseInputs, isGpuRows, mergeDuplicates, mergeFeatures, type CheckedCoords, type DuplicatePolicy, type GpuRows, type Merged } from "./inputs.ts";
import type { InputPlan, Plan } from "./plan.ts";
import type { SceneMemory } from "./scene-memory.ts";

/** What gathering coordinates needs of a network. */
interface Host {
  readonly plan: Plan;
  readonly gpu: GpuContext;
  readonly duplicates: DuplicatePolicy;
}

/** What the device finds wrong with a row. */
export type InputFault = Exclude<GeometryProblem["kind"], "table-full">;

/** Coordinates of one call, by index of the input site set; entries of derived sets are empty. */
export interface GivenCoords {
  readonly batch: number;
  readonly rows: readonly number[];
  readonly bounds: readonly ({ readonly min: readonly number[]; readonly max: readonly number[] } | undefined)[];
  /** Rows that are on the host, after merging, and those of full grids. */
  readonly host: ReadonlyMap<number, Int32Array<ArrayBuffer>>;
  readonly device: ReadonlyMap<number, GpuRows>;
  readonly merged: ReadonlyMap<number, Merged>;
  /** Places of points between corners, by the index of their cells. */
  readonly fractions: ReadonlyMap<number, Float32Array<ArrayBuffer>>;
  /** What the device found wrong, in words. */
  explain(kind: InputFault, site: number, row: number): SpnetError;
}

/**
 * Checks and merges the coordinates of a call. Rows in a GPUBuffer stay on the device where the grid has extents and
 * duplicates are an error; otherwise they are read back, since bounds and merging need them here.
 * SP0816 a missing or unknown input, SP0817 two inputs of one site set with different coordinates.
 */
export async function gatherCoords(net: Host, given: Readonly<Record<string, CoordsInput>>, batch: number): Promise<GivenCoords> {
  const { plan, gpu } = net;
  gpu.check();
  checkNames(plan, Object.keys(given), "coordinates");
  const host = new Map<number, Int32Array<ArrayBuffer>>();
  const device = new Map<number, GpuRows>();
  const merged = new Map<number, Merged>();
  const checked = new Map<number, CheckedCoords>();
  const placed = new PlacedPoints(plan);
  for (const input of sparseInputs(plan)) {
    const { extents, points } = plan.geometry.sites[input.site]!;
    const value = given[input.name]!;
    if (points !== undefined) {
      placed.add(input, isGpuRows(value) ? new Float32Array((await readRows(gpu, value, input.axes.length + 1)).buffer) : value, batch);
      continue;
    }
    if (isGpuRows(value) && extents !== undefined && net.duplicates === "error" && batch > 0) {
      device.set(input.site, value);
      continue;
    }
    const flat = isGpuRows(value) ? await readRows(gpu, value, input.axes.length + 1) : value;
    const coords = checkCoords({ input: input.name, axes: input.axes, extents }, flat, batch);
    const known = checked.get(input.site);
    if (known !== undefined && (known.rows !== coords.rows || known.data.some((v, i) => v !== coords.data[i]))) {
      throw new SpnetError("SP0817", `\`${input.name}\` shares its site set with another input, but their coordinates differ`);
    }
    checked.set(input.site, coords);
  }
  for (const [site, coords] of checked) {
    if (net.duplicates === "error") {
      host.set(site, coords.data);
      continue;
    }
    const merge = mergeDuplicates(coords.data, plan.geometry.sites[site]!.dim + 1);
    merged.set(site, merge);
    host.set(site, merge.coords);
  }
  const located = placed.locate();
  for (const [site, rows] of located.rows) host.set(site, rows);
  const items = Math.max(batch, 1, placed.batch, ...[...checked.values()].map((c) => c.batch));
  plan.geometry.sites.forEach((site, i) => {
    if (site.full === true) host.set(i, gridCoords(site.extents!, items));
  });
  return {
    batch: items,
    rows: plan.geometry.sites.map((_, s) => device.get(s)?.rows ?? (host.get(s)?.length ?? 0) / (plan.geometry.sites[s]!.dim + 1)),
    bounds: plan.geometry.sites.map((_, s) => checked.get(s) ?? located.bounds.get(s)),
    host,
    device,
    merged,
    fractions: located.fractions,
    explain: (kind, site, row) => explain(plan, host, kind, site, row),
  };
}

function explain(plan: Plan, host: ReadonlyMap<number, Int32Array>, kind: InputFault, site: number, row: number): SpnetError {
  const input = plan.inputs.find((i) => i.site === site)!;
  const width = input.axes.length + 1;
  const coords = host.get(site);
  const values = coords === undefined ? "" : ` (${[...coords.subarray(row * width, (row + 1) * width)].join(", ")})`;
  const where = `coordinates of \`${input.name}\`, row ${row}${values}`;
  const details = { input: input.name, row };
  switch (kind) {
    case "duplicate":
      return duplicateRow(input.name, row, values);
    case "out-of-range":
      return new SpnetError("SP0813", `${where} lies outside the extents`, details);
    case "batch":
      return new SpnetError("SP0812", `${where} has a batch index out of range`, details);
  }
}

async function readRows(gpu: GpuContext, rows: GpuRows, width: number): Promise<Int32Array> {
  const bytes = rows.rows * width * 4;
  const staging = gpu.staging(bytes);
  const encoder = gpu.device.createCommandEncoder({ label: "read coordinates" });
  if (bytes > 0) encoder.copyBufferToBuffer(rows.buffer, rows.offset ?? 0, staging, 0, bytes);
  gpu.device.queue.submit([encoder.finish()]);
  return gpu.readBack(staging, (data) => new Int32Array(data.slice(0, bytes)));
}

/** Puts the coordinates of input sets where the geometry phase reads them; each byte is copied once. */
export function uploadCoords(gpu: GpuContext, encoder: GPUCommandEncoder, memory: SceneMemory, given: GivenCoords): void {
  for (const [site, data] of given.host) {
    const { buffer, offset } = memory.coords(site);
    if (data.length > 0) gpu.device.queue.writeBuffer(buffer, offset, data);
  }
  for (const [site, rows] of given.device) {
    const { buffer, offset } = memory.coords(site);
    const bytes = rows.rows * (memory.layout.plan.sites[site]!.dim + 1) * 4;
    if (bytes > 0) encoder.copyBufferToBuffer(rows.buffer, rows.offset ?? 0, buffer, offset, bytes);
  }
}

/**
 * Puts features into the arena for this submit. Host rows go through a buffer of their own and are copied on the
 * device's timeline, since the arena may still hold geometry tables when the submit begins.
 */
export function uploadFeatures(
  gpu: GpuContext, encoder: GPUCommandEncoder, plan: Plan, run: FeatureRun, arena: GPUBuffer,
  given: GivenCoords, duplicates: DuplicatePolicy, features: Readonly<Record<string, FeaturesInput | DenseGiven>>,
): void {
  checkNames(plan, Object.keys(features));
  for (const input of plan.inputs) {
    const { offset } = run.range(input.buffer);
    const value = features[input.name]!;
    if (isGpuRows(value)) {
      if (isDenseInput(input)) checkItems(input, tensorItems(input, value), given.batch);
      if (value.rows !== given.rows[input.site] || given.merged.has(input.site)) {
        throw new SpnetError("SP0814", `features of \`${input.name}\` in a GPUBuffer have ${value.rows} rows, expected ${given.rows[input.site]} without duplicates to merge`);
      }
      const bytes = value.rows * input.channels * 4;
      if (bytes > 0) encoder.copyBufferToBuffer(value.buffer, value.offset ?? 0, arena, offset, bytes);
      continue;
    }
    const data = isDenseInput(input) ? hostTensor(input, value, given.batch) : hostFeatures(input, value as ArrayLike<number>, given, duplicates);
    if (data.length > 0) encoder.copyBufferToBuffer(gpu.upload(data), 0, arena, offset, data.byteLength);
  }
  for (const { cells, buffer } of plan.fractions ?? []) {
    const data = given.fractions.get(cells)!;
    if (data.length > 0) encoder.copyBufferToBuffer(gpu.upload(data), 0, arena, run.range(buffer).offset, data.byteLength);
  }
}

function hostTensor(input: DenseInputPlan, value: TensorInput, batch: number): Float32Array<ArrayBuffer> {
  const rows = tensorRows(input, value);
  checkTensor(input, rows, batch);
  return rows;
}

function hostFeatures(input: InputPlan, value: ArrayLike<number>, given: GivenCoords, duplicates: DuplicatePolicy): Float32Array<ArrayBuffer> {
  const merged = given.merged.get(input.site);
  const rows = merged === undefined ? given.rows[input.site]! : merged.rowOf.length;
  const data = checkFeatures(input.name, value, rows, input.channels);
  return merged === undefined ? data : mergeFeatures(input.name, duplicates, data, input.channels, merged);
}
