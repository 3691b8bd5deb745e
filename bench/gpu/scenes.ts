import { Random } from "../../src/cli/random.ts";
import { particleTracks } from "../../src/cli/scan/tracks.ts";
import type { BenchScene } from "../ablation/scenes.ts";

/** A scene of several batch items. */
export interface BatchScene extends BenchScene {
  readonly batch: number;
}

/** Made-up particle tracks in a cube of 768 cells: exactly `rows` sites, as evenly over `batch` items as can be; one channel. */
export function tracks(input: string, rows: number, batch: number): BatchScene {
  const coords: number[] = [];
  const features: number[] = [];
  for (let item = 0; item < batch; item++) {
    const count = Math.floor(((item + 1) * rows) / batch) - Math.floor((item * rows) / batch);
    const { indices, values } = particleTracks(new Random(item + 1, "tracks"), [768, 768, 768], Infinity, count);
    for (let r = 0; r < count; r++) coords.push(item, indices[3 * r]!, indices[3 * r + 1]!, indices[3 * r + 2]!);
    features.push(...values);
  }
  return { name: `tracks, batch ${batch}`, input, rows, batch, coords: Int32Array.from(coords), features: Float32Array.from(features) };
}
