import { float32Tensor, int32Tensor } from "../../src/cli/files/tensor.ts";
import { writeSafetensors } from "../../src/cli/files/safetensors.ts";
import type { Folder } from "./support.ts";

/** The taps of the 3×3 layer contain those of the 1×3 one, which reads a slice of its rulebook. */
export const SLICED_NET = `spnet 1
export net Sliced {
  dialect spconv
  sites S : (y: 40, x: 40)
  input v : feat[S, 4]
  let a = v |> subm(8, k=3, w="a") |> relu
  let b = a |> subm(8, k=[1, 3], w="b") |> relu
  output out = b |> conv(8, k=3, s=2, p=1, w="c")
}
`;

/** Two fifths of the grid, in stripes. */
export const SLICED_ROWS: readonly (readonly number[])[] = Array.from({ length: 1600 }, (_, i) => [0, Math.floor(i / 40), i % 40]).filter(([, y, x]) => (7 * y! + 3 * x!) % 5 < 2);

/** Pairs of the 1×3 layer. */
export function slicedPairs(): number {
  const has = new Set(SLICED_ROWS.map((r) => r.join()));
  return SLICED_ROWS.reduce((n, [b, y, x]) => n + [-1, 0, 1].filter((d) => has.has([b, y, x! + d].join())).length, 0);
}

/** A scene of these rows with some features, as a file. */
export function writeScene(folder: Folder, rows: readonly (readonly number[])[], channels: number): string {
  const features = Float32Array.from({ length: rows.length * channels }, (_, i) => (i % 7) / 7);
  const axes = rows[0]!.length;
  return folder.write(`scene${axes}.safetensors`, writeSafetensors([int32Tensor("coords", [rows.length, axes], Int32Array.from(rows.flat())), float32Tensor("features", [rows.length, channels], features)]));
}
