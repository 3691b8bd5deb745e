/** Pen strokes in UNIPEN's format 1.0 (Guyon, Schomaker et al., "UNIPEN project of on-line data exchange", 1994). */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { inputError } from "../errors.ts";
import { readBytes } from "../files/read.ts";
import type { Column, ReadOptions, Table } from "./table.ts";
import { linesOf, notANumber, readNumber } from "./text.ts";

interface Stroke {
  readonly line: number;
  /** x, y of each point. */
  readonly points: (readonly [number, number])[];
}

/** A piece of writing that a file names: the strokes of a character. */
interface Segment {
  readonly label: string;
  readonly strokes: readonly number[];
  readonly line: number;
}

interface Ink {
  readonly strokes: Stroke[];
  readonly segments: Segment[];
}

/**
 * Reads strokes and the files that it includes. Where the file names characters each one is a table, a batch item of its
 * own, else all strokes are one. A stroke becomes points along its lines, no two farther apart than half a voxel.
 * Columns: x to the right, y up, the stroke's number, and dx, dy, the pen's direction. SP0845: no strokes, an included
 * file that is not found, strokes or labels that make no sense.
 */
export function readUnipen(file: string, bytes: Uint8Array, { segments }: ReadOptions): readonly Table[] {
  const ink: Ink = { strokes: [], segments: [] };
  readInto(ink, file, bytes, 0);
  if (ink.strokes.length === 0) throw inputError("SP0845", `${file} has no pen strokes (.PEN_DOWN)`);
  if (ink.segments.length === 0) return [drawn(file, ink.strokes, segments)];
  return ink.segments.map(({ label, strokes, line }) => {
    const beyond = strokes.find((i) => i >= ink.strokes.length);
    if (beyond !== undefined) throw inputError("SP0845", `${file}, line ${line}: the character ${label} has stroke ${beyond}, but there are ${ink.strokes.length}`);
    return drawn(`${file}, line ${line} ${label}`, strokes.map((i) => ink.strokes[i]!), segments);
  });
}

const MAX_DEPTH = 8;

function readInto(ink: Ink, file: string, bytes: Uint8Array, depth: number): void {
  let stroke: Stroke | undefined;
  for (const [text, line] of linesOf(file, bytes)) {
    const words = text.trim().split(/\s+/);
    const [key] = words as [string];
    if (key === ".PEN_DOWN") ink.strokes.push((stroke = { line, points: [] }));
    else if (key === ".PEN_UP" || key === ".DT") stroke = undefined;
    else if (key === ".SEGMENT") {
      if (words[1] === "CHARACTER") ink.segments.push(readSegment(file, text, line));
    } else if (key === ".INCLUDE") {
      if (depth === MAX_DEPTH) throw inputError("SP0845", `${file}, line ${line}: files include one another ${MAX_DEPTH} deep`);
      const found = findIncluded(file, words[1] ?? "", line);
      readInto(ink, found, readBytes(found), depth + 1);
    } else if (stroke !== undefined && key !== "" && !key.startsWith(".")) {
      const [x, y] = [readNumber(words[0]!), readNumber(words[1] ?? "")];
      if (x === undefined || y === undefined) throw notANumber(file, line, words[x === undefined ? 0 : 1] ?? "", x === undefined ? 0 : 1);
      stroke.points.push([x, y]);
    }
  }
}

/** `.SEGMENT CHARACTER 87-88 ? "4"`: pen-down strokes counted from 0. */
function readSegment(file: string, text: string, line: number): Segment {
  const match = /^\s*\.SEGMENT\s+CHARACTER\s+(\S+)\s+\S+\s+(".*?")/.exec(text);
  const ranges = match?.[1]!.split(",").map((range) => /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(range));
  if (match === null || ranges === undefined || ranges.includes(null)) throw inputError("SP0845", `${file}, line ${line}: ${JSON.stringify(text.slice(0, 80))} names no strokes i or i-j with a label`);
  const strokes = ranges.flatMap((range) => {
    const [from, to] = [Number(range![1]), Number(range![2] ?? range![1])];
    if (to < from) throw inputError("SP0845", `${file}, line ${line}: strokes ${from} to ${to} are none`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  return { label: match[2]!, strokes, line };
}

/** Included names are relative to a folder `include` beside or above the file, or to the file itself. */
function findIncluded(file: string, name: string, line: number): string {
  const inside = name !== "" && !name.startsWith("/") && !name.split("/").includes("..");
  for (let folder = dirname(file), up = 0; inside && up < 8; folder = dirname(folder), up++) {
    for (const path of [join(folder, "include", name), ...(up === 0 ? [join(folder, name)] : [])]) if (path !== file && existsSync(path)) return path;
    if (folder === dirname(folder)) folder = join(folder, "..");
  }
  throw inputError("SP0845", `${file}, line ${line} includes ${JSON.stringify(name)}, which is in no folder \`include\` above it`);
}

/** Points along the lines of strokes; a stroke of one point is that point. */
function drawn(file: string, strokes: readonly Stroke[], voxel: readonly number[] | undefined): Table {
  const rows: (readonly [x: number, y: number, stroke: number, dx: number, dy: number])[] = [];
  const lines: number[] = [];
  strokes.forEach(({ points, line }, stroke) => {
    points.forEach(([x, y], i) => {
      const [px, py] = points[i - 1] ?? [x, y];
      const length = Math.hypot(x - px, y - py);
      const [dx, dy] = length > 0 ? [(x - px) / length, (y - py) / length] : [0, 0];
      const steps = i === 0 || voxel === undefined ? 1 : Math.max(1, Math.ceil(2 * Math.max(Math.abs(x - px) / voxel[0]!, Math.abs(y - py) / voxel[1]!)));
      for (let s = 1; s <= steps; s++) {
        rows.push([px + ((x - px) * s) / steps, py + ((y - py) * s) / steps, stroke, dx, dy]);
        lines.push(line + 1 + i);
      }
    });
  });
  const columns = ["x", "y", "stroke", "dx", "dy"].map((name, c): Column => ({ name, values: Float64Array.from(rows, (row) => row[c]!) }));
  return { file, kind: "strokes", rows: rows.length, columns, unnamed: false, place: (row) => `line ${lines[row]}` };
}
