import type { Inputs } from "./differential.ts";
import { netFromText, numbers, type SourceNet } from "./source-net.ts";

const AXES = ["w", "z", "y", "x"];
/** Cells per axis, edges of a voxel, and where cell 0 begins. */
const GRIDS = {
  extents: [[23], [9, 11], [7, 5, 8], [3, 4, 5, 3]],
  sizes: [[0.3], [0.3, 0.7], [0.3, 0.7, 0.05], [0.3, 0.7, 0.05, 1.5]],
  origins: [[-2], [-2, 0.1], [-2, 0.1, 0], [-2, 0.1, 0, 40]],
} as const;

export interface PointGrid {
  readonly dim: number;
  readonly bounded: boolean;
  readonly rounding: "floor" | "nearest";
  /** Voxels of a batch item at most; only of a bounded grid. */
  readonly most?: number;
}

/** How points and voxels meet, at several strides, with row-wise layers on points between. */
const BODY = `
  let f = p |> linear(6, bias=true) |> relu
  let v = f |> voxelize(onto=V) |> subm(7, k=3, bias=true) |> relu
  let low = v |> conv(9, k=2, s=2, p=0, sites=floor)
  let reached = v |> conv(4, k=3, s=2, p=1, sites=reach)
  let third = p |> voxelize(onto=V/3, reduce=sum)
  let kept = v |> prune(v |> linear(1), above=0.05)
  output most = p |> voxelize(onto=V, reduce=max)
  output first = p |> voxelize(onto=V, reduce=first)
  output two : feat[V/2, 5] = p |> voxelize(onto=V/2, max_points=2)
  output onto_reached = f |> voxelize(onto=reached, reduce=max)
  output third = third
  output near = (v |> devoxelize) + (low |> linear(7) |> devoxelize)
  output between = v |> devoxelize(mode=trilinear)
  output between_low = low |> devoxelize(mode=trilinear, weights=all)
  output between_third = third |> devoxelize(mode=trilinear)
  output from_reached = cat(f, reached |> devoxelize(onto=P))
  output pooled = f |> global_avg_pool
  output normed = f |> instance_norm |> broadcast(f |> global_max_pool, by=sum)
  output all_rows = f |> bn(stats=batch) |> layer_norm |> softmax
  output of_kept = kept |> devoxelize(mode=trilinear)
  output onto_kept = f |> voxelize(onto=kept)
`;

/** Points and voxels on \`dim\` axes. */
export function pointNet({ dim, bounded, rounding, most }: PointGrid): SourceNet {
  const names = AXES.slice(0, dim);
  const axes = names.map((axis, a) => (bounded ? `${axis}: ${GRIDS.extents[dim - 1]![a]}` : axis));
  const options = [`size=[${GRIDS.sizes[dim - 1]!.join(", ")}]`, `origin=[${GRIDS.origins[dim - 1]!.join(", ")}]`, `rounding=${rounding}`, ...(bounded ? ["outside=drop"] : []), ...(most === undefined ? [] : [`max_voxels=${most}`])];
  return netFromText(`spnet 1\nnet N {\n  sites P : (${names.join(", ")}) = points\n  sites V : (${axes.join(", ")}) = voxels(P, ${options.join(", ")})\n  input p : feat[P, 5]\n${BODY}}\n`);
}

/** Points around the grid, some beyond it, some at one place, some on borders of cells; batch items in turn, or in order. */
export function pointInputs(dim: number, rows: number, batch: number, seed: number, spread = 1.2): Inputs {
  const random = numbers(seed);
  const positions: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (row > 0 && random() < 0.2) {
      const other = Math.floor(random() * row);
      positions.push(...positions.slice(other * (dim + 1), (other + 1) * (dim + 1)));
      continue;
    }
    const item = seed % 2 === 0 ? Math.floor((row * batch) / rows) : Math.floor(random() * batch);
    const at = Array.from({ length: dim }, (_, a) => {
      const [n, size, origin] = [GRIDS.extents[dim - 1]![a]!, GRIDS.sizes[dim - 1]![a]!, GRIDS.origins[dim - 1]![a]!];
      const cells = (random() * spread - (spread - 1) / 2) * n;
      return origin + size * (random() < 0.2 ? Math.round(cells) : cells);
    });
    positions.push(item, ...at);
  }
  return { p: { coords: Float32Array.from(positions), features: Float32Array.from({ length: rows * 5 }, () => random() * 2 - 1) } };
}
