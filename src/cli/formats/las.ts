/** LAS 1.0 to 1.4, point formats 0 to 10. Format: ASPRS, "LAS Specification 1.4 – R15". */
import { inputError, type InputError } from "../errors.ts";
import { recordColumns, type Field } from "./scalars.ts";
import type { Column, Table } from "./table.ts";

export interface LasHeader {
  readonly format: number;
  /** By LASzip. */
  readonly compressed: boolean;
  readonly points: number;
  /** Where the point records begin, and the size of one. */
  readonly start: number;
  readonly stride: number;
  readonly scale: readonly number[];
  readonly offset: readonly number[];
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly headerSize: number;
  /** Variable length records behind the header. */
  readonly records: number;
}

const field = (name: string, scalar: Field["scalar"], offset: number): Field => ({ name, scalar, offset });

const PLACE: readonly Field[] = [field("x", "i32", 0), field("y", "i32", 4), field("z", "i32", 8), field("intensity", "u16", 12), field("flags", "u8", 14)];
const CLASSIC: readonly Field[] = [...PLACE, field("classification", "u8", 15), field("scan_angle", "i8", 16), field("user_data", "u8", 17), field("point_source_id", "u16", 18)];
const EXTENDED: readonly Field[] = [...PLACE, field("classification", "u8", 16), field("user_data", "u8", 17), field("scan_angle", "i16", 18), field("point_source_id", "u16", 20), field("gps_time", "f64", 22)];
const time = field("gps_time", "f64", 20);
const colour = (at: number): readonly Field[] => [field("red", "u16", at), field("green", "u16", at + 2), field("blue", "u16", at + 4)];

/** Fields and least record size of each point format; wave packets are stepped over. */
const FORMATS: readonly { readonly size: number; readonly fields: readonly Field[] }[] = [
  { size: 20, fields: CLASSIC },
  { size: 28, fields: [...CLASSIC, time] },
  { size: 26, fields: [...CLASSIC, ...colour(20)] },
  { size: 34, fields: [...CLASSIC, time, ...colour(28)] },
  { size: 57, fields: [...CLASSIC, time] },
  { size: 63, fields: [...CLASSIC, time, ...colour(28)] },
  { size: 30, fields: EXTENDED },
  { size: 36, fields: [...EXTENDED, ...colour(30)] },
  { size: 38, fields: [...EXTENDED, ...colour(30), field("nir", "u16", 36)] },
  { size: 59, fields: EXTENDED },
  { size: 67, fields: [...EXTENDED, ...colour(30), field("nir", "u16", 36)] },
];

/** The two top bits of the point format say that LASzip has compressed the points. */
const COMPRESSED = 0xc0;

/** SP0836: no header of LAS, or one that makes no sense; SP0837: a version or point format that is not read; SP0835: truncated. */
export function readLasHeader(file: string, bytes: Uint8Array): LasHeader {
  const broken = (what: string, at: number): InputError => inputError("SP0836", `${file} is not a readable LAS file: ${what} (byte ${at})`);
  const end = bytes.byteLength;
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 4)) !== "LASF") throw broken("it does not begin with LASF", 0);
  const [major, minor] = [bytes[24], bytes[25] ?? 0];
  const least = minor === 4 ? 375 : 227;
  if (end < least) throw inputError("SP0835", `${file} is truncated: its header takes ${least} bytes at least, and the file ends at byte ${end}`);
  if (major !== 1 || minor > 4) throw inputError("SP0837", `${file} is LAS ${major}.${minor} (byte 24); 1.0 to 1.4 are read`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const [headerSize, start, records] = [view.getUint16(94, true), view.getUint32(96, true), view.getUint32(100, true)];
  const [coded, stride] = [bytes[104]!, view.getUint16(105, true)];
  const format = coded & ~COMPRESSED;
  const known = FORMATS[format];
  if (known === undefined) throw inputError("SP0837", `${file} has point format ${format} (byte 104); 0 to 10 are read`);
  if (headerSize < least) throw broken(`its header claims ${headerSize} bytes, it takes ${least}`, 94);
  if (start < headerSize) throw broken(`its points begin at byte ${start}, within the header of ${headerSize}`, 96);
  if (start > end) throw inputError("SP0835", `${file} is truncated: its points begin at byte ${start}, and the file ends at byte ${end}`);
  if (stride < known.size) throw broken(`point format ${format} takes ${known.size} bytes, its records have ${stride}`, 105);
  const wide = minor === 4 ? Number(view.getBigUint64(247, true)) : 0;
  const three = (at: number, step: number): readonly number[] => [0, 1, 2].map((i) => view.getFloat64(at + i * step, true));
  const [scale, offset] = [three(131, 8), three(155, 8)];
  if ([...scale, ...offset].some((v) => !Number.isFinite(v)) || scale.includes(0)) throw broken(`scale ${scale.join(", ")} and offset ${offset.join(", ")} make no coordinates`, 131);
  return { format, compressed: (coded & COMPRESSED) !== 0, points: wide > 0 ? wide : view.getUint32(107, true), start, stride, scale, offset, max: three(179, 16), min: three(187, 16), headerSize, records };
}

/** An uncompressed file. SP0835: it ends before the points that its header promises. */
export function readLas(file: string, bytes: Uint8Array, header: LasHeader): Table {
  const { points, start, stride } = header;
  const room = Math.floor((bytes.byteLength - start) / stride);
  if (points > room) {
    throw inputError("SP0835", `${file} is truncated: its header promises ${points} points of ${stride} bytes from byte ${start}: ${room} are there, and the file ends at byte ${bytes.byteLength}`);
  }
  return { file, kind: "points", rows: points, columns: lasColumns(header, bytes, start), unnamed: false, place: (row) => `byte ${start + row * stride}` };
}

/** Columns of point records: coordinates in their unit, flags taken apart. */
export function lasColumns({ format, points, stride, scale, offset }: LasHeader, bytes: Uint8Array, start: number): readonly Column[] {
  const raw = recordColumns(bytes, start, stride, points, FORMATS[format]!.fields);
  return raw.flatMap((column): readonly Column[] => {
    const axis = ["x", "y", "z"].indexOf(column.name);
    if (axis >= 0) return [{ name: column.name, values: Float64Array.from(column.values, (v) => v * scale[axis]! + offset[axis]!) }];
    if (format < 6 && column.name === "classification") return [{ name: column.name, values: Float32Array.from(column.values, (v) => v & 31) }];
    if (column.name !== "flags") return [column];
    const [mask, shift] = format < 6 ? [7, 3] : [15, 4];
    return [
      { name: "return_number", values: Float32Array.from(column.values, (v) => v & mask) },
      { name: "number_of_returns", values: Float32Array.from(column.values, (v) => (v >> shift) & mask) },
    ];
  });
}
