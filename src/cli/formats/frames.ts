import { inputError } from "../errors.ts";
import { printShape, toNumbers, type Tensor } from "../files/tensor.ts";
import type { Column, ReadOptions, Table } from "./table.ts";

/** Where in an array a value of a frame is. */
interface Layout {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly index: (frame: number, y: number, x: number, c: number) => number;
}

/**
 * Dense frames: pixels with a value other than 0 in any channel become rows of y, x and c0, c1, …. Arrays are
 * [height, width], or with channels first or last as the input's number of channels tells (first where both would do),
 * or several of these. Several frames are one table with a column t where the network has an axis t, else batch items.
 * SP0846: a shape that makes no frames of so many channels.
 */
export function frameTables(file: string, tensor: Tensor, options: ReadOptions): readonly Table[] {
  const layout = layOut(file, tensor, options);
  const data = toNumbers(tensor);
  const all = Array.from({ length: layout.frames }, (_, frame) => frame);
  if (layout.frames === 1 || options.axes.includes("t")) return [frameTable(file, data, layout, all, options.axes.includes("t"))];
  return all.map((frame) => frameTable(`${file}, frame ${frame}`, data, layout, [frame], false));
}

function layOut(file: string, { shape }: Tensor, { axes, channels }: ReadOptions): Layout {
  if (channels === 1 && (shape.length === 2 || (shape.length === 3 && (axes.includes("t") || !shape.includes(1))))) {
    const [height, width] = shape.slice(-2) as [number, number];
    return { frames: shape.length === 2 ? 1 : shape[0]!, height, width, channels, index: (f, y, x) => (f * height + y) * width + x };
  }
  if (shape.length === 3 || shape.length === 4) {
    const frames = shape.length === 4 ? shape[0]! : 1;
    const [a, b, c] = shape.slice(-3) as [number, number, number];
    if (a === channels) return { frames, height: b, width: c, channels, index: (f, y, x, ch) => ((f * a + ch) * b + y) * c + x };
    if (c === channels) return { frames, height: a, width: b, channels, index: (f, y, x, ch) => ((f * a + y) * b + x) * c + ch };
  }
  throw inputError("SP0846", `${file} is ${printShape(shape)}, expected frames of ${channels} channels: [${channels}, height, width], [height, width, ${channels}], or several of them`);
}

function frameTable(file: string, data: ArrayLike<number>, { height, width, channels, index }: Layout, frames: readonly number[], timed: boolean): Table {
  const active: (readonly [t: number, y: number, x: number])[] = [];
  for (const t of frames) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let any = false;
        for (let c = 0; c < channels && !any; c++) any = data[index(t, y, x, c)] !== 0;
        if (any) active.push([t, y, x]);
      }
    }
  }
  const column = (name: string, of: (at: readonly [number, number, number]) => number): Column => ({ name, values: Float32Array.from(active, of) });
  const values = Array.from({ length: channels }, (_, c) => column(`c${c}`, ([t, y, x]) => data[index(t, y, x, c)]!));
  return {
    file,
    kind: "pixels",
    rows: active.length,
    columns: [...(timed ? [column("t", ([t]) => t)] : []), column("y", ([, y]) => y), column("x", ([, , x]) => x), ...values],
    unnamed: false,
    place: (row) => `frame ${active[row]![0]}, row ${active[row]![1]}, column ${active[row]![2]}`,
  };
}
