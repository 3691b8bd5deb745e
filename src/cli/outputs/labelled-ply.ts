/** Sparse outputs to look at: points or sites, coloured by the channel of the greatest value. */
import type { CloudSource } from "../cloud-options.ts";
import { inputError } from "../errors.ts";
import type { Outputs, OutputValue } from "../files/scene.ts";

type Sparse = Extract<OutputValue, { readonly kind: "feat" }>;

interface Labelled {
  /** x, y, z of each vertex. */
  readonly positions: readonly (readonly number[])[];
  readonly batch: readonly number[];
  /** Row of the output. */
  readonly rows: readonly number[];
  /** What the vertices are, in words. */
  readonly what: string;
}

/** The output that is asked for, or the only sparse one. SP0849: there is none, or several. */
export function sparseOutput(outputs: Outputs, asked: string | undefined): readonly [string, Sparse] {
  const sparse = [...outputs].filter((entry): entry is [string, Sparse] => entry[1].kind === "feat" && entry[1].dim > 0);
  const found = sparse.filter(([name]) => asked === undefined || name === asked);
  if (found.length === 1) return found[0]!;
  const list = sparse.map(([name]) => `\`${name}\``).join(", ");
  if (asked !== undefined || sparse.length === 0) throw inputError("SP0849", `the network has no sparse output${asked === undefined ? "" : ` \`${asked}\``}, so there are no sites to label${list === "" ? "" : `; it has ${list}`}`);
  throw inputError("SP0849", `the network has several sparse outputs: ${list}`, { help: "say which with --label" });
}

/**
 * A binary .ply with x, y, z, batch, label (argmax over channels, the first of equal ones), score (its value) and colour.
 * Where the output lies on the sites of an input made of points, vertices are its points, in its own unit; else they are
 * sites, at their whole coordinates.
 */
export function labelledPly(output: Sparse, clouds: readonly CloudSource[]): { readonly bytes: Uint8Array; readonly what: string } {
  const places = byPoints(output, clouds) ?? bySites(output);
  const header = [
    "ply", "format binary_little_endian 1.0", `comment ${places.what}`, `element vertex ${places.rows.length}`,
    "property float x", "property float y", "property float z", "property int batch", "property int label", "property float score",
    "property uchar red", "property uchar green", "property uchar blue", "end_header", "",
  ].join("\n");
  const start = header.length;
  const bytes = new Uint8Array(start + places.rows.length * STRIDE);
  bytes.set(new TextEncoder().encode(header));
  const view = new DataView(bytes.buffer);
  places.rows.forEach((row, i) => {
    const at = start + i * STRIDE;
    const values = output.features.subarray(row * output.channels, (row + 1) * output.channels);
    const label = argmax(values);
    [0, 1, 2].forEach((axis) => view.setFloat32(at + 4 * axis, places.positions[i]![axis] ?? 0, true));
    view.setInt32(at + 12, places.batch[i]!, true);
    view.setInt32(at + 16, label, true);
    view.setFloat32(at + 20, values[label] ?? 0, true);
    bytes.set(colourOf(label), at + 24);
  });
  return { bytes, what: places.what };
}

const STRIDE = 27;

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let c = 1; c < values.length; c++) if (values[c]! > values[best]!) best = c;
  return best;
}

/** Hues a golden angle apart, so that neighbouring labels differ and the same label always looks the same. */
export function colourOf(label: number): readonly [number, number, number] {
  const hue = (label * 0.618033988749895 * 6) % 6;
  const channel = (shift: number): number => {
    const k = (hue + shift) % 6;
    return Math.round(255 * (0.95 - 0.75 * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}

function byPoints(output: Sparse, clouds: readonly CloudSource[]): Labelled | undefined {
  const own = clouds.find(({ input, spec }) => spec.voxels !== undefined && output.dim === 1 && output.coords.length === 2 * input.rows);
  if (own !== undefined) return verticesOf(own, (row) => row, `points of ${own.spec.name}`);
  const width = 1 + output.dim;
  const rowAt = new Map<string, number>();
  for (let row = 0; row * width < output.coords.length; row++) rowAt.set(output.coords.subarray(row * width, (row + 1) * width).join(), row);
  const cloud = clouds.find(({ input, spec }) => spec.axes.length === output.dim && input.rows === rowAt.size && siteRows(input.coords, width).every((site) => rowAt.has(site)));
  if (cloud === undefined) return undefined;
  const outputRow = siteRows(cloud.input.coords, width).map((site) => rowAt.get(site)!);
  return verticesOf(cloud, (row) => outputRow[row]!, `points of ${cloud.spec.name}, labelled by their voxels`);
}

/** The points of a cloud that have a row of its input. */
function verticesOf(cloud: CloudSource, outputRow: (row: number) => number, what: string): Labelled {
  const { order } = cloud;
  const shown = shownAxes(order);
  const [positions, batch, rows]: [number[][], number[], number[]] = [[], [], []];
  cloud.points.forEach((part, item) => {
    part.pointRow.forEach((row, point) => {
      if (row < 0) return;
      positions.push(shown.map((axis) => part.positions[point * order.length + axis]!));
      batch.push(item);
      rows.push(outputRow(row));
    });
  });
  return { positions, batch, rows, what: `${rows.length} ${what}` };
}

const siteRows = (coords: Int32Array | Float32Array, width: number): readonly string[] => Array.from({ length: coords.length / width }, (_, row) => coords.subarray(row * width, (row + 1) * width).join());

/** Where x, y and z of the file come from: the axes of these names, else the others in their order. */
function shownAxes(order: readonly string[]): readonly number[] {
  const rest = order.map((_, i) => i).filter((i) => !["x", "y", "z"].includes(order[i]!));
  return ["x", "y", "z"].flatMap((name) => {
    const named = order.indexOf(name);
    const axis = named >= 0 ? named : rest.shift();
    return axis === undefined ? [] : [axis];
  });
}

function bySites({ coords, dim }: Sparse): Labelled {
  const width = 1 + dim;
  const rows = Array.from({ length: coords.length / width }, (_, row) => row);
  // The last axis of a network is x as a rule.
  const positions = rows.map((row) => [...coords.subarray(row * width + 1, (row + 1) * width)].reverse().slice(0, 3));
  return { positions, batch: rows.map((row) => coords[row * width]!), rows, what: `${rows.length} sites at their whole coordinates, the last axis as x` };
}
