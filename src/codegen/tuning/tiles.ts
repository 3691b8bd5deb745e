import type { AttrValue, Module, Op } from "../../ir/module.ts";
import { RECORD_ROWS } from "../../runtime/geometry/record.ts";
import { DIRECT_TILE, PACKED_ROWS } from "../plan/dataflow.ts";
import { fitsDirect } from "../wgsl/kernels/conv-direct.ts";
import { fitsPacked } from "../wgsl/kernels/conv-packed.ts";
import { fitsStreamed, streamedTile } from "../wgsl/kernels/conv-streamed.ts";
import { chooseShape, columnTiles, groupsOf, MOST_INVOCATIONS, quadsOf, workgroupSize, type TileChoice } from "../wgsl/kernels/shape.ts";
import type { ConvSpec, RegisterTile } from "../wgsl/spec.ts";

/** How a convolution's kernel divides its work: a workgroup's tile on WebGPU, what registers hold on the CPU. */
export type Tile = TileChoice | RegisterTile;

export type TileTarget = "webgpu" | "wasm";

/** Most sums (of four columns) that an invocation keeps in registers. */
const MOST_SUMS = 32;

/** Most sums (of four columns) in the CPU's registers: 16 are joined to 8 of 16 where lanes can be. */
const MOST_REGISTERS = 16;

type ConvBody = Pick<ConvSpec, "terms" | "columns" | "epilogue" | "tile" | "registers">;

/** What decides how fast a convolution's tile is: steps that agree in this share a choice. Undefined for other steps. */
export function tileKey(op: Op): string | undefined {
  const spec = convBody(op);
  if (spec === undefined) return undefined;
  const terms = spec.terms.map((t) => `${t.map === undefined ? "own" : `${t.map.taps.length}t`}x${t.source.channels}`);
  const linear = spec.epilogue.flatMap((e) => (e.do === "linear" ? [`>${e.cout}`] : []));
  return `${terms.join("+")}->${columnsOf(spec)}${linear.join("")}`;
}

/** Tiles that a convolution's WGSL kernel can have: powers of two along the columns, 1 to 8 rows an invocation; then packed. */
export function tileCandidates(spec: Pick<ConvBody, "terms" | "columns" | "epilogue">): readonly TileChoice[] {
  // A layer on chip shares the tile with the convolution: its shape is not the convolution's alone to choose.
  if (spec.epilogue.some((e) => e.do === "linear")) return [];
  const columns = columnsOf(spec);
  const quads = Math.ceil(quadsOf(columns) / columnTiles(columns));
  const threads = [1, 2, 4, 8, 16].filter((n) => n <= quads);
  const masked = threads.flatMap((n) =>
    // Rows that end within a vector of four are stored number by number: eight of them take compilers for CPUs seconds.
    (columns % 4 === 0 ? [1, 2, 4, 8] : [1, 2, 4])
      .map((perThread): TileChoice => ({ threads: n, perThread }))
      .filter((tile) => workgroupSize({ rows: RECORD_ROWS, ...tile }) <= MOST_INVOCATIONS && groupsOf({ rows: RECORD_ROWS, ...tile }, quads) * tile.perThread <= MOST_SUMS));
  const packed = threads.map((n): TileChoice => ({ threads: n, perThread: PACKED_ROWS, dataflow: "packed" })).filter((tile) => fitsPacked(spec, { rows: RECORD_ROWS, ...tile }));
  return [...masked, ...packed, ...(fitsDirect(spec) ? [DIRECT_TILE] : []), ...streamedTiles(spec)];
}

function streamedTiles(spec: Pick<ConvBody, "terms" | "columns" | "epilogue">): readonly TileChoice[] {
  const quads = quadsOf(columnsOf(spec));
  const widths = [...new Set([4, 8, streamedTile(columnsOf(spec), 1).threads])].filter((threads) => threads <= Math.max(4, quads));
  const parts = (threads: number) => [{ splits: 1, folds: false }, { splits: 2, folds: false }, ...(threads > 4 ? [{ splits: 2, folds: true } as const] : [])] as const;
  const loads = [{ ahead: 2 }, { ahead: 4 }, { ahead: 4, shares: true }] as const;
  return widths.flatMap((threads) => parts(threads).flatMap((part) => loads.map((load) => ({ threads, perThread: PACKED_ROWS, dataflow: "streamed", ...load, ...part }) as const)))
    .filter((tile) => fitsStreamed(spec, tile));
}

/** Register tiles that a convolution's function on the CPU can have; no wider than its columns need. */
export function registerCandidates(spec: Pick<ConvBody, "columns">): readonly RegisterTile[] {
  const columns = columnsOf(spec);
  const widths = columns > 8 ? [8, 16] : columns > 4 ? [8] : [4];
  return widths.flatMap((width) => [2, 3, 4, 6].map((rows) => ({ rows, columns: width })).filter((t) => (t.rows * t.columns) / 4 <= MOST_REGISTERS));
}

/** The plan with the convolutions' tiles chosen by key; what is no tile of theirs changes nothing. */
export function withTiles(plan: Module, tiles: Readonly<Record<string, Tile>>, target: TileTarget = "webgpu"): Module {
  const attr = target === "webgpu" ? "tile" : "registers";
  const ops = plan.ops.map((op): Op => {
    const tile = chosenTile(op, tiles, target);
    if (tile === undefined) return op;
    return { ...op, attrs: { ...op.attrs, spec: { ...(op.attrs["spec"] as { readonly [key: string]: AttrValue }), [attr]: { ...tile } } } };
  });
  return { ...plan, ops };
}

/** The step's choice, if it has one that its kernel can have. */
export function chosenTile(op: Op, tiles: Readonly<Record<string, Tile>>, target: TileTarget): Tile | undefined {
  const key = tileKey(op);
  const wanted = key === undefined || !Object.hasOwn(tiles, key) ? undefined : tiles[key];
  return wanted === undefined ? undefined : tilesOf(op, target).find((tile) => sameTile(tile, wanted));
}

/** The tiles that a step can have; none if it is no convolution. */
export function tilesOf(op: Op, target: TileTarget = "webgpu"): readonly Tile[] {
  const spec = convBody(op);
  if (spec === undefined) return [];
  return target === "webgpu" ? tileCandidates(spec) : registerCandidates(spec);
}

/** The tile that a convolution has without tuning; undefined where that is no single one of the candidates. */
export function untunedTile(op: Op, target: TileTarget): Tile | undefined {
  const spec = convBody(op);
  if (spec === undefined || target === "wasm" || tileCandidates(spec).length === 0) return undefined;
  const columns = columnsOf(spec);
  const { threads, perThread } = chooseShape([Math.ceil(quadsOf(columns) / columnTiles(columns))]);
  return spec.tile ?? { threads, perThread };
}

/** Whether a tile's kernel needs the device's subgroups. */
export const needsSubgroups = (tile: Tile): boolean => "dataflow" in tile && tile.dataflow === "streamed" && tile.shares === true;

export const sameTile = (a: Tile, b: Tile): boolean => tileText(a) === tileText(b);

/** Whether two tiles add in the same order: those that take channels in parts add parts, and which these are depends on their loads. */
export const addsAlike = (a: Tile, b: Tile): boolean => orderOf(a) === orderOf(b);

const orderOf = (tile: Tile): string => ("dataflow" in tile && tile.dataflow === "streamed" && tile.splits > 1 ? `${tile.splits} ${tile.ahead}` : "whole");

/** A tile in words: invocations along the columns × rows of each, or rows × columns in registers. */
export const tileText = (tile: Tile): string =>
  "threads" in tile ? `${tile.threads} × ${tile.perThread}${tile.dataflow === undefined ? "" : ` ${tile.dataflow}`}${tile.dataflow === "streamed" ? ` ${tile.splits} / ${tile.ahead}${tile.folds ? " folds" : ""}${tile.shares === true ? " shares" : ""}` : ""}` : `${tile.rows} rows × ${tile.columns} columns`;

/** What a step has without tuning, in words. */
export function untunedText(op: Op, target: TileTarget): string {
  const tile = untunedTile(op, target);
  return tile === undefined ? "2 rows × 16 columns, 4 rows where lanes are joined" : tileText(tile);
}

const columnsOf = ({ columns }: Pick<ConvBody, "columns">): number => columns[1] - columns[0];

const convBody = (op: Op): ConvBody | undefined => (op.name === "step.conv" ? (op.attrs["spec"] as unknown as ConvBody) : undefined);
