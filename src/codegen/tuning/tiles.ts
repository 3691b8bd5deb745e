import type { AttrValue, Module, Op } from "../../ir/module.ts";
import { RECORD_ROWS } from "../../runtime/geometry/record.ts";
import { DIRECT_TILE, PACKED_ROWS } from "../plan/dataflow.ts";
import { fitsDirect } from "../wgsl/kernels/conv-direct.ts";
import { fitsPacked } from "../wgsl/kernels/conv-packed.ts";
import { columnTiles, groupsOf, quadsOf, type TileChoice } from "../wgsl/kernels/shape.ts";
import type { ConvSpec } from "../wgsl/spec.ts";

/** Most sums (of four columns) that an invocation keeps in registers. */
const MOST_SUMS = 32;

type ConvBody = Pick<ConvSpec, "terms" | "columns" | "epilogue">;

/** What decides how fast a convolution's tile is: steps that agree in this share a choice. Undefined for other steps. */
export function tileKey(op: Op): string | undefined {
  const spec = convBody(op);
  if (spec === undefined) return undefined;
  const terms = spec.terms.map((t) => `${t.map === undefined ? "own" : `${t.map.taps.length}t`}x${t.source.channels}`);
  const linear = spec.epilogue.flatMap((e) => (e.do === "linear" ? [`>${e.cout}`] : []));
  return `${terms.join("+")}->${spec.columns[1] - spec.columns[0]}${linear.join("")}`;
}

/** Tiles that a convolution's kernel can have: powers of two along the columns, 1 to 8 rows an invocation; then packed. */
export function tileCandidates(spec: ConvBody): readonly TileChoice[] {
  // A layer on chip shares the tile with the convolution: its shape is not the convolution's alone to choose.
  if (spec.epilogue.some((e) => e.do === "linear")) return [];
  const columns = spec.columns[1] - spec.columns[0];
  const quads = Math.ceil(quadsOf(columns) / columnTiles(columns));
  const threads = [1, 2, 4, 8, 16].filter((n) => n <= quads);
  const masked = threads.flatMap((n) =>
    // Rows that end within a vector of four are stored number by number: eight of them take compilers for CPUs seconds.
    (columns % 4 === 0 ? [1, 2, 4, 8] : [1, 2, 4])
      .map((perThread): TileChoice => ({ threads: n, perThread }))
      .filter((tile) => groupsOf({ rows: RECORD_ROWS, ...tile }, quads) * tile.perThread <= MOST_SUMS));
  const packed = threads.map((n): TileChoice => ({ threads: n, perThread: PACKED_ROWS, dataflow: "packed" })).filter((tile) => fitsPacked(spec, { rows: RECORD_ROWS, ...tile }));
  return [...masked, ...packed, ...(fitsDirect(spec) ? [DIRECT_TILE] : [])];
}

/** The plan with the convolutions' tiles chosen by key; others keep theirs. */
export function withTiles(plan: Module, tiles: Readonly<Record<string, TileChoice>>): Module {
  const ops = plan.ops.map((op): Op => {
    const key = tileKey(op);
    const tile = key === undefined ? undefined : tilesOf(op).find((c) => tiles[key] !== undefined && sameTile(c, tiles[key]));
    if (tile === undefined) return op;
    return { ...op, attrs: { ...op.attrs, spec: { ...(op.attrs["spec"] as { readonly [key: string]: AttrValue }), tile: { ...tile } } } };
  });
  return { ...plan, ops };
}

/** The tiles that a step can have; none if it is no convolution. */
export function tilesOf(op: Op): readonly TileChoice[] {
  const spec = convBody(op);
  return spec === undefined ? [] : tileCandidates(spec);
}

export const sameTile = (a: TileChoice, b: TileChoice): boolean => a.threads === b.threads && a.perThread === b.perThread && a.dataflow === b.dataflow;

const convBody = (op: Op): ConvBody | undefined => (op.name === "step.conv" ? (op.attrs["spec"] as unknown as ConvBody) : undefined);
