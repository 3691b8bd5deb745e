import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inputError } from "../errors.ts";

/** The bytes of a file, or SP0801. */
export function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw inputError("SP0801", `cannot read ${file}: ${reason(error)}`);
  }
}

/** Writes a file and the folders above it, or SP0801. */
export function writeFile(file: string, data: Uint8Array | string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, data);
  } catch (error) {
    throw inputError("SP0801", `cannot write ${file}: ${reason(error)}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  ENOTDIR: "a part of the path is not a folder",
  ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
};

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS[code] ?? (code === "" ? String(error) : code);
}
