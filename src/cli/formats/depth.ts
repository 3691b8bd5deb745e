/** Depth images seen through a pinhole: x = (u − cx)·z / fx to the right, y = (v − cy)·z / fy down, z ahead. */
import { inputError } from "../errors.ts";
import type { ReadOptions, Table } from "./table.ts";

export interface DepthImage {
  readonly width: number;
  readonly height: number;
  /** [height, width]. */
  readonly values: ArrayLike<number>;
  /** Stored as whole numbers, so millimetres unless said otherwise; else metres. */
  readonly whole: boolean;
}

/**
 * One point per pixel that has a depth; 0 and what is not finite are no measurement. Columns x, y, z in metres and the
 * pixel u, v. SP0844: no intrinsics, or none that make sense; a negative depth.
 */
export function depthTable(file: string, { width, height, values, whole }: DepthImage, { intrinsics, depthScale }: ReadOptions): Table {
  if (intrinsics === undefined) throw inputError("SP0844", `${file} is a depth image of ${width} × ${height} pixels, and nothing says what camera saw it`, { help: "--intrinsics fx,fy,cx,cy in pixels" });
  const [fx, fy, cx, cy] = intrinsics as readonly [number, number, number, number];
  if (fx === 0 || fy === 0) throw inputError("SP0844", `focal lengths of ${fx} and ${fy} pixels make no points`);
  const scale = depthScale ?? (whole ? 0.001 : 1);
  const pixels: number[] = [];
  for (let i = 0; i < width * height; i++) {
    const depth = values[i]!;
    if (!Number.isFinite(depth) || depth === 0) continue;
    if (depth < 0) throw inputError("SP0844", `${file}: the depth at row ${Math.floor(i / width)}, column ${i % width} is ${depth}, below 0`);
    pixels.push(i);
  }
  const column = (name: string, of: (u: number, v: number, z: number) => number): Table["columns"][number] => ({
    name,
    values: Float64Array.from(pixels, (i) => of(i % width, Math.floor(i / width), values[i]! * scale)),
  });
  return {
    file,
    kind: "points",
    rows: pixels.length,
    columns: [column("x", (u, _, z) => ((u - cx) * z) / fx), column("y", (_, v, z) => ((v - cy) * z) / fy), column("z", (_u, _v, z) => z), column("u", (u) => u), column("v", (_, v) => v)],
    unnamed: false,
    place: (row) => `row ${Math.floor(pixels[row]! / width)}, column ${pixels[row]! % width}`,
  };
}

/** What deflate can make of a byte at most. */
const MAX_RATIO = 1040;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** A grey PNG of 8 or 16 bits as a depth image, decoded by pngjs. SP0844: broken, too large for its bytes, or in colour. */
export async function readPngDepth(file: string, bytes: Uint8Array, options: ReadOptions): Promise<readonly Table[]> {
  if (bytes.byteLength < 33 || SIGNATURE.some((b, i) => bytes[i] !== b)) throw inputError("SP0844", `${file} does not begin as a PNG, or is truncated (byte ${Math.min(bytes.byteLength, 33)})`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height, bits, colour] = [view.getUint32(16), view.getUint32(20), bytes[24]!, bytes[25]!];
  if (colour !== 0 || (bits !== 16 && bits !== 8)) throw inputError("SP0844", `${file} has colour type ${colour} of ${bits} bits (byte 24), a depth image is grey with 16 or 8`);
  if (width * height * (bits / 8) > MAX_RATIO * bytes.byteLength) throw inputError("SP0844", `${file} has ${bytes.byteLength} bytes but claims ${width} × ${height} pixels (byte 16), more than they can hold`);
  const { PNG } = (await import("pngjs")).default;
  let rgba: ArrayLike<number>;
  try {
    rgba = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { skipRescale: true }).data;
  } catch (error) {
    throw inputError("SP0844", `${file} is a broken PNG: ${error instanceof Error ? error.message : String(error)}`);
  }
  // The library spreads grey over four channels.
  const values = Float32Array.from({ length: width * height }, (_, i) => rgba[4 * i]!);
  return [depthTable(file, { width, height, values, whole: true }, options)];
}
