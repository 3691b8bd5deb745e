/** Made-up scenes as rows of a network's input. */
import { inputError } from "../errors.ts";
import { KITTI_GRID, sceneFromScans } from "../files/kitti.ts";
import type { InputSpec, SceneInput } from "../files/scene.ts";
import type { Points } from "../files/points.ts";
import type { VoxelGrid } from "../files/voxels.ts";
import { Random } from "../random.ts";
import type { Cells } from "./cells.ts";
import { simulateScan } from "./lidar.ts";
import { roomFrame } from "./room.ts";
import { penStrokes } from "./strokes.ts";
import { particleTracks } from "./tracks.ts";

export const SCENE_KINDS = ["lidar", "room", "strokes", "tracks"] as const;

/** lidar and room: points in 3D, voxelised; strokes: 2D; tracks: 1 to 4 dimensions. */
export type SceneKind = (typeof SCENE_KINDS)[number];

/** Extent per axis where a grid is unbounded. */
const OPEN_EXTENT = 128;

/**
 * One batch item of a made-up scene. Scenes of points are voxelised on `grid`, or on KITTI's (lidar) and one of 5 cm (room).
 * Where an input has more channels than the scene has columns, columns repeat. SP0834 where dimensions do not fit.
 */
export function madeUpInput(kind: SceneKind, seed: number, spec: InputSpec, grid?: VoxelGrid): SceneInput {
  switch (kind) {
    case "lidar": {
      const data = simulateScan(seed);
      return voxelInput({ columns: 4, count: data.length / 4, data }, grid ?? fitted(KITTI_GRID, spec), spec, "the made-up scan");
    }
    case "room":
      return roomInput(seed, spec, grid ?? fitted({ voxel: [0.05, 0.05, 0.05], range: { min: [0, -3, -2], max: [8, 3, 2] } }, spec));
    case "strokes":
      if (spec.axes.length !== 2) throw wrongDimension(kind, spec, "2");
      return cellInput(penStrokes(new Random(seed, kind), extentsOf(spec) as readonly [number, number]), spec);
    case "tracks":
      return cellInput(particleTracks(new Random(seed, kind), extentsOf(spec)), spec);
  }
}

/** A grid without the range where the network's grid is unbounded: nothing is cut off. */
const fitted = (grid: VoxelGrid, spec: InputSpec): VoxelGrid => (spec.extents === undefined ? { voxel: grid.voxel } : grid);

const extentsOf = (spec: InputSpec): readonly number[] => spec.extents ?? spec.axes.map(() => OPEN_EXTENT);

function voxelInput(points: Points, grid: VoxelGrid, spec: InputSpec, file: string): SceneInput {
  return sceneFromScans([{ file, points: withColumns(points, spec.channels) }], grid, spec);
}

/** Three channels are the colours, more begin with the position. */
function roomInput(seed: number, spec: InputSpec, grid: VoxelGrid): SceneInput {
  if (spec.channels !== 3) return voxelInput(roomFrame(seed), grid, spec, "the made-up room");
  const { rows, coords, features } = voxelInput(roomFrame(seed), grid, { ...spec, channels: 6 }, "the made-up room");
  return { rows, coords, features: features.filter((_, i) => i % 6 >= 3) };
}

/** Repeats columns until there are enough. */
function withColumns(points: Points, columns: number): Points {
  if (points.columns >= columns) return points;
  const data = new Float32Array(points.count * columns);
  for (let p = 0; p < points.count; p++) for (let c = 0; c < columns; c++) data[p * columns + c] = points.data[p * points.columns + (c % points.columns)]!;
  return { columns, count: points.count, data };
}

function cellInput({ indices, columns, values }: Cells, spec: InputSpec): SceneInput {
  const dim = spec.axes.length;
  const rows = indices.length / dim;
  const coords = Int32Array.from({ length: rows * (1 + dim) }, (_, i) => (i % (1 + dim) === 0 ? 0 : indices[Math.floor(i / (1 + dim)) * dim + (i % (1 + dim)) - 1]!));
  const features = Float32Array.from({ length: rows * spec.channels }, (_, i) => values[Math.floor(i / spec.channels) * columns + ((i % spec.channels) % columns)]!);
  return { rows, coords, features };
}

function wrongDimension(kind: SceneKind, spec: InputSpec, wanted: string): Error {
  return inputError("SP0834", `made-up ${kind} have ${wanted} axes, input \`${spec.name}\` has ${spec.axes.length}: ${spec.axes.join(", ")}`);
}
