import { inputError } from "../errors.ts";
import { halfToNumber } from "../../runtime/safetensors.ts";

/** Raw points, row-major: x, y, z in metres, then any further columns (intensity, time lag, …). */
export interface Points {
  readonly columns: number;
  readonly count: number;
  readonly data: Float32Array;
}

export interface PointFormat {
  /** Numbers per point: 4 for KITTI (x, y, z, reflectance), 5 for merged nuScenes sweeps. */
  readonly columns: number;
  readonly scalar: "f32" | "f16";
}

export const KITTI_POINTS: PointFormat = { columns: 4, scalar: "f32" };

/** Reads a headerless little-endian scan. SP0831 when the file does not hold whole points, SP0832 for a non-finite value. */
export function parsePoints(file: string, bytes: Uint8Array, format: PointFormat): Points {
  const size = format.columns * (format.scalar === "f32" ? 4 : 2);
  if (bytes.byteLength % size !== 0) {
    throw inputError("SP0831", `${file} has ${bytes.byteLength} bytes, which is not a whole number of points of ${format.columns} ${format.scalar} (${size} bytes)`, {
      help: "say how a point is stored with --columns and --scalar, or the file is truncated",
    });
  }
  const count = bytes.byteLength / size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Float32Array(count * format.columns);
  for (let i = 0; i < data.length; i++) {
    const value = format.scalar === "f32" ? view.getFloat32(4 * i, true) : halfToNumber(view.getUint16(2 * i, true));
    if (!Number.isFinite(value)) {
      throw inputError("SP0832", `point ${Math.floor(i / format.columns)} of ${file} holds ${value} in column ${i % format.columns}`, {
        help: "remove such points from the scan before it is voxelised",
      });
    }
    data[i] = value;
  }
  return { columns: format.columns, count, data };
}
