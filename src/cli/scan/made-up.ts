/** Made-up scenes as rows of a network's input. */
import { inputError } from "../errors.ts";
import type { VoxelGrid } from "../../ir/sites.ts";
import { KITTI_GRID, pointsFromScans, sceneFromScans } from "../files/kitti.ts";
import type { InputSpec, SceneInput } from "../files/scene.ts";
import type { CloudGrid } from "../formats/cloud.ts";
import { pointTable, type Table } from "../formats/table.ts";
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

const COLOURS = ["red", "green", "blue"];

/**
 * One batch item of a made-up scene. Scenes of points are voxelised on `grid`, or on KITTI's (lidar) and one of 5 cm (room).
 * Where an input has more channels than the scene has columns, columns repeat. A dense input holds the rows where they are. SP0834 where dimensions do not fit.
 */
export function madeUpInput(kind: SceneKind, seed: number, spec: InputSpec, grid?: CloudGrid): SceneInput {
  const input = madeUpRows(kind, seed, spec, grid);
  return spec.shape === undefined ? input : onGrid(input, spec.shape);
}

/** A dense tensor of one item that holds the rows, and 0 elsewhere. */
function onGrid({ rows, coords, features }: SceneInput, shape: readonly number[]): SceneInput {
  const [channels, ...extents] = shape as readonly [number, ...number[]];
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < channels; c++) data[extents.reduce((at, n, a) => at * n + coords[row * (extents.length + 1) + 1 + a]!, c)] = features[row * channels + c]!;
  }
  return { dense: true, rows: 1, coords: new Int32Array(0), features: data };
}

function madeUpRows(kind: SceneKind, seed: number, spec: InputSpec, grid?: CloudGrid): SceneInput {
  switch (kind) {
    case "lidar":
      return voxelInput(pointTable("the made-up scan", simulateScan(seed)), grid ?? fitted(KITTI_GRID, spec), spec);
    case "room":
      return voxelInput(pointTable("the made-up room", roomFrame(seed), ["x", "y", "z", ...COLOURS]), grid ?? fitted({ voxel: [0.05, 0.05, 0.05], range: { min: [0, -3, -2], max: [8, 3, 2] } }, spec), spec);
    case "strokes":
      if (spec.axes.length !== 2) throw wrongDimension(kind, spec, "2");
      return cellInput(penStrokes(new Random(seed, kind), extentsOf(spec) as readonly [number, number]), spec);
    case "tracks":
      return cellInput(particleTracks(new Random(seed, kind), extentsOf(spec)), spec);
  }
}

/** A grid without the range where the network's grid is unbounded: nothing is cut off. */
const fitted = (grid: CloudGrid, spec: InputSpec): CloudGrid => (spec.extents === undefined ? { voxel: grid.voxel } : grid);

const extentsOf = (spec: InputSpec): readonly number[] => spec.extents ?? spec.voxels?.[0]?.extents ?? spec.axes.map(() => OPEN_EXTENT);

/** Three channels of a coloured scene are its colours, others begin with the position. */
function voxelInput(table: Table, grid: CloudGrid, spec: InputSpec): SceneInput {
  const names = table.columns.map((c) => c.name);
  const features = spec.channels === 3 && COLOURS.every((c) => names.includes(c)) ? COLOURS : Array.from({ length: spec.channels }, (_, c) => names[c % names.length]!);
  if (spec.voxels !== undefined) return inside(pointsFromScans([table], spec, features), spec, spec.voxels);
  return sceneFromScans([table], grid, spec, features);
}

/** The points that lie on every grid: a made-up scene has no others. */
function inside({ coords, features }: SceneInput, spec: InputSpec, voxels: readonly VoxelGrid[]): SceneInput {
  const width = 1 + spec.axes.length;
  const within = (row: number): boolean => voxels.every(({ extents, size, origin }) => extents === undefined || extents.every((n, a) => {
    // Half a voxel inside, whichever way cells are rounded.
    const place = (coords[row * width + 1 + a]! - origin[a]!) / size[a]!;
    return place >= 0.01 && place < n - 0.51;
  }));
  const kept = Array.from({ length: coords.length / width }, (_, row) => row).filter(within);
  return {
    rows: kept.length,
    coords: Float32Array.from(kept.flatMap((row) => [...coords.subarray(row * width, (row + 1) * width)])),
    features: Float32Array.from(kept.flatMap((row) => [...features.subarray(row * spec.channels, (row + 1) * spec.channels)])),
  };
}

/** The middle of each cell, on the network's first grid or one of steps of 1. */
function middles(coords: Int32Array, spec: InputSpec, [grid]: readonly VoxelGrid[]): Float32Array {
  const width = 1 + spec.axes.length;
  return Float32Array.from(coords, (c, i) => (i % width === 0 ? c : (grid?.origin[(i % width) - 1] ?? 0) + (c + 0.25) * (grid?.size[(i % width) - 1] ?? 1)));
}

function cellInput({ indices, columns, values }: Cells, spec: InputSpec): SceneInput {
  const dim = spec.axes.length;
  const rows = indices.length / dim;
  const coords = Int32Array.from({ length: rows * (1 + dim) }, (_, i) => (i % (1 + dim) === 0 ? 0 : indices[Math.floor(i / (1 + dim)) * dim + (i % (1 + dim)) - 1]!));
  const features = Float32Array.from({ length: rows * spec.channels }, (_, i) => values[Math.floor(i / spec.channels) * columns + ((i % spec.channels) % columns)]!);
  return { rows, coords: spec.voxels === undefined ? coords : middles(coords, spec, spec.voxels), features };
}

function wrongDimension(kind: SceneKind, spec: InputSpec, wanted: string): Error {
  return inputError("SP0834", `made-up ${kind} have ${wanted} axes, input \`${spec.name}\` has ${spec.axes.length}: ${spec.axes.join(", ")}`);
}
