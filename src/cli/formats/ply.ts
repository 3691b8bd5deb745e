/**
 * The Stanford polygon format: the element `vertex` as a table. Lists are stepped over, other elements too, yet they
 * must be there. Format: Greg Turk, "The PLY Polygon File Format" (1994), with the sized type names that came later.
 */
import { inputError, type InputError } from "../errors.ts";
import { recordColumns, SCALAR_BYTES, scalarReader, type Field, type Scalar } from "./scalars.ts";
import type { Table } from "./table.ts";
import { linesOf, notANumber, readNumber, RowBuilder, wrongWidth } from "./text.ts";

const TYPES: Readonly<Record<string, Scalar>> = {
  char: "i8", uchar: "u8", short: "i16", ushort: "u16", int: "i32", uint: "u32", float: "f32", double: "f64",
  int8: "i8", uint8: "u8", int16: "i16", uint16: "u16", int32: "i32", uint32: "u32", float32: "f32", float64: "f64",
};

interface Property {
  readonly name: string;
  readonly scalar: Scalar;
  /** Type of the length before the values of a list. */
  readonly list: Scalar | undefined;
}

interface Element {
  readonly name: string;
  readonly count: number;
  readonly line: number;
  readonly properties: Property[];
}

interface Header {
  readonly form: "ascii" | "little" | "big";
  readonly elements: readonly Element[];
  /** Where the data begin. */
  readonly start: number;
  readonly line: number;
}

const FORMS: Readonly<Record<string, Header["form"]>> = { ascii: "ascii", binary_little_endian: "little", binary_big_endian: "big" };

/** Lines that a header may have; those in use have a few dozen. */
const MAX_LINES = 4096;

/** Reads the vertices. SP0835: the file ends before what its header promises; SP0836: a broken header; SP0837: an unknown type; SP0838: a line of another width. */
export function readPly(file: string, bytes: Uint8Array): readonly Table[] {
  const header = readHeader(file, bytes);
  if (!header.elements.some((e) => e.name === "vertex")) {
    throw inputError("SP0836", `${file} has no element \`vertex\`; it has ${header.elements.map((e) => `\`${e.name}\``).join(", ") || "none"}`);
  }
  return [header.form === "ascii" ? readAscii(file, bytes, header) : readBinary(file, bytes, header, header.form === "little")];
}

function readHeader(file: string, bytes: Uint8Array): Header {
  const broken = (what: string, line: number): InputError => inputError("SP0836", `${file} is not a readable .ply file: ${what} (line ${line})`);
  const elements: Element[] = [];
  let form: Header["form"] | undefined;
  let at = 0;
  for (let line = 1; line <= MAX_LINES; line++) {
    const end = bytes.indexOf(10, at);
    if (end < 0 || end - at > 4096) throw broken(line === 1 ? "it does not begin with `ply`" : "its header has no end", line);
    const text = new TextDecoder("latin1").decode(bytes.subarray(at, end)).trim();
    at = end + 1;
    const words = text.split(/\s+/);
    if (line === 1) {
      if (text !== "ply") throw broken("it does not begin with `ply`", line);
    } else if (text === "end_header") {
      if (form === undefined) throw broken("its header names no format", line);
      return { form, elements, start: at, line: line + 1 };
    } else if (words[0] === "format") {
      form = FORMS[words[1] ?? ""];
      if (form === undefined || words[2] !== "1.0") throw inputError("SP0837", `${file}, line ${line}: the format ${JSON.stringify(words.slice(1).join(" "))} is not read`, { help: `one of ${Object.keys(FORMS).join(", ")}, version 1.0` });
    } else if (words[0] === "element") {
      const count = Number(words[2]);
      if (words.length !== 3 || !/^\d+$/.test(words[2]!) || !Number.isSafeInteger(count)) throw broken(`${JSON.stringify(text.slice(0, 80))} is no element with its count`, line);
      elements.push({ name: words[1]!, count, line, properties: [] });
    } else if (words[0] === "property") {
      const element = elements.at(-1);
      if (element === undefined) throw broken("a property stands before any element", line);
      element.properties.push(readProperty(file, words, line, broken));
    } else if (words[0] !== "comment" && words[0] !== "obj_info" && text !== "") throw broken(`${JSON.stringify(text.slice(0, 80))} is no line of a header`, line);
  }
  throw broken(`its header has more than ${MAX_LINES} lines`, MAX_LINES);
}

function readProperty(file: string, words: readonly string[], line: number, broken: (what: string, line: number) => InputError): Property {
  const isList = words[1] === "list";
  const [types, name] = isList ? [words.slice(2, 4), words[4]] : [words.slice(1, 2), words[2]];
  if (name === undefined || words.length !== (isList ? 5 : 3)) throw broken(`${JSON.stringify(words.join(" ").slice(0, 80))} is no property with its type and name`, line);
  const scalars = types.map((type) => {
    if (!Object.hasOwn(TYPES, type)) throw inputError("SP0837", `${file}, line ${line}: property \`${name}\` has the unknown type ${JSON.stringify(type)}`, { help: `one of ${Object.keys(TYPES).join(", ")}` });
    return TYPES[type]!;
  });
  return { name, scalar: scalars.at(-1)!, list: isList ? scalars[0] : undefined };
}

const truncated = (file: string, element: Element, have: string, at: string): InputError =>
  inputError("SP0835", `${file} is truncated: its header (line ${element.line}) promises ${element.count} of \`${element.name}\`, ${have}, and the file ends at ${at}`);

function readAscii(file: string, bytes: Uint8Array, { elements, start, line: firstLine }: Header): Table {
  const lines = linesOf(file, bytes, start, firstLine);
  const rows = new RowBuilder();
  let names: readonly string[] = [];
  let last = firstLine - 1;
  for (const element of elements) {
    const vertex = element.name === "vertex";
    const kept = element.properties.filter((p) => p.list === undefined);
    if (vertex) names = kept.map((p) => p.name);
    for (let i = 0; i < element.count; i++) {
      const next = nextLine(lines);
      if (next === undefined) throw truncated(file, element, `it holds ${i}`, `line ${last}`);
      last = next[1];
      if (vertex) rows.push(asciiRow(file, next, element.properties), last);
    }
  }
  return rows.table(file, names, false);
}

function nextLine(lines: Generator<readonly [string, number]>): readonly [string, number] | undefined {
  for (let next = lines.next(); next.done !== true; next = lines.next()) if (next.value[0].trim() !== "") return next.value;
  return undefined;
}

function asciiRow(file: string, [text, line]: readonly [string, number], properties: readonly Property[]): readonly number[] {
  const words = text.trim().split(/\s+/);
  const values: number[] = [];
  let at = 0;
  for (const property of properties) {
    const value = readNumber(words[at] ?? "");
    if (at >= words.length) throw wrongWidth(file, line, words.length, properties.length, `for ${properties.map((p) => p.name).join(", ")}`);
    if (value === undefined) throw notANumber(file, line, words[at]!, at);
    if (property.list === undefined) values.push(value);
    at += property.list === undefined ? 1 : 1 + Math.max(0, value);
  }
  if (at !== words.length) throw wrongWidth(file, line, words.length, at, `for ${properties.map((p) => p.name).join(", ")}`);
  return values;
}

function readBinary(file: string, bytes: Uint8Array, { elements, start }: Header, little: boolean): Table {
  let at = start;
  let table: Table | undefined;
  for (const element of elements) {
    const { count, properties } = element;
    if (properties.every((p) => p.list === undefined)) {
      const { fields, stride } = layOut(properties);
      const room = stride === 0 ? count : Math.floor((bytes.byteLength - at) / stride);
      if (count > room) throw truncated(file, element, `${stride} bytes each from byte ${at}: ${room} are there`, `byte ${bytes.byteLength}`);
      const begin = at;
      if (element.name === "vertex") table ??= { file, kind: "points", rows: stride === 0 ? 0 : count, columns: recordColumns(bytes, at, stride, stride === 0 ? 0 : count, fields, little), unnamed: false, place: (row) => `byte ${begin + row * stride}` };
      at += count * stride;
    } else {
      const walked = walk(file, bytes, at, element, little);
      if (element.name === "vertex") table ??= walked.table;
      at = walked.end;
    }
  }
  if (table === undefined) throw new Error("internal: no vertex was read");
  return table;
}

function layOut(properties: readonly Property[]): { readonly fields: readonly Field[]; readonly stride: number } {
  let stride = 0;
  const fields = properties.map(({ name, scalar }) => {
    const offset = stride;
    stride += SCALAR_BYTES[scalar];
    return { name, scalar, offset };
  });
  return { fields, stride };
}

/** Elements with lists have no fixed size: every one is stepped through, and only vertices are kept. */
function walk(file: string, bytes: Uint8Array, start: number, element: Element, little: boolean): { readonly table: Table; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const steps = element.properties.map(({ list, scalar }) => ({ list: list === undefined ? undefined : { read: scalarReader(view, list, little), size: SCALAR_BYTES[list] }, read: scalarReader(view, scalar, little), size: SCALAR_BYTES[scalar] }));
  const names = element.properties.filter((p) => p.list === undefined).map((p) => p.name);
  const keep = element.name === "vertex";
  const rows = new RowBuilder();
  let at = start;
  for (let i = 0; i < element.count; i++) {
    const begin = at;
    const values: number[] = [];
    for (const { list, read, size } of steps) {
      if (at + (list?.size ?? size) > bytes.byteLength) throw truncated(file, element, `it holds ${i}`, `byte ${bytes.byteLength}`);
      if (list === undefined) {
        if (keep) values.push(read(at));
        at += size;
        continue;
      }
      const length = list.read(at);
      if (!(length >= 0)) throw inputError("SP0836", `${file} is not a readable .ply file: a list of \`${element.name}\` ${i} has ${length} values (byte ${at})`);
      at += list.size + length * size;
      if (at > bytes.byteLength) throw truncated(file, element, `a list of \`${element.name}\` ${i} (byte ${begin}) claims ${length} values`, `byte ${bytes.byteLength}`);
    }
    if (keep) rows.push(values, begin);
  }
  const table = rows.table(file, names, false);
  return { table: { ...table, place: (row) => table.place(row).replace("line", "byte") }, end: at };
}
