import { readTables } from "../../../src/cli/formats/read-table.ts";
import type { ReadOptions, Table } from "../../../src/cli/formats/table.ts";

export const OPTIONS: ReadOptions = {
  columns: undefined, scalar: "f32", as: undefined, array: undefined, intrinsics: undefined, depthScale: undefined, axes: ["z", "y", "x"], channels: 1, segments: undefined,
};

/** The columns of a table by name, as plain numbers. */
export const plain = (table: Table): Readonly<Record<string, readonly number[]>> => Object.fromEntries(table.columns.map((c) => [c.name, [...c.values]]));

export async function readOne(file: string, options: Partial<ReadOptions> = {}): Promise<Table> {
  const tables = await readTables(file, { ...OPTIONS, ...options });
  if (tables.length !== 1) throw new Error(`${tables.length} tables`);
  return tables[0]!;
}

/** The message of what reading a file throws, or what it gave instead. */
export async function failure(file: string, options: Partial<ReadOptions> = {}): Promise<string> {
  try {
    return `read ${(await readTables(file, { ...OPTIONS, ...options })).map((t) => t.rows).join()} rows`;
  } catch (error) {
    return error instanceof Error && error.name === "Error" && /^SP\d{4}: /.test(error.message) ? error.message : `not a coded error: ${String(error)}`;
  }
}

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

export function bytes(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...(typeof part === "string" ? ascii(part) : part)]));
}

/** Numbers of one type in a byte order, written by DataView: not what the readers use to lay out records. */
export function pack(items: readonly (readonly [type: "f32" | "f64" | "u8" | "i8" | "u16" | "i16" | "u32" | "i32", value: number])[], little = true): Uint8Array {
  const SIZES = { f32: 4, f64: 8, u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4 };
  const view = new DataView(new ArrayBuffer(items.reduce((n, [type]) => n + SIZES[type], 0)));
  let at = 0;
  for (const [type, value] of items) {
    if (type === "f32") view.setFloat32(at, value, little);
    else if (type === "f64") view.setFloat64(at, value, little);
    else if (type === "u8") view.setUint8(at, value);
    else if (type === "i8") view.setInt8(at, value);
    else if (type === "u16") view.setUint16(at, value, little);
    else if (type === "i16") view.setInt16(at, value, little);
    else if (type === "u32") view.setUint32(at, value, little);
    else view.setInt32(at, value, little);
    at += SIZES[type];
  }
  return new Uint8Array(view.buffer);
}

/** A .npy file as numpy's NEP 1 has it. */
export function npy(descr: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const padded = `${header.padEnd(118 - 1)}\n`;
  return bytes(Uint8Array.of(0x93), "NUMPY", Uint8Array.of(1, 0, padded.length & 255, padded.length >> 8), padded, data);
}
