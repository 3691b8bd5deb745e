/** The formats of points, by the end of a file's name. */
import { gunzipSync } from "node:zlib";
import { inputError } from "../errors.ts";
import { readBytes } from "../files/read.ts";
import { readBin } from "./bin.ts";
import { readPngDepth } from "./depth.ts";
import { readLas, readLasHeader } from "./las.ts";
import { readLaz } from "./laz.ts";
import { readNpyTables, readNpzTables } from "./npy.ts";
import { readPcd } from "./pcd.ts";
import { readPly } from "./ply.ts";
import type { ReadOptions, Table } from "./table.ts";
import { readColumns, readObj } from "./text.ts";
import { readUnipen } from "./unipen.ts";

type Reader = (file: string, bytes: Uint8Array, options: ReadOptions) => readonly Table[] | Promise<readonly Table[]>;

/** Compressed points in a file called .las are LAZ all the same. */
const las: Reader = async (file, bytes) => {
  const header = readLasHeader(file, bytes);
  return [header.compressed ? await readLaz(file, bytes, header) : readLas(file, bytes, header)];
};

export const READERS: Readonly<Record<string, Reader>> = {
  bin: readBin, ply: readPly, pcd: readPcd, npy: readNpyTables, npz: readNpzTables, las, laz: las,
  xyz: readColumns, txt: readColumns, csv: readColumns, obj: readObj, png: readPngDepth, dat: readUnipen,
};

/** The end of a name that says the format, `.gz` left out. */
export const formatOf = (file: string): string => /\.([^./\\]+?)(?:\.gz)?$/i.exec(file)?.[1]!.toLowerCase() ?? "";

/** The tables of a file, one per batch item. SP0847: a format that is not read; further codes as the readers say. */
export async function readTables(file: string, options: ReadOptions): Promise<readonly Table[]> {
  const format = formatOf(file);
  const reader = Object.hasOwn(READERS, format) ? READERS[format] : undefined;
  if (reader === undefined && format === "label") throw inputError("SP0847", `${file}: labels of a data set are not read`, { help: "they are no input: what a network gives is compared with them. The points are in the .bin of that name; docs/DATA.md says how the rows go together" });
  if (reader === undefined) throw inputError("SP0847", `${file}: files whose name ends in ${format === "" ? "nothing" : `.${format}`} are not read`, { help: `.safetensors, .${Object.keys(READERS).join(", .")}, any of them with .gz behind` });
  return reader(file, unpacked(file, readBytes(file)), options);
}

/** Text shrinks to a tenth or so; a file that grows further is not believed. */
const MAX_RATIO = 64;
const SLACK = 1 << 24;

/** The bytes of a file, inflated where its name ends in .gz. SP0848: broken, or growing beyond all measure. */
export function unpacked(file: string, bytes: Uint8Array): Uint8Array {
  if (!/\.gz$/i.test(file)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_RATIO * bytes.byteLength + SLACK });
  } catch (error) {
    const large = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    throw inputError("SP0848", large ? `${file} has ${bytes.byteLength} bytes and inflates to more than ${MAX_RATIO} times as many, which is not believed` : `${file} is not readable as gzip, or truncated: ${error instanceof Error ? error.message : String(error)}`);
  }
}
