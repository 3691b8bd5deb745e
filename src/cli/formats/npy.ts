/** Arrays of numpy as points: [rows, columns], records with named fields, or one array per column. */
import { inputError } from "../errors.ts";
import { materialize } from "../checkpoint/materialize.ts";
import { readNpy } from "../checkpoint/numpy.ts";
import { readZip } from "../checkpoint/zip.ts";
import { printShape, toFloat64, toNumbers, type Tensor } from "../files/tensor.ts";
import { depthTable } from "./depth.ts";
import { frameTables } from "./frames.ts";
import { readRecords } from "./records.ts";
import { columnsOf, standardNames, type Column, type ReadOptions, type Table } from "./table.ts";

/** An array of a .npy file. SP0546 to SP0548 as for checkpoints. */
export const readTensor = (file: string, name: string, bytes: Uint8Array): Tensor => materialize(name, readNpy(file, bytes));

/** The arrays of a .npz, by name and unread. SP0541, SP0542, SP0545: a broken archive; SP0846: one without arrays. */
export function npzArrays(file: string, bytes: Uint8Array): ReadonlyMap<string, () => Uint8Array> {
  const arrays = [...readZip(file, bytes).values()].filter(({ name }) => name.endsWith(".npy")).map((entry) => [entry.name.slice(0, -4), () => entry.read()] as const);
  if (arrays.length === 0) throw inputError("SP0846", `${file} holds no array`);
  return new Map(arrays);
}

/** A .npy file. SP0846: an array of a shape that makes no points. */
export function readNpyTables(file: string, bytes: Uint8Array, options: ReadOptions): readonly Table[] {
  const records = readRecords(file, bytes);
  return records === undefined ? arrayTables(file, readTensor(file, "the array", bytes), options) : [records];
}

/** A .npz: the array that `--array` names, the only one, or arrays of one length each that are columns by their names. */
export function readNpzTables(file: string, bytes: Uint8Array, options: ReadOptions): readonly Table[] {
  const arrays = npzArrays(file, bytes);
  const name = options.array ?? (arrays.size === 1 ? [...arrays.keys()][0] : undefined);
  if (name !== undefined) {
    const found = arrays.get(name);
    if (found === undefined) throw inputError("SP0846", `${file} has no array \`${name}\`; it has ${[...arrays.keys()].map((n) => `\`${n}\``).join(", ")}`);
    return readNpyTables(`${file}: ${name}`, found(), options);
  }
  const tensors = [...arrays].map(([key, read]) => readTensor(`${file}: ${key}`, key, read()));
  const rows = tensors[0]!.shape[0];
  if (!tensors.every(({ shape }) => shape.length === 1 && shape[0] === rows)) {
    throw inputError("SP0846", `${file} holds several arrays: ${tensors.map((t) => `\`${t.name}\` ${printShape(t.shape)}`).join(", ")}`, { help: "say which with --array" });
  }
  const columns = tensors.map((tensor): Column => ({ name: tensor.name, values: toNumbers(tensor) }));
  return [{ file, kind: "points", rows: rows!, columns, unnamed: false, place: (row) => `element ${row}` }];
}

function arrayTables(file: string, tensor: Tensor, options: ReadOptions): readonly Table[] {
  const { shape } = tensor;
  const use = options.as ?? (options.intrinsics !== undefined ? "depth" : shape.length > 2 ? "frames" : "points");
  if (use === "points") return [pointTable(file, tensor, options)];
  if (use === "frames") return frameTables(file, tensor, options);
  if (shape.length !== 2) throw inputError("SP0846", `${file} is ${printShape(shape)}, a depth image is [height, width]`);
  return [depthTable(file, { height: shape[0]!, width: shape[1]!, values: toNumbers(tensor), whole: /^[IU]/.test(tensor.dtype) }, options)];
}

/** Columns of one array; more are rather the pixels of an image. */
const MAX_COLUMNS = 256;

function pointTable(file: string, tensor: Tensor, { columns }: ReadOptions): Table {
  const { shape } = tensor;
  const width = shape[1] ?? 0;
  if (shape.length !== 2 || width === 0 || width > MAX_COLUMNS) {
    throw inputError("SP0846", `${file} is ${printShape(shape)}, points are [rows, columns] with at most ${MAX_COLUMNS} columns`, { help: "--as frames for images whose active pixels are sites, --as depth for a depth image" });
  }
  const names = columns === undefined ? standardNames(width) : typeof columns === "number" ? standardNames(columns) : columns;
  if (names.length !== width) throw inputError("SP0846", `${file} is ${printShape(shape)}, but --columns says ${names.length} columns`);
  const data = tensor.dtype === "F32" ? toNumbers(tensor) : toFloat64(tensor);
  return { file, kind: "points", rows: shape[0]!, columns: columnsOf(names, data), unnamed: columns === undefined || typeof columns === "number", place: (row) => `row ${row}` };
}
