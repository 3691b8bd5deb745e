/** The options that say how files of points are read, and what of them becomes sites and features. */
import type { Args, OptionDefs } from "./command.ts";
import { inputError, UsageError } from "./errors.ts";
import type { InputSpec } from "./files/scene.ts";
import { cloudScene, pointScene, type Cloud, type CloudGrid, type CloudScene } from "./formats/cloud.ts";
import { chooseFields, isEvents, type FieldChoice, type Fields } from "./formats/fields.ts";
import { readTables } from "./formats/read-table.ts";
import { ARRAY_USES, type ReadOptions, type Table } from "./formats/table.ts";
import type { Io } from "./io.ts";

export const CLOUD_OPTIONS: OptionDefs = {
  voxel: { value: "x,y,z", doc: "voxel edges of a scan in metres; one number for all axes" },
  range: { value: "x,y,z,X,Y,Z", doc: "least and greatest corner of a scan; write --range=… when it begins with a minus" },
  origin: { value: "min|x,y,z", doc: "what is subtracted from the coordinates first: their least corner, or a point (default nothing; min for pen strokes)" },
  fields: { value: "[NAME=]COORDS[:FEATURES]", multiple: true, doc: "columns that are coordinates, in the order of --voxel and --range, and features: x,y,z:intensity; AXIS=COLUMN where names differ, 1 for the constant, -COLUMN negated (default: by name, and printed); of the input NAME, or of all without their own" },
  columns: { value: "N|NAMES", doc: "numbers per point, or their names, where the file does not say (.bin: 4; x, y, z, intensity, c4, …)" },
  scalar: { value: "f32|f16", doc: "type of the numbers of a .bin (default f32)" },
  array: { value: "NAME", doc: "which array of a .npz" },
  as: { value: ARRAY_USES.join("|"), doc: "what an array of numpy holds (default: points, or frames where it has three axes or more)" },
  intrinsics: { value: "fx,fy,cx,cy", doc: "of a depth image, in pixels" },
  "depth-scale": { value: "N", doc: "metres per unit of a depth image (default 0.001 for whole numbers, 1 for others)" },
  reduce: { value: "mean|sum|max|first", doc: "what becomes of the points of a voxel (default mean; sum for events)" },
  rounding: { value: "floor|nearest", doc: "how a point finds its voxel (default floor)" },
  "max-points": { value: "N", doc: "points averaged per voxel at most (default all)" },
  "max-voxels": { value: "N", doc: "voxels kept per scan at most (default all)" },
  "drop-invalid": { doc: "leave out points that are not finite, instead of refusing the scan" },
};

/** An input made of points, with what is needed to find them again in an output. */
export interface CloudSource extends CloudScene {
  readonly spec: InputSpec;
  /** Axes in the order of the grid. */
  readonly order: readonly string[];
  /** Of voxels that are made here; a network of points makes its own. */
  readonly grid: CloudGrid | undefined;
}

/** The grid of `--voxel` and `--range` on so many axes. */
export function gridOf(args: Args, axes = 3): CloudGrid {
  const voxel = args.numbers("voxel", axes, true);
  if (voxel === undefined) throw new UsageError("a scan needs --voxel");
  const range = args.numbers("range", 2 * axes);
  return { voxel, ...(range === undefined ? {} : { range: { min: range.slice(0, axes), max: range.slice(axes) } }), ...limitsOf(args) };
}

function limitsOf(args: Args): Omit<CloudGrid, "voxel" | "range"> {
  const [maxPoints, maxVoxels] = [args.wholeNumber("max-points", 1), args.wholeNumber("max-voxels", 1)];
  return {
    rounding: args.choice("rounding", ["floor", "nearest"], "floor"),
    ...(args.text("reduce") === undefined ? {} : { reduce: args.choice("reduce", ["mean", "sum", "max", "first"], "mean") }),
    ...(maxPoints === undefined ? {} : { maxPoints }),
    ...(maxVoxels === undefined ? {} : { maxVoxels }),
  };
}

/** Reads and voxelises the files of one input, and says on the error stream what was chosen. */
export async function readClouds(args: Args, files: readonly string[], spec: InputSpec, choice: FieldChoice, io: Io): Promise<CloudSource> {
  const options = readOptions(args, spec);
  let tables = await tablesOf(files, options);
  const fieldsOf = (table: Table): Fields => chooseFields(table, spec, choice);
  const order = tables[0] === undefined ? spec.axes : fieldsOf(tables[0]).coordinates.map((c) => c.axis);
  const grid = spec.voxels === undefined ? defaultGrid(args, tables, fieldsOf, order, spec) : undefined;
  if (grid === undefined) refuseGrid(args, spec);
  // Strokes are drawn anew once it is known how fine.
  if (grid !== undefined && tables.some((t) => t.kind === "strokes")) tables = await tablesOf(files, { ...options, segments: ["x", "y"].map((axis) => grid.voxel[order.indexOf(axis)] ?? grid.voxel[0]!) });
  const clouds = tables.map((table): Cloud => {
    const fields = fieldsOf(table);
    if (fields.coordinates.map((c) => c.axis).join() !== order.join()) throw inputError("SP0842", `${table.file} has its coordinates in another order than the file before it`, { help: "say --fields" });
    return { table, fields, origin: originOf(args, table, fields) };
  });
  const scene = grid === undefined ? pointScene(clouds, spec, args.flag("drop-invalid")) : cloudScene(clouds, grid, spec, args.flag("drop-invalid"));
  io.err(describe(spec, clouds, grid, scene));
  return { ...scene, spec, order, grid };
}

/** A network of points says itself how they become voxels. */
function refuseGrid(args: Args, spec: InputSpec): void {
  const given = ["voxel", "range", "reduce", "rounding", "max-points", "max-voxels"].find((option) => args.text(option) !== undefined);
  if (given !== undefined) throw new UsageError(`input \`${spec.name}\` takes points as they are, and the network says how they become voxels: leave out --${given}`);
}

const tablesOf = async (files: readonly string[], options: ReadOptions): Promise<readonly Table[]> => {
  const all: Table[] = [];
  for (const file of files) all.push(...(await readTables(file, options)));
  return all;
};

function readOptions(args: Args, spec: InputSpec): ReadOptions {
  const given = args.text("columns");
  const names = given === undefined || /^-?\d+$/.test(given) ? undefined : given.split(",").map((n) => n.trim());
  if (names !== undefined && (names.includes("") || new Set(names).size < names.length)) throw new UsageError(`--columns is ${given}, expected a number or different names`);
  const count = names === undefined ? args.wholeNumber("columns", spec.axes.length) : undefined;
  if (count !== undefined && count > 1024) throw new UsageError(`--columns is ${count}, expected at most 1024`);
  const scale = args.numbers("depth-scale", 1)?.[0];
  if (scale !== undefined && !(scale > 0)) throw new UsageError(`--depth-scale is ${scale}, expected a number above 0`);
  return {
    columns: names ?? count,
    scalar: args.choice("scalar", ["f32", "f16"], "f32"),
    as: args.text("as") === undefined ? undefined : args.choice("as", ARRAY_USES, "points"),
    array: args.text("array"),
    intrinsics: args.numbers("intrinsics", 4),
    depthScale: scale,
    axes: spec.axes,
    channels: spec.channels,
    segments: undefined,
  };
}

/**
 * The grid that the options say. Pixels and the places of events need none: one voxel each, on the network's extents.
 * Strokes are fitted to the extents where no voxel is given.
 */
function defaultGrid(args: Args, tables: readonly Table[], fieldsOf: (table: Table) => Fields, order: readonly string[], spec: InputSpec): CloudGrid {
  const extents = spec.extents === undefined ? undefined : order.map((axis) => spec.extents![spec.axes.indexOf(axis)]!);
  // A pixel of a frame is one row, so that its sum is itself.
  const events = tables.some(isEvents) && tables.every((t) => isEvents(t) || t.kind === "pixels");
  const pixels = tables.length > 0 && tables.every((t) => t.kind === "pixels" || (isEvents(t) && !order.includes("t")));
  const strokes = tables.some((t) => t.kind === "strokes");
  const reduce = events && args.text("reduce") === undefined ? { reduce: "sum" as const } : {};
  if (!pixels && !strokes) return { ...gridOf(args, order.length), ...reduce };
  const voxel = args.numbers("voxel", order.length, true) ?? order.map(() => (pixels ? 1 : fitted(tables, fieldsOf, extents)));
  const given = args.numbers("range", 2 * order.length);
  const range = given !== undefined ? { min: given.slice(0, order.length), max: given.slice(order.length) } : extents === undefined ? undefined : { min: order.map(() => 0), max: extents.map((n, a) => n * voxel[a]!) };
  return { voxel, ...(range === undefined ? {} : { range }), ...limitsOf(args), ...reduce };
}

/** The least edge with which every table, its least corner at 0, fits the extents. */
function fitted(tables: readonly Table[], fieldsOf: (table: Table) => Fields, extents: readonly number[] | undefined): number {
  if (extents === undefined) throw new UsageError("pen strokes need --voxel where the network's grid is unbounded");
  const edges = tables.flatMap((table) =>
    fieldsOf(table).coordinates.map(({ column }, a) => {
      const [least, most] = limits(column.values);
      return (most - least) / Math.max(1, extents[a]! - 1);
    }),
  );
  return Math.max(...edges, 0) || 1;
}

function limits(values: Float32Array | Float64Array): readonly [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    if (v < least) least = v;
    if (v > most) most = v;
  }
  return least <= most ? [least, most] : [0, 0];
}

function originOf(args: Args, table: Table, fields: Fields): readonly number[] {
  const given = args.text("origin") ?? (table.kind === "strokes" ? "min" : undefined);
  if (given === undefined) return fields.coordinates.map(() => 0);
  if (given === "min") return fields.coordinates.map(({ column }) => limits(column.values)[0]);
  return args.numbers("origin", fields.coordinates.length)!;
}

function describe(spec: InputSpec, clouds: readonly Cloud[], grid: CloudGrid | undefined, { input, inRange, total, dropped }: CloudScene): string {
  const first = clouds[0];
  if (first === undefined) return "";
  const files = clouds.length === 1 ? first.table.file : `${first.table.file} and ${clouds.length - 1} more`;
  const counts = [`${total} points`, ...(dropped === 0 ? [] : [`${dropped} dropped`]), ...(inRange === total ? [] : [`${total - inRange} out of range`]), ...(grid === undefined ? [] : [`${input.rows} sites`])];
  return `${spec.name}  ${files}: ${counts.join(", ")}; --fields ${first.fields.text}${grid === undefined ? "" : `, voxels of ${grid.voxel.join(" × ")}${grid.reduce === undefined ? "" : `, ${grid.reduce}`}`}\n`;
}
