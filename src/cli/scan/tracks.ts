/** Particle tracks in a detector of 1 to 4 dimensions: straight lines that scatter a little and leave energy behind. */
import type { Random } from "../random.ts";
import { CellSet, type Cells } from "./cells.ts";

/** `count` tracks through a grid, or as many as fill `most` cells; the one column is the energy left in the cell when a track first enters it, 0 … 1. */
export function particleTracks(random: Random, extents: readonly number[], count = 16, most = Infinity): Cells {
  const cells = new CellSet(extents.length, 1);
  for (let track = 0; track < count && cells.size < most; track++) {
    const at = extents.map((n) => random.between(0.2, 0.8) * n);
    let direction = unit(extents.map(() => random.normal()));
    let energy = 1;
    while (energy > 0.05 && at.every((v, axis) => v >= 0 && v < extents[axis]!) && cells.size < most) {
      cells.add(at.map(Math.floor), [energy]);
      direction = unit(direction.map((d) => d + 0.03 * random.normal()));
      direction.forEach((d, axis) => (at[axis]! += 0.7 * d));
      energy -= random.between(0, 0.01);
    }
  }
  return cells.finish();
}

function unit(vector: readonly number[]): readonly number[] {
  const length = Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0));
  return vector.map((v) => v / length);
}
