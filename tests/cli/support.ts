import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in this process and keeps what it writes. */
export async function spnet(...argv: readonly string[]): Promise<Ran> {
  let [out, err] = ["", ""];
  const status = await main(argv, { out: (text) => (out += text), err: (text) => (err += text), color: false });
  return { status, out, err };
}

/** A folder for the files of one test file. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), "spnet-test-"));

  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, data: string | Uint8Array): string {
    writeFileSync(this.at(name), data);
    return this.at(name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Two submanifold convolutions and a strided one on a small grid. */
export const SMALL_NET = `spnet 1
export net Small {
  dialect spconv
  sites S : (z: 8, y: 16, x: 16)
  input voxels : feat[S, 4]
  let a = voxels |> subm(8, k=3, w="a") |> bn(w="abn") |> relu
  let b = a |> subm(8, k=3, w="b", bias=true) |> relu
  let c = b |> conv(16, k=3, s=2, p=1, w="c")
  output fine = b
  output coarse = c
}
`;
