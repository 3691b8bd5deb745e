/** Pen strokes on paper: smooth random curves, rasterised. */
import type { Random } from "../random.ts";
import { CellSet, type Cells } from "./cells.ts";

/**
 * `count` strokes on a grid of height × width cells, axes y, x. Columns: ink (1), and the pen's direction as cosine and
 * sine where it entered the cell.
 */
export function penStrokes(random: Random, extents: readonly [height: number, width: number], count = 6): Cells {
  const cells = new CellSet(2, 3);
  const [height, width] = extents;
  for (let stroke = 0; stroke < count; stroke++) {
    let y = random.between(0.15, 0.85) * height;
    let x = random.between(0.1, 0.9) * width;
    let angle = random.between(-Math.PI, Math.PI);
    let bend = 0;
    const length = random.between(0.4, 1.2) * Math.max(height, width);
    for (let way = 0; way < length; way += 0.5) {
      bend = 0.97 * bend + 0.02 * random.normal();
      angle += bend;
      y += 0.5 * Math.sin(angle);
      x += 0.5 * Math.cos(angle);
      if (y < 0 || x < 0 || y >= height || x >= width) break;
      cells.add([Math.floor(y), Math.floor(x)], [1, Math.cos(angle), Math.sin(angle)]);
    }
  }
  return cells.finish();
}
