import { KITTI_GRID } from "../../src/cli/files/kitti.ts";
import { madeUpInput } from "../../src/cli/scan/made-up.ts";
import type { Cloud } from "./subject.ts";

/** Cells of KITTI's grid along y: simulated streets lie side by side. */
const STREET = 1600;

/** Simulated scans side by side until there are `rows` sites, as rows (batch, z, y, x). */
export function streets(rows: number): Cloud {
  const spec = { name: "v", axes: ["z", "y", "x"], channels: 4, extents: undefined };
  const coords = new Int32Array(rows * 4);
  let filled = 0;
  for (let seed = 1; filled < rows; seed++) {
    const scan = madeUpInput("lidar", seed, spec, KITTI_GRID);
    const take = Math.min(scan.rows, rows - filled);
    for (let i = 0; i < take * 4; i++) coords[filled * 4 + i] = scan.coords[i]! + (i % 4 === 2 ? (seed - 1) * STREET : 0);
    filled += take;
  }
  return { name: `simulated streets, ${rows} sites`, rows, coords };
}
