import { u32 } from "../literal.ts";
import { assemble, Bindings } from "../module.ts";
import type { EpilogueStep, Kernel } from "../spec.ts";
import { wgsl, type Hole, type Wgsl } from "../template.ts";
import { name } from "../namer.ts";
import { acc, quad, quadOffset, type Columns } from "./epilogue.ts";
import { rowStride } from "./gather.ts";
import { multiply } from "./multiply.ts";
import { groupsOf, quadsOf, rowThreads, WORKGROUP_BYTES, workgroupSize, type TileShape } from "./shape.ts";

/** Identifiers that the kernels' own text uses; a binding role of the same spelling gets a suffix. */
const OWN = [
  "tile", "middle", "sums", "lists", "counts_", "begin", "launched", "halved", "lanes", "side", "pass_", "masks", "slots", "mask", "count", "slot", "turn", "column", "present", "params_", "rows", "row0", "row_lane", "quad0", "group", "lane", "wg", "phase", "tap", "tap0", "found", "window", "s", "end",
  "entry", "value", "row", "quad", "at", "cell", "in_subgroup", "neighbour", "record", "split", "part", "halo0", "base", "own", "first", "last", "low", "high",
  "item", "part_rows", "begin", "mean", "rest", "squares", "square", "apart", "total", "into", "joined", "first_of", "peak", "most", "share", "factor", "logarithm", "exponent", "all", "c",
  ...["q", "q0", "r", "i", "j", "k", "n", "t", "b"],
  ...Array.from({ length: 16 }, (_, r) => r).flatMap((r) => [`a${r}`, `a${r}_1`, `a${r}_2`, `a${r}_3`, `row${r}`, `n${r}`, `e${r}`, `kept${r}`, `own${r}`, ...Array.from({ length: 16 }, (_, g) => [`acc${r}_${g}`, `w${r}_${g}`]).flat()]),
];

export const newBindings = (): Bindings => new Bindings(OWN);

/** The parts that kernels of rows × columns have in common. */
export interface RowKernelParts {
  readonly name: string;
  readonly header: readonly string[];
  readonly bindings: Bindings;
  readonly shape: TileShape;
  /** Column tiles, each its own workgroup, and quads of columns in one. */
  readonly tiles: number;
  readonly tileQuads: number;
  /** Index of the row count. */
  readonly rows: number;
  /** vec4 of the workgroup array `tile`, 0 for none. */
  readonly tileSize: number;
  readonly declarations: Hole;
  /** How invocations lie in a tile, where a launch may halve its columns. */
  readonly halves?: { readonly below: number; readonly before: Hole; readonly rowLane: Wgsl; readonly column: Wgsl };
  /** As in the parts of {@link assemble}. */
  readonly subgroups?: true;
  readonly body: Hole;
}

/** A kernel whose workgroup does one tile of rows and columns, and leaves when the rows end before it. */
export function rowKernel(parts: RowKernelParts): Kernel {
  const { shape, tiles } = parts;
  const bytes = parts.tileSize * 16;
  if (bytes > WORKGROUP_BYTES) throw new Error(`internal: ${parts.name} needs ${bytes} bytes of workgroup memory`);
  const rowLane = parts.halves?.rowLane ?? (shape.threads === 1 ? wgsl`lane` : wgsl`lane / ${u32(shape.threads)}`);
  const column = parts.halves?.column ?? (shape.threads === 1 ? wgsl`0u` : wgsl`lane % ${u32(shape.threads)}`);
  const rows = parts.bindings.counts();
  return assemble({
    name: parts.name,
    header: parts.header,
    bindings: parts.bindings,
    declarations: [
      parts.tileSize === 0 ? undefined : wgsl`var<workgroup> tile: array<vec4f, ${u32(parts.tileSize)}>;`,
      parts.declarations,
    ],
    workgroupSize: workgroupSize(shape),
    rowsPerGroup: shape.rows,
    groupsPerTile: tiles,
    ...(parts.halves === undefined ? {} : { halvedBelow: parts.halves.below }),
    workgroupBytes: bytes,
    ...(parts.subgroups === true ? { subgroups: true as const } : {}),
    body: wgsl`
      let rows = ${rows}[${u32(parts.rows)}];
      let row0 = ${tiles === 1 ? wgsl`group` : wgsl`group / ${u32(tiles)}`} * ${u32(shape.rows)};
      if (row0 >= rows) { return; }
      ${parts.halves?.before}
      let row_lane = ${rowLane};
      let quad0 = ${tiles === 1 ? column : wgsl`group % ${u32(tiles)} * ${u32(parts.tileQuads)} + ${column}`};
      ${parts.body}`,
  });
}

/** Global row of the invocation's row r. */
export const globalRow = (shape: TileShape) => (r: number): Wgsl =>
  r === 0 ? wgsl`row0 + row_lane` : wgsl`row0 + row_lane + ${u32(r * rowThreads(shape))}`;

export const rowInside = (shape: TileShape) => (r: number): Wgsl => wgsl`${globalRow(shape)(r)} < rows`;

/** vec4 that the tile's rows of `width` columns take on chip, and the distance from one quad to the next. */
export function chipTile(shape: TileShape, width: number): { readonly size: number; readonly stride: number } {
  const padded = quadsOf(width) * rowStride(shape);
  if (padded * 16 <= WORKGROUP_BYTES) return { size: padded, stride: rowStride(shape) };
  return { size: quadsOf(width) * shape.rows, stride: shape.rows };
}

/** y = y·W: the tile's rows go through workgroup memory, each invocation then multiplies whole rows of them. */
export function chipLinear(bindings: Bindings, shape: TileShape) {
  return (from: Columns, step: Extract<EpilogueStep, { do: "linear" }>): Hole => {
    const { stride } = chipTile(shape, from.width);
    const tile = name("tile");
    const quads = quadsOf(from.width);
    const rows = Array.from({ length: shape.perThread }, (_, r) => r);
    const groups = groupsOf(shape, quads);
    const at = (r: number): Wgsl => (r === 0 ? wgsl`row_lane` : wgsl`row_lane + ${u32(r * rowThreads(shape))}`);
    return [
      wgsl`workgroupBarrier();`,
      Array.from({ length: groups }, (_, g) => {
        const writes = rows.map((r) => wgsl`${tile}[(${quad(shape, g)}) * ${u32(stride)} + ${at(r)}] = ${acc(r, g)};`);
        if (groups * shape.threads === quads) return writes;
        return wgsl`
          if (${quad(shape, g)} < ${u32(quads)}) {
            ${writes}
          }`;
      }),
      wgsl`workgroupBarrier();`,
      rows.map((r) => Array.from({ length: groupsOf(shape, quadsOf(step.cout)) }, (_, g) => wgsl`${acc(r, g)} = vec4f();`)),
      multiply({
        shape,
        groups: groupsOf(shape, quadsOf(step.cout)),
        channels: from.width,
        stride: quadsOf(step.cout),
        params: bindings.params(),
        weight: wgsl`${quadOffset(step.weight)}`,
        start: wgsl`0u`,
        step: stride,
        row: (r) => wgsl`${tile}[s + ${at(r)}]`,
      }),
    ];
  };
}
