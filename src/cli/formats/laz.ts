/** LAZ: LAS whose points LASzip has compressed, decoded by laz-perf. */
import type { LazPerf } from "laz-perf";
import { inputError, InputError } from "../errors.ts";
import { lasColumns, type LasHeader } from "./las.ts";
import type { Table } from "./table.ts";

/** Points may take so many times the file's bytes, and `SLACK`; real clouds shrink to a tenth or so. */
const MAX_RATIO = 512;
const SLACK = 1 << 20;

/** Point formats that laz-perf decodes. */
const DECODED = [0, 1, 2, 3, 6, 7, 8];

/** Record of LASzip among the variable length records. */
const LASZIP_RECORD = 22204;

/**
 * Reads the points of a compressed file. SP0837: a form of compression or point format that laz-perf lacks; SP0835: the
 * file is truncated; SP0841: the compressed points are broken.
 */
export async function readLaz(file: string, bytes: Uint8Array, header: LasHeader): Promise<Table> {
  const { points, stride, start } = header;
  checkForm(file, bytes, header);
  if (points * stride > MAX_RATIO * bytes.byteLength + SLACK) {
    throw inputError("SP0841", `${file} has ${bytes.byteLength} bytes but claims ${points} points of ${stride} bytes (byte 107); more than ${MAX_RATIO} times its size is not believed`);
  }
  const records = points === 0 ? new Uint8Array() : await decode(file, bytes, header);
  const columns = lasColumns(header, records, 0);
  checkBounds(file, header, columns.slice(0, 3).map((c) => c.values));
  return { file, kind: "points", rows: points, columns, unnamed: false, place: (row) => `point ${row} of the compressed points at byte ${start}` };
}

function checkForm(file: string, bytes: Uint8Array, { format, start, headerSize, records, points }: LasHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!DECODED.includes(format)) throw inputError("SP0837", `${file} has compressed points of format ${format} (byte 104); ${DECODED.join(", ")} are decoded`, { help: "decompress it to .las, which is read in every format" });
  let at = headerSize;
  for (let i = 0; i < records && at + 54 <= start; i++) {
    const [id, length] = [view.getUint16(at + 18, true), view.getUint16(at + 20, true)];
    if (id === LASZIP_RECORD && at + 58 <= start) {
      const [compressor, coder] = [view.getUint16(at + 54, true), view.getUint16(at + 56, true)];
      const wanted = format < 6 ? 2 : 3;
      if (compressor !== wanted || coder !== 0) {
        throw inputError("SP0837", `${file} is compressed in LASzip's way ${compressor} with coder ${coder} (byte ${at + 54}); points of format ${format} are decoded in way ${wanted} with coder 0`, { help: "compress it again with a present-day LASzip, or decompress it to .las" });
      }
      if (points > 0) checkChunks(file, bytes, view, start);
      return;
    }
    at += 54 + length;
  }
  throw inputError("SP0841", `${file} says that its points are compressed, but has no record of LASzip between byte ${headerSize} and byte ${start}`);
}

/** The table of chunks is the last thing written: where it should be and is not, the file was cut. */
function checkChunks(file: string, bytes: Uint8Array, view: DataView, start: number): void {
  const end = bytes.byteLength;
  if (start + 16 > end) throw inputError("SP0835", `${file} is truncated: its points begin at byte ${start}, and the file ends at byte ${end}`);
  let table = Number(view.getBigInt64(start, true));
  if (table === -1) table = Number(view.getBigInt64(end - 8, true));
  if (table < start + 8 || table + 8 > end) throw inputError("SP0835", `${file} is truncated: its table of chunks should be at byte ${table} (as byte ${start} says), and the file ends at byte ${end}`);
}

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/** Loads the decoder, and takes back the listeners for faults of the whole process that Emscripten's start puts up. */
async function openDecoder(): Promise<LazPerf> {
  const { createLazPerf } = (await import("laz-perf")).default;
  const before = EVENTS.map((event) => process.rawListeners(event));
  const lib = await createLazPerf();
  EVENTS.forEach((event, i) => {
    for (const listener of process.rawListeners(event)) if (!before[i]!.includes(listener)) process.off(event, listener as () => void);
  });
  return lib;
}

async function decode(file: string, bytes: Uint8Array, { points, stride }: LasHeader): Promise<Uint8Array> {
  const broken = (point: number, why: string): InputError => inputError("SP0841", `the compressed points of ${file} are broken: point ${point} of ${points} does not decode${why}`);
  const lib = await openDecoder();
  const out = new Uint8Array(points * stride);
  let done = 0;
  try {
    const [input, point] = [lib._malloc(bytes.byteLength), lib._malloc(stride)];
    lib.HEAPU8.set(bytes, input);
    const reader = new lib.LASZip();
    reader.open(input, bytes.byteLength);
    if (reader.getPointLength() !== stride) throw broken(0, ` (its records have ${reader.getPointLength()} bytes, the header says ${stride})`);
    for (; done < points; done++) {
      reader.getPoint(point);
      out.set(lib.HEAPU8.subarray(point, point + stride), done * stride);
    }
    reader.delete();
    return out;
  } catch (error) {
    // Its own exceptions are C++'s, which arrive as numbers; traps are RuntimeErrors.
    throw error instanceof InputError ? error : broken(done, error instanceof Error ? ` (${error.message.split("\n")[0]})` : "");
  }
}

/** Broken streams decode to something all the same, far off as a rule: the header's bounds tell. */
function checkBounds(file: string, { min, max, scale, start }: LasHeader, coordinates: readonly (Float32Array | Float64Array)[]): void {
  if (min.some((low, axis) => !(low <= max[axis]!))) return;
  coordinates.forEach((values, axis) => {
    const slack = 2 * Math.abs(scale[axis]!);
    const bad = values.findIndex((v) => v < min[axis]! - slack || v > max[axis]! + slack);
    if (bad >= 0) throw inputError("SP0841", `the compressed points of ${file} are broken (from byte ${start}): point ${bad} decodes to ${"xyz"[axis]} = ${values[bad]}, outside the header's ${min[axis]} … ${max[axis]}`);
  });
}
