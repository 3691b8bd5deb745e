import { inputError } from "../errors.ts";
import { recordColumns, SCALAR_BYTES } from "./scalars.ts";
import { standardNames, type ReadOptions, type Table } from "./table.ts";

const KITTI_COLUMNS = 4;

/** A scan without a header: little-endian rows of one type. SP0831 when the file does not hold whole points. */
export function readBin(file: string, bytes: Uint8Array, { columns = KITTI_COLUMNS, scalar }: Pick<ReadOptions, "columns" | "scalar">): readonly [Table] {
  const names = typeof columns === "number" ? standardNames(columns) : columns;
  const size = SCALAR_BYTES[scalar];
  const stride = names.length * size;
  if (bytes.byteLength % stride !== 0) {
    throw inputError("SP0831", `${file} has ${bytes.byteLength} bytes, which is not a whole number of points of ${names.length} ${scalar} (${stride} bytes); the last whole one ends at byte ${bytes.byteLength - (bytes.byteLength % stride)}`, {
      help: "say how a point is stored with --columns and --scalar, or the file is truncated",
    });
  }
  const rows = bytes.byteLength / stride;
  const fields = names.map((name, i) => ({ name, scalar, offset: i * size }));
  return [{ file, kind: "points", rows, columns: recordColumns(bytes, 0, stride, rows, fields), unnamed: typeof columns === "number", place: (row) => `byte ${row * stride}` }];
}
