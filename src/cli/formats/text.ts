/** Numbers in text, line by line, and the readers of `.xyz`, `.txt`, `.csv` and of the vertices of `.obj`. */
import { inputError, type InputError } from "../errors.ts";
import { columnsOf, standardNames, type ReadOptions, type Table } from "./table.ts";

/** Lines of a file with the number of each, counted from 1; text after a NUL byte is no text. SP0836 when it is binary. */
export function* linesOf(file: string, bytes: Uint8Array, from = 0, firstLine = 1): Generator<readonly [text: string, line: number]> {
  const decoder = new TextDecoder("latin1");
  let line = firstLine;
  for (let at = from; at < bytes.length; line++) {
    const found = bytes.indexOf(10, at);
    const end = found < 0 ? bytes.length : found;
    const text = decoder.decode(bytes.subarray(at, end));
    if (text.includes("\0")) throw inputError("SP0836", `${file} is not text: line ${line} (from byte ${at}) holds a NUL`);
    yield [text.endsWith("\r") ? text.slice(0, -1) : text, line];
    at = end + 1;
  }
}

/** A number as C and Python print it, `nan` and `inf` included; undefined for another word. */
export function readNumber(word: string): number | undefined {
  const value = Number(word);
  if (!Number.isNaN(value) && word !== "") return value;
  const special = /^([+-]?)(?:(inf(?:inity)?)|nan(?:\(\w*\))?)$/i.exec(word);
  if (special === null) return undefined;
  return special[2] === undefined ? Number.NaN : special[1] === "-" ? -Infinity : Infinity;
}

/** Rows of numbers of one width that grow with what is read, and the line of each. */
export class RowBuilder {
  #data = new Float64Array(1024);
  #lines = new Int32Array(256);
  #length = 0;
  rows = 0;

  push(values: readonly number[], line: number): void {
    if (this.#length + values.length > this.#data.length) this.#data = grown(this.#data, new Float64Array(Math.max(2 * this.#data.length, this.#length + values.length)));
    if (this.rows === this.#lines.length) this.#lines = grown(this.#lines, new Int32Array(2 * this.rows));
    this.#data.set(values, this.#length);
    this.#length += values.length;
    this.#lines[this.rows++] = line;
  }

  table(file: string, names: readonly string[], unnamed: boolean, kind: Table["kind"] = "points"): Table {
    const lines = this.#lines.slice(0, this.rows);
    return { file, kind, rows: this.rows, columns: columnsOf(names, this.#data.subarray(0, this.#length)), unnamed, place: (row) => `line ${lines[row]}` };
  }
}

function grown<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** SP0838: a word of a row is no number. */
export const notANumber = (file: string, line: number, word: string, column: number): InputError =>
  inputError("SP0838", `${file}, line ${line}: ${JSON.stringify(word.slice(0, 40))} in column ${column + 1} is not a number`);

/** SP0838: a row has more or fewer numbers than it should. */
export const wrongWidth = (file: string, line: number, have: number, want: number, why: string): InputError =>
  inputError("SP0838", `${file}, line ${line} has ${have} column${have === 1 ? "" : "s"}, expected ${want} ${why}`);

/**
 * Columns of numbers separated by blanks, commas or semicolons. `#` and `//` begin comments. A first line of words names
 * the columns. SP0838 for a row of another width or a word that is no number.
 */
export function readColumns(file: string, bytes: Uint8Array, options: ReadOptions): readonly Table[] {
  let names = Array.isArray(options.columns) ? options.columns : undefined;
  let width = typeof options.columns === "number" ? options.columns : names?.length;
  let why = "as --columns says";
  let named = names !== undefined;
  const rows = new RowBuilder();
  let first = true;
  for (const [text, line] of linesOf(file, bytes)) {
    const words = text.replace(/(?:#|\/\/).*$/, "").split(/[\s,;]+/).filter((word) => word !== "");
    if (words.length === 0) continue;
    const values = words.map(readNumber);
    if (first && values.every((v) => v === undefined)) {
      names ??= words.map((word) => word.replace(/^"(.*)"$/, "$1"));
      [width, why, named, first] = [names.length, "as its first line names", true, false];
      continue;
    }
    if (width === undefined) [width, why] = [words.length, `as line ${line} has`];
    first = false;
    const bad = values.indexOf(undefined);
    if (bad >= 0) throw notANumber(file, line, words[bad]!, bad);
    if (words.length !== width) throw wrongWidth(file, line, words.length, width, why);
    rows.push(values as number[], line);
  }
  return [rows.table(file, names ?? standardNames(width ?? 3), !named)];
}

const OBJ_WIDTHS: Readonly<Record<number, readonly string[]>> = { 3: ["x", "y", "z"], 4: ["x", "y", "z", "w"], 6: ["x", "y", "z", "red", "green", "blue"] };

/** The vertices of a Wavefront mesh: `v x y z`, with a weight or a colour behind. SP0838 for vertices that differ in width. */
export function readObj(file: string, bytes: Uint8Array): readonly Table[] {
  let names: readonly string[] | undefined;
  let [since, other] = [0, 0];
  const rows = new RowBuilder();
  for (const [text, line] of linesOf(file, bytes)) {
    const words = text.trim().split(/\s+/);
    if (words[0] !== "v") {
      if (words[0] !== "" && !/^[a-zA-Z#]/.test(words[0]!)) other ||= line;
      continue;
    }
    const values = words.slice(1).map(readNumber);
    const bad = values.indexOf(undefined);
    if (bad >= 0) throw notANumber(file, line, words[bad + 1]!, bad);
    if (names === undefined) {
      names = OBJ_WIDTHS[values.length];
      if (names === undefined) throw wrongWidth(file, line, values.length, 3, "of a vertex, or 4 with a weight, or 6 with a colour");
      since = line;
    }
    if (values.length !== names.length) throw wrongWidth(file, line, values.length, names.length, `as line ${since} has`);
    rows.push(values as number[], line);
  }
  if (names === undefined && other > 0) throw inputError("SP0836", `${file} is not a readable .obj file: line ${other} begins with no keyword`);
  return [rows.table(file, names ?? ["x", "y", "z"], false)];
}
