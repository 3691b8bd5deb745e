import { inputError, type InputError } from "../errors.ts";

/** A cursor over a pickle. Reading past the end is SP0543 with the place. */
export class PickleBytes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  at: number;

  /** `where` names the file, and the entry in it, in messages. */
  constructor(bytes: Uint8Array, where: string, at = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
    this.at = at;
  }

  place(at: number): string {
    return `byte ${at} of ${this.#where}`;
  }

  /** The file is broken at a byte. */
  broken(what: string, at: number): InputError {
    return inputError("SP0543", `${this.#where} is not a readable pickle: ${what} (byte ${at})`);
  }

  take(count: number): Uint8Array {
    const from = this.at;
    if (!(count >= 0) || from + count > this.bytes.byteLength) throw this.broken(`${count} bytes are wanted and ${this.bytes.byteLength - from} are left; it is truncated`, from);
    this.at += count;
    return this.bytes.subarray(from, from + count);
  }

  u8(): number {
    return this.take(1)[0]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  /** Big-endian, the one number of the format that is. */
  f64(): number {
    return this.#view.getFloat64(this.#skip(8), false);
  }

  /** A line of text without its end. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.broken("a line of text has no end; it is truncated", this.at);
    const text = latin1(this.bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  utf8(count: number): string {
    const from = this.at;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(count));
    } catch (error) {
      if (error instanceof TypeError) throw this.broken("a text is not UTF-8", from);
      throw error;
    }
  }

  #skip(count: number): number {
    const from = this.at;
    this.take(count);
    return from;
  }
}

/** Bytes as text, one character each; Python 2 wrote names so. */
export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
