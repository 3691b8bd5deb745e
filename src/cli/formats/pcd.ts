/** Point clouds of the Point Cloud Library, version 0.7 and its forerunners: ascii, binary and binary_compressed. */
import { inputError, type InputError } from "../errors.ts";
import { inflateLzf, MAX_LZF_RATIO } from "./lzf.ts";
import { recordColumns, SCALAR_BYTES, type Field, type Scalar } from "./scalars.ts";
import type { Column, Table } from "./table.ts";
import { linesOf, notANumber, readNumber, RowBuilder, wrongWidth } from "./text.ts";

const TYPES: Readonly<Record<string, Scalar>> = { I1: "i8", I2: "i16", I4: "i32", I8: "i64", U1: "u8", U2: "u16", U4: "u32", U8: "u64", F4: "f32", F8: "f64" };

interface PcdField {
  readonly name: string;
  readonly scalar: Scalar;
  readonly count: number;
}

interface Header {
  readonly fields: readonly PcdField[];
  readonly points: number;
  readonly data: string;
  readonly start: number;
  /** Of the first line behind it. */
  readonly line: number;
}

type Broken = (what: string, line: number) => InputError;

const MAX_LINES = 256;
const KEYS = new Set(["VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA"]);

/**
 * Reads a cloud. `rgb` and `rgba`, colours packed in four bytes, become red, green and blue; padding (`_`) is left out.
 * SP0835: the file ends before what its header promises; SP0836: a broken header; SP0837: a type or storage that is not
 * read; SP0838: a line of another width; SP0840: a broken compressed stream.
 */
export function readPcd(file: string, bytes: Uint8Array): readonly Table[] {
  const header = readHeader(file, bytes);
  const table = readData(file, bytes, header);
  return [{ ...table, columns: unpackColours(table.columns, header) }];
}

function readData(file: string, bytes: Uint8Array, header: Header): Table {
  const { fields, stride } = layOut(header.fields);
  const { points, start, data } = header;
  const base = { file, kind: "points", rows: points, unnamed: false } as const;
  if (data === "ascii") return readAscii(file, bytes, header, fields.map((f) => f.name));
  if (data === "binary") {
    const room = Math.floor((bytes.byteLength - start) / stride);
    if (points > room) throw truncated(file, header, `${stride} bytes each from byte ${start}: ${room} are there`, `byte ${bytes.byteLength}`);
    return { ...base, columns: recordColumns(bytes, start, stride, points, fields), place: (row) => `byte ${start + row * stride}` };
  }
  if (data === "binary_compressed") {
    const values = inflated(file, bytes, header, stride);
    const columns = planes(header.fields).flatMap((plane) => recordColumns(values, plane.offset * points, plane.stride, points, plane.fields));
    return { ...base, columns, place: (row) => `point ${row} of the compressed stream at byte ${start + 8}` };
  }
  throw inputError("SP0837", `${file} stores its points as ${JSON.stringify(data.slice(0, 40))} (line ${header.line - 1})`, { help: "ascii, binary and binary_compressed are read" });
}

const truncated = (file: string, header: Header, have: string, at: string): InputError =>
  inputError("SP0835", `${file} is truncated: its header promises ${header.points} points, ${have}, and the file ends at ${at}`);

function readHeader(file: string, bytes: Uint8Array): Header {
  const broken: Broken = (what, line) => inputError("SP0836", `${file} is not a readable .pcd file: ${what} (line ${line})`);
  const entries = new Map<string, readonly string[]>();
  let at = 0;
  for (let line = 1; line <= MAX_LINES; line++) {
    const end = bytes.indexOf(10, at);
    if (end < 0 || end - at > 65536) throw broken("its header has no line DATA", line);
    const text = new TextDecoder("latin1").decode(bytes.subarray(at, end)).trim();
    at = end + 1;
    if (text === "" || text.startsWith("#")) continue;
    const [key, ...words] = text.split(/\s+/) as [string, ...string[]];
    if (!KEYS.has(key)) throw broken(`${JSON.stringify(text.slice(0, 60))} is no line of a header`, line);
    entries.set(key, words);
    if (key === "DATA") return finishHeader(file, entries, at, line, broken);
  }
  throw broken(`its header has more than ${MAX_LINES} lines`, MAX_LINES);
}

function finishHeader(file: string, entries: ReadonlyMap<string, readonly string[]>, start: number, line: number, broken: Broken): Header {
  const names = entries.get("FIELDS") ?? [];
  if (names.length === 0) throw broken("it names no FIELDS", line);
  const words = (key: string, otherwise?: string): readonly string[] => {
    const given = entries.get(key) ?? (otherwise === undefined ? [] : names.map(() => otherwise));
    if (given.length !== names.length) throw broken(`${key} has ${given.length} words for ${names.length} fields`, line);
    return given;
  };
  const [sizes, types, counts] = [words("SIZE"), words("TYPE"), words("COUNT", "1")];
  const fields = names.map((name, i): PcdField => {
    const type = `${types[i]}${sizes[i]}`;
    if (!Object.hasOwn(TYPES, type)) throw inputError("SP0837", `${file}: field \`${name}\` has the unknown type ${types[i]} of ${sizes[i]} bytes`, { help: `one of ${Object.keys(TYPES).map((t) => `${t[0]} ${t[1]}`).join(", ")}` });
    if (!/^\d{1,4}$/.test(counts[i]!)) throw broken(`field \`${name}\` has the count ${counts[i]}`, line);
    return { name, scalar: TYPES[type]!, count: Number(counts[i]) };
  });
  const [width, height, points] = ["WIDTH", "HEIGHT", "POINTS"].map((key) => wholeNumber(key, entries.get(key), line, broken));
  const area = width === undefined ? undefined : width * (height ?? 1);
  if (points === undefined && area === undefined) throw broken("it says neither POINTS nor WIDTH", line);
  if (points !== undefined && area !== undefined && points !== area) throw broken(`POINTS is ${points}, WIDTH × HEIGHT is ${area}`, line);
  if (fields.every((f) => f.count === 0)) throw broken("its fields have no values", line);
  return { fields, points: points ?? area!, data: entries.get("DATA")!.join(" "), start, line: line + 1 };
}

function wholeNumber(key: string, given: readonly string[] | undefined, line: number, broken: Broken): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given[0]);
  if (given.length !== 1 || !/^\d+$/.test(given[0]!) || !Number.isSafeInteger(value)) throw broken(`${key} is ${JSON.stringify(given.join(" ").slice(0, 40))}`, line);
  return value;
}

/** In a compressed stream each field has a plane of its own, with all values of a point together. */
function planes(fields: readonly PcdField[]): readonly { readonly offset: number; readonly stride: number; readonly fields: readonly Field[] }[] {
  let offset = 0;
  return fields.map((field) => {
    const plane = { offset, ...layOut([field]) };
    offset += plane.stride;
    return plane;
  });
}

/** One field of the table per value, `name_0`, `name_1`, … where there are several; padding takes room only. */
function layOut(fields: readonly PcdField[]): { readonly fields: readonly Field[]; readonly stride: number } {
  let stride = 0;
  const out: Field[] = [];
  for (const { name, scalar, count } of fields) {
    for (let i = 0; i < count; i++) {
      if (name !== "_") out.push({ name: count === 1 ? name : `${name}_${i}`, scalar, offset: stride });
      stride += SCALAR_BYTES[scalar];
    }
  }
  return { fields: out, stride };
}

function readAscii(file: string, bytes: Uint8Array, header: Header, names: readonly string[]): Table {
  const keep = header.fields.flatMap(({ name, count }) => Array<boolean>(count).fill(name !== "_"));
  const rows = new RowBuilder();
  let last = header.line - 1;
  for (const [text, line] of linesOf(file, bytes, header.start, header.line)) {
    if (rows.rows === header.points) break;
    if (text.trim() === "") continue;
    last = line;
    const words = text.trim().split(/\s+/);
    if (words.length !== keep.length) throw wrongWidth(file, line, words.length, keep.length, "as FIELDS and COUNT say");
    const values = words.map(readNumber);
    const bad = values.indexOf(undefined);
    if (bad >= 0) throw notANumber(file, line, words[bad]!, bad);
    rows.push((values as number[]).filter((_, i) => keep[i]), line);
  }
  if (rows.rows < header.points) throw truncated(file, header, `it holds ${rows.rows}`, `line ${last}`);
  return rows.table(file, names, false);
}

/** Two 32-bit sizes, compressed and not, then LZF of all values of the first field, then of the second, … */
function inflated(file: string, bytes: Uint8Array, { points, start }: Header, stride: number): Uint8Array {
  const end = bytes.byteLength;
  if (start + 8 > end) throw inputError("SP0835", `${file} is truncated: the sizes of its compressed stream should be at byte ${start}, and the file ends at byte ${end}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const [packed, size] = [view.getUint32(start, true), view.getUint32(start + 4, true)];
  const broken = (what: string, at: number): InputError => inputError("SP0840", `the compressed stream of ${file} is broken: ${what} (byte ${at})`);
  if (start + 8 + packed > end) throw inputError("SP0835", `${file} is truncated: its compressed stream takes bytes ${start + 8} to ${start + 8 + packed}, and the file ends at byte ${end}`);
  if (size !== points * stride) throw broken(`it claims ${size} bytes, but ${points} points of ${stride} bytes are ${points * stride}`, start + 4);
  if (size > MAX_LZF_RATIO * packed) throw broken(`it claims to inflate ${packed} bytes to ${size}, more than LZF can`, start + 4);
  const out = inflateLzf(bytes.subarray(start + 8, start + 8 + packed), size);
  if (!(out instanceof Uint8Array)) throw broken(out.what, start + 8 + out.at);
  return out;
}

const PACKED = new Set(["rgb", "rgba"]);

/** Colours are 0x00RRGGBB, as a whole number or as the bits of a float. */
function unpackColours(columns: readonly Column[], header: Header): readonly Column[] {
  return columns.flatMap((column) => {
    const field = header.fields.find((f) => f.name === column.name);
    if (field === undefined || !PACKED.has(field.name)) return [column];
    const bits = field.scalar === "f32" ? (v: number): number => floatBits(v, header.data === "ascii") : (v: number): number => v;
    return ["red", "green", "blue"].map((name, i) => ({ name, values: Float32Array.from(column.values, (v) => (bits(v) >>> (16 - 8 * i)) & 255) }));
  });
}

const word = new DataView(new ArrayBuffer(4));

/** In ascii the bits are sometimes written as the whole number that they are; as floats they are far below 1. */
function floatBits(value: number, ascii: boolean): number {
  if (ascii && Math.abs(value) >= 1) return value;
  word.setFloat32(0, value);
  return word.getUint32(0);
}
