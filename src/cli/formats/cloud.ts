/** From tables to the rows of a network's input: fields chosen, points checked, voxelised on a grid. */
import { inputError } from "../errors.ts";
import type { InputSpec, SceneInput } from "../files/scene.ts";
import { SpnetError } from "../../runtime/errors.ts";
import { gridExtents, voxelize, type PointGrid, type VoxelizeOptions } from "../../runtime/points/index.ts";
import type { Fields } from "./fields.ts";
import type { Column, Table } from "./table.ts";

export interface CloudGrid extends PointGrid, Pick<VoxelizeOptions, "maxPoints" | "maxVoxels" | "reduce"> {}

/** A table with its fields; `origin` is what is subtracted from coordinates in float64. */
export interface Cloud {
  readonly table: Table;
  readonly fields: Fields;
  readonly origin: readonly number[];
}

/** Points of one batch item after the checks, and the row of the input that each is in. */
export interface PlacedPoints {
  readonly positions: Float32Array;
  readonly pointRow: Int32Array;
}

export interface CloudScene {
  readonly input: SceneInput;
  /** Per batch item. */
  readonly points: readonly PlacedPoints[];
  readonly inRange: number;
  readonly total: number;
  /** Rows that were dropped because they are not finite. */
  readonly dropped: number;
}

/**
 * Voxelises clouds, one per batch item. SP0832: rows that are not finite, unless they are dropped; SP0833: a grid that
 * makes no sense; SP0834: one that does not fit the network's; SP0839: a cloud entirely outside of the range; SP0843:
 * coordinates too large for float32 to tell voxels apart.
 */
export function cloudScene(clouds: readonly Cloud[], grid: CloudGrid, spec: InputSpec, dropInvalid: boolean): CloudScene {
  const order = clouds[0]?.fields.coordinates.map((c) => c.axis) ?? spec.axes;
  checkExtents(grid, spec, order);
  let [inRange, total, dropped] = [0, 0, 0];
  const parts = clouds.map((cloud, batch) => {
    const kept = finiteRows(cloud, dropInvalid);
    dropped += cloud.table.rows - kept.length;
    total += kept.length;
    const data = gather(cloud, kept, (a) => grid.voxel[a]!);
    const voxels = voxelized(data, spec, grid, batch);
    if (voxels.inRange === 0 && kept.length > 0) throw outside(cloud, data, order, grid);
    inRange += voxels.inRange;
    return { data, voxels };
  });
  const rows = parts.reduce((n, { voxels }) => n + voxels.rows, 0);
  const width = 1 + spec.axes.length;
  const coords = new Int32Array(rows * width);
  const features = new Float32Array(rows * spec.channels);
  let at = 0;
  const points = parts.map(({ data, voxels }) => {
    const axes = order.length;
    const columns = axes + spec.channels;
    for (let row = 0; row < voxels.rows; row++) {
      coords[(at + row) * width] = voxels.coords[row * width]!;
      order.forEach((axis, i) => (coords[(at + row) * width + 1 + spec.axes.indexOf(axis)] = voxels.coords[row * width + 1 + i]!));
      features.set(voxels.features.subarray(row * columns + axes, (row + 1) * columns), (at + row) * spec.channels);
    }
    const first = at;
    at += voxels.rows;
    return { positions: positionsOf(data, columns, axes), pointRow: voxels.pointRow.map((row) => (row < 0 ? -1 : first + row)) };
  });
  return { input: { rows, coords, features }, points, inRange, total, dropped };
}

/** Clouds as points, one per batch item, with no grid of their own: the network has that. SP0832, SP0843 as \`cloudScene\`. */
export function pointScene(clouds: readonly Cloud[], spec: InputSpec, dropInvalid: boolean): CloudScene {
  const order = clouds[0]?.fields.coordinates.map((c) => c.axis) ?? spec.axes;
  const edgeOf = (axis: number): number => Math.min(...(spec.voxels ?? []).map((grid) => grid.size[spec.axes.indexOf(order[axis]!)]!), Infinity);
  const parts = clouds.map((cloud) => {
    const kept = finiteRows(cloud, dropInvalid);
    return { data: gather(cloud, kept, edgeOf), rows: kept.length };
  });
  const total = parts.reduce((n, part) => n + part.rows, 0);
  const width = 1 + spec.axes.length;
  const columns = order.length + spec.channels;
  const coords = new Float32Array(total * width);
  const features = new Float32Array(total * spec.channels);
  let at = 0;
  const points = parts.map(({ data, rows }, batch) => {
    const first = at;
    for (let row = 0; row < rows; row++, at++) {
      coords[at * width] = batch;
      order.forEach((axis, i) => (coords[at * width + 1 + spec.axes.indexOf(axis)] = data[row * columns + i]!));
      features.set(data.subarray(row * columns + order.length, (row + 1) * columns), at * spec.channels);
    }
    return { positions: positionsOf(data, columns, order.length), pointRow: Int32Array.from({ length: rows }, (_, row) => first + row) };
  });
  const dropped = clouds.reduce((n, { table }) => n + table.rows, 0) - total;
  return { input: { rows: total, coords, features }, points, inRange: total, total, dropped };
}

function checkExtents(grid: CloudGrid, spec: InputSpec, order: readonly string[]): void {
  if (spec.extents === undefined) return;
  const extents = gridExtents(grid);
  if (extents === undefined) {
    throw inputError("SP0834", `input \`${spec.name}\` lives on a grid of ${spec.extents.join(" × ")}, so the scan needs a range`, { help: `--range ${[...order.map((a) => `${a}min`), ...order.map((a) => `${a}max`)].join(",")}` });
  }
  order.forEach((axis, i) => {
    const limit = spec.extents![spec.axes.indexOf(axis)]!;
    if (extents[i]! > limit) throw inputError("SP0834", `the scan's grid has ${extents[i]} voxels along ${axis}, input \`${spec.name}\` has ${limit}`, { help: "match --voxel and --range to the network's extents" });
  });
}

/** Rows whose coordinates and features are all finite. */
function finiteRows({ table, fields }: Cloud, dropInvalid: boolean): Int32Array {
  const columns = [...fields.coordinates.map((c) => c.column), ...fields.features];
  const kept = new Int32Array(table.rows);
  let n = 0;
  let first: readonly [row: number, column: Column] | undefined;
  for (let row = 0; row < table.rows; row++) {
    const bad = columns.find((c) => !Number.isFinite(Math.fround(c.values[row]!)));
    if (bad === undefined) kept[n++] = row;
    else first ??= [row, bad];
  }
  if (first !== undefined && !dropInvalid) {
    const [row, { name, values }] = first;
    throw inputError("SP0832", `${table.rows - n} of ${table.rows} points of ${table.file} are not finite; the first is point ${row} (${table.place(row)}), where ${name} is ${values[row]}`, { help: "--drop-invalid leaves such points out" });
  }
  return kept.subarray(0, n);
}

/** Positions relative to the origin, rounded to float32 once, then features. */
function gather({ table, fields, origin }: Cloud, kept: Int32Array, edgeOf: (axis: number) => number): Float32Array {
  const axes = fields.coordinates.length;
  const columns = axes + fields.features.length;
  const data = new Float32Array(kept.length * columns);
  fields.coordinates.forEach(({ axis, column }, a) => {
    let most = 0;
    kept.forEach((row, i) => {
      const value = column.values[row]! - origin[a]!;
      data[i * columns + a] = value;
      most = Math.max(most, Math.abs(value));
    });
    const step = most === 0 ? 0 : 2 ** (Math.floor(Math.log2(most)) - 23);
    if (step > edgeOf(a) / 16) {
      throw inputError("SP0843", `${table.file}: ${axis} reaches ${most}, where float32 counts in steps of ${step}: too coarse for voxels of ${edgeOf(a)}`, { help: "subtract a corner first: --origin min, or three numbers near the scene; --range is then relative to it" });
    }
  });
  fields.features.forEach(({ values }, f) => kept.forEach((row, i) => (data[i * columns + axes + f] = values[row]!)));
  return data;
}

function voxelized(data: Float32Array, spec: InputSpec, grid: CloudGrid, batch: number): ReturnType<typeof voxelize> {
  try {
    return voxelize({ columns: grid.voxel.length + spec.channels, data }, { ...grid, batch });
  } catch (cause) {
    if (cause instanceof SpnetError) throw inputError(cause.code, cause.message.replace(`${cause.code}: `, ""));
    throw cause;
  }
}

function outside({ table, fields }: Cloud, data: Float32Array, order: readonly string[], { range }: CloudGrid): Error {
  const columns = order.length + fields.features.length;
  const spans = order.map((axis, a) => {
    let [least, most] = [Infinity, -Infinity];
    for (let i = a; i < data.length; i += columns) [least, most] = [Math.min(least, data[i]!), Math.max(most, data[i]!)];
    return `${axis} ${least} … ${most}${range === undefined ? "" : ` (range ${range.min[a]} … ${range.max[a]})`}`;
  });
  return inputError("SP0839", `all ${data.length / columns} points of ${table.file} lie outside of the range: ${spans.join(", ")}`, { help: "compare units and the order of --range with --fields" });
}

function positionsOf(data: Float32Array, columns: number, axes: number): Float32Array {
  const out = new Float32Array((data.length / columns) * axes);
  for (let i = 0; i < out.length; i++) out[i] = data[Math.floor(i / axes) * columns + (i % axes)]!;
  return out;
}
