/** What every reader of points gives: rows with named columns. */
import type { Points } from "../../runtime/points/index.ts";

export interface Column {
  readonly name: string;
  /** As the file has them: float32 where it stores no more than that. */
  readonly values: Float32Array | Float64Array;
}

/** How rows become sites where the options do not say. */
export type TableKind = "points" | "events" | "pixels" | "strokes";

export interface Table {
  /** How messages call it: the file, and the part of it if it has several. */
  readonly file: string;
  readonly kind: TableKind;
  readonly rows: number;
  /** In the order of the file. */
  readonly columns: readonly Column[];
  /** The file names no columns: features are the first ones, as scans have always been read. */
  readonly unnamed: boolean;
  /** Where in the file a row is: `byte 48`, `line 7`. */
  place(row: number): string;
}

/** What the options say about how files are to be read. */
export interface ReadOptions {
  /** Numbers per row or their names, for files that do not say. */
  readonly columns: number | readonly string[] | undefined;
  readonly scalar: "f32" | "f16";
  /** What an array of numpy holds; by default its shape and names tell. */
  readonly as: ArrayUse | undefined;
  /** Which array of a .npz. */
  readonly array: string | undefined;
  /** Of depth images: fx, fy, cx, cy in pixels. */
  readonly intrinsics: readonly number[] | undefined;
  /** Metres per unit of a depth image. */
  readonly depthScale: number | undefined;
  /** The input's axes and channels tell how dense frames lie and what strokes are drawn on. */
  readonly axes: readonly string[];
  readonly channels: number;
  /** Longest step between neighbouring points of a stroke; undefined until the grid is known. */
  readonly segments: readonly number[] | undefined;
}

export const ARRAY_USES = ["points", "frames", "depth"] as const;
export type ArrayUse = (typeof ARRAY_USES)[number];

const POSITIONS = ["x", "y", "z", "intensity"];

/** Names of `count` columns that a file does not name: x, y, z, intensity, c4, c5, … */
export const standardNames = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => POSITIONS[i] ?? `c${i}`);

/** Points that no file holds, as rows of numbers in standard columns or in those named. */
export function pointTable(file: string, { columns, data }: Points, names = standardNames(columns)): Table {
  return { file, kind: "points", rows: data.length / columns, columns: columnsOf(names, data), unnamed: true, place: (row) => `row ${row}` };
}

/** Columns of row-major numbers. */
export function columnsOf(names: readonly string[], data: Float32Array | Float64Array): readonly Column[] {
  const rows = Math.floor(data.length / names.length);
  return names.map((name, c) => {
    const values = data instanceof Float32Array ? new Float32Array(rows) : new Float64Array(rows);
    for (let row = 0; row < rows; row++) values[row] = data[row * names.length + c]!;
    return { name, values };
  });
}
