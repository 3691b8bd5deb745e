/**
 * Zip archives as PyTorch and numpy write them: stored or deflated entries, with or without the 64-bit extension.
 * Every size and offset is checked against the bytes present before anything is read or allocated by it.
 * Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
 */
import { crc32, inflateRawSync } from "node:zlib";
import { inputError, type InputError } from "../errors.ts";

export interface ZipEntry {
  readonly name: string;
  /** Size once read, bytes. */
  readonly size: number;
  /** Where its data begin in the file. */
  readonly start: number;
  read(): Uint8Array;
}

/** Deflated entries together may grow to so many times the file's size and `SLACK` bytes; weights hardly shrink at all. */
export const MAX_RATIO = 64;
const SLACK = 1 << 24;

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

export const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);

/** Entries by name. SP0541: the archive is broken; SP0542: it would grow beyond all measure; SP0545: a name twice. */
export function readZip(file: string, bytes: Uint8Array): ReadonlyMap<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const broken = (what: string, at: number): InputError => inputError("SP0541", `${file} is not a readable zip archive: ${what} (byte ${at})`);
  const { count, at: first, size } = directory(view, broken);
  const entries = new Map<string, ZipEntry>();
  let at = first;
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > first + size || view.getUint32(at, true) !== CENTRAL) throw broken(`entry ${i} of ${count} is not in the directory`, at);
    const [nameLength, extraLength, commentLength] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true)];
    const end = at + 46 + nameLength + extraLength + commentLength;
    if (end > first + size) throw broken(`entry ${i} runs out of the directory`, at);
    const entry = readEntry(file, bytes, view, at, broken);
    if (entries.has(entry.name)) throw inputError("SP0545", `${file} has two entries ${JSON.stringify(entry.name)}, the second at byte ${at}`);
    total += entry.size;
    if (total > MAX_RATIO * bytes.byteLength + SLACK) {
      throw inputError("SP0542", `${file} has ${bytes.byteLength} bytes but claims to hold ${total} up to entry ${JSON.stringify(entry.name)} (byte ${at}); more than ${MAX_RATIO} times its size is not believed`);
    }
    entries.set(entry.name, entry);
    at = end;
  }
  return entries;
}

type Broken = (what: string, at: number) => InputError;

function directory(view: DataView, broken: Broken): { readonly count: number; readonly at: number; readonly size: number } {
  const end = findEnd(view, broken);
  let [count, size, at] = [view.getUint16(end + 10, true), view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
  if (count === 0xffff || size === 0xffffffff || at === 0xffffffff) {
    if (end < 20 || view.getUint32(end - 20, true) !== LOCATOR64) throw broken("the 64-bit end record is missing", end);
    const end64 = Number(view.getBigUint64(end - 12, true));
    if (end64 + 56 > end || view.getUint32(end64, true) !== END64) throw broken("the 64-bit end record lies elsewhere", end - 20);
    [count, size, at] = [Number(view.getBigUint64(end64 + 32, true)), Number(view.getBigUint64(end64 + 40, true)), Number(view.getBigUint64(end64 + 48, true))];
  }
  if (at + size > end) throw broken(`the directory takes bytes ${at} to ${at + size}`, end);
  return { count, at, size };
}

/** The end record is the last thing but for a comment of at most 64 KiB. */
function findEnd(view: DataView, broken: Broken): number {
  const length = view.byteLength;
  for (let at = length - 22; at >= Math.max(0, length - 22 - 0xffff); at--) {
    if (view.getUint32(at, true) === END && at + 22 + view.getUint16(at + 20, true) === length) return at;
  }
  throw broken("it has no end record; it is truncated", length);
}

function readEntry(file: string, bytes: Uint8Array, view: DataView, at: number, broken: Broken): ZipEntry {
  const [flags, method, crc] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
  const nameLength = view.getUint16(at + 28, true);
  const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
  const sizes = wideSizes(view, at, broken);
  const { packed, size, local } = sizes;
  const quoted = JSON.stringify(name);
  if ((flags & 1) !== 0) throw broken(`entry ${quoted} is encrypted`, at);
  if (method !== 0 && method !== 8) throw broken(`entry ${quoted} is packed by method ${method}; stored and deflated entries are read`, at);
  if (method === 0 && packed !== size) throw broken(`entry ${quoted} is stored in ${packed} bytes, yet has ${size}`, at);
  if (local + 30 > bytes.byteLength || view.getUint32(local, true) !== LOCAL) throw broken(`entry ${quoted} is not at byte ${local}`, at);
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packed > bytes.byteLength) throw broken(`entry ${quoted} takes bytes ${start} to ${start + packed}, the file ends at ${bytes.byteLength}`, at);
  const data = bytes.subarray(start, start + packed);
  const read = (): Uint8Array => {
    if (method === 0) return data;
    const out = inflate(data, size);
    if (out === undefined || out.byteLength !== size || crc32(out) !== crc) throw broken(`entry ${quoted} does not inflate to the ${size} bytes that it claims`, start);
    return out;
  };
  if (method === 8 && size > 1040 * packed + 64) throw inputError("SP0542", `entry ${quoted} of ${file} claims to inflate ${packed} bytes to ${size}, more than deflate can (byte ${at})`);
  return { name, size, start, read };
}

function inflate(data: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return inflateRawSync(data, { maxOutputLength: Math.max(1, size) });
  } catch {
    return undefined;
  }
}

/** Sizes and offset of a directory entry; those that do not fit in 32 bits are in the extra field 1. */
function wideSizes(view: DataView, at: number, broken: Broken): { readonly packed: number; readonly size: number; readonly local: number } {
  const fields = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
  if (fields.includes(0xffffffff)) {
    let extra = at + 46 + view.getUint16(at + 28, true);
    const end = extra + view.getUint16(at + 30, true);
    while (extra + 4 <= end && view.getUint16(extra, true) !== 1) extra += 4 + view.getUint16(extra + 2, true);
    let from = extra + 4;
    for (const [i, field] of fields.entries()) {
      if (field !== 0xffffffff) continue;
      if (from + 8 > end) throw broken("an entry's 64-bit sizes are missing", at);
      fields[i] = Number(view.getBigUint64(from, true));
      from += 8;
    }
  }
  return { size: fields[0]!, packed: fields[1]!, local: fields[2]! };
}
