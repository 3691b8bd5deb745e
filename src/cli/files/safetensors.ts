/**
 * The safetensors container: u64 header length, JSON header, tensor bytes. Reading trusts nothing: every size and
 * offset is checked against the bytes present before anything is allocated from it.
 * Format: https://github.com/huggingface/safetensors, whose limits and rules (no gaps, no overlap) are kept.
 */
import { inputError, type InputError } from "../errors.ts";
import { DTYPE_BYTES, elements, printShape, type Tensor, type TensorDType } from "./tensor.ts";

/** The header cap of the format's own reader, bytes. */
const MAX_HEADER = 100_000_000;

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, Tensor>;

interface Entry {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file. `file` names it in messages. Tensor bytes are views into `bytes`.
 * SP0802: the container is broken; SP0803: a tensor's offsets are; SP0804: a type that cannot be read.
 */
export function parseSafetensors(file: string, bytes: Uint8Array): Tensors {
  const broken = (what: string): InputError => inputError("SP0802", `${file} is not a readable safetensors file: ${what}`);
  if (bytes.byteLength < 8) throw broken(`it has ${bytes.byteLength} bytes, the header length alone takes 8`);
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (size > MAX_HEADER) throw broken(`the header at byte 0 claims ${size} bytes, at most ${MAX_HEADER} are allowed`);
  const start = 8 + size;
  if (start > bytes.byteLength) throw broken(`the header ends at byte ${start}, the file at byte ${bytes.byteLength}; it is truncated`);

  const entries = readHeader(file, bytes.subarray(8, start), broken);
  const room = bytes.byteLength - start;
  const tensors = new Map<string, Tensor>();
  for (const entry of entries) {
    checkEntry(file, entry, start, room);
    const { name, dtype, shape } = entry;
    tensors.set(name, { name, dtype, shape, bytes: bytes.subarray(start + entry.begin, start + entry.end) });
  }
  checkCover(file, entries, start, room);
  return tensors;
}

function readHeader(file: string, text: Uint8Array, broken: (what: string) => InputError): readonly Entry[] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch {
    throw broken("the header is not JSON in UTF-8");
  }
  if (!isRecord(header)) throw broken("the header is not a JSON object");
  return Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => readEntry(file, name, value));
}

function readEntry(file: string, name: string, value: unknown): Entry {
  const bad = (what: string): InputError => inputError("SP0803", `tensor ${JSON.stringify(name)} in ${file}: ${what}`);
  if (!isRecord(value)) throw bad("its header entry is not an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") throw bad("no dtype");
  if (!isDType(dtype)) throw inputError("SP0804", `tensor ${JSON.stringify(name)} in ${file} has type ${dtype}, which cannot be read here`, { help: `store it as one of ${Object.keys(DTYPE_BYTES).join(", ")}` });
  if (!isSizes(shape)) throw bad("its shape is not a list of whole numbers");
  if (!isSizes(offsets) || offsets.length !== 2) throw bad("data_offsets is not a pair of whole numbers");
  return { name, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function checkEntry(file: string, { name, dtype, shape, begin, end }: Entry, start: number, room: number): void {
  const what = `tensor ${JSON.stringify(name)} in ${file}`;
  const at = start + begin;
  if (end < begin) throw inputError("SP0803", `${what} ends at byte ${start + end}, before it begins at byte ${at}`);
  if (end > room) throw inputError("SP0803", `${what} takes bytes ${at} to ${start + end}, but the file ends at byte ${start + room}; it is truncated`);
  const wanted = elements(shape) * DTYPE_BYTES[dtype];
  if (wanted !== end - begin) throw inputError("SP0803", `${what} at byte ${at} is ${dtype} ${printShape(shape)}, that is ${wanted} bytes, but ${end - begin} are stored`);
}

/** The format allows neither overlap nor bytes that belong to no tensor. */
function checkCover(file: string, entries: readonly Entry[], start: number, room: number): void {
  let at = 0;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== at) {
      throw inputError("SP0803", `tensor ${JSON.stringify(entry.name)} in ${file} begins at byte ${start + entry.begin}, the tensor before it ends at byte ${start + at}`);
    }
    at = entry.end;
  }
  if (at !== room) throw inputError("SP0802", `${file} is not a readable safetensors file: its tensors end at byte ${start + at}, the file at byte ${start + room}`);
}

/** A safetensors file with the given tensors, widest element first and then by name, header padded to 8 bytes. */
export function writeSafetensors(tensors: Iterable<Tensor>): Uint8Array {
  const sorted = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : 1));
  let at = 0;
  const header: [string, unknown][] = sorted.map(({ name, dtype, shape, bytes }) => {
    const begin = at;
    at += bytes.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, at] }];
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const start = 8 + Math.ceil(json.byteLength / 8) * 8;
  const file = new Uint8Array(start + at).fill(0x20, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(json, 8);
  let to = start;
  for (const { bytes } of sorted) {
    file.set(bytes, to);
    to += bytes.byteLength;
  }
  return file;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const isDType = (name: string): name is TensorDType => Object.hasOwn(DTYPE_BYTES, name);

const isSizes = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
