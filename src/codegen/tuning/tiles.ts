import type { AttrValue, Module, Op } from "../../ir/module.ts";
import { RECORD_ROWS } from "../../runtime/geometry/record.ts";
import { columnTiles, groupsOf, quadsOf, type TileChoice } from "../wgsl/kernels/shape.ts";
import type { ConvSpec } from "../wgsl/spec.ts";

/** Most sums (of four columns) that an invocation keeps in registers. */
const MOST_SUMS = 32;

type ConvBody = Pick<ConvSpec, "terms" | "columns" | "epilogue" | "tile">;

/** What decides how fast a convolution's tile is: steps that agree in this share a choice. Undefined for other steps. */
export function tileKey(op: Op): string | undefined {
  const spec = convBody(op);
  if (spec === undefined) return undefined;
  const terms = spec.terms.map((t) => `${t.map === undefined ? "own" : `${t.map.taps.length}t`}x${t.source.channels}`);
  const linear = spec.epilogue.flatMap((e) => (e.do === "linear" ? [`>${e.cout}`] : []));
  return `${terms.join("+")}->${spec.columns[1] - spec.columns[0]}${linear.join("")}`;
}

/** Tiles that a convolution's kernel can have: powers of two along the columns, 1 to 8 rows an invocation. */
export function tileCandidates(op: Op): readonly TileChoice[] {
  const spec = convBody(op);
  // A layer on chip shares the tile with the convolution: its shape is not the convolution's alone to choose.
  if (spec === undefined || spec.epilogue.some((e) => e.do === "linear")) return [];
  const columns = spec.columns[1] - spec.columns[0];
  const quads = Math.ceil(quadsOf(columns) / columnTiles(columns));
  return [1, 2, 4, 8, 16].filter((threads) => threads <= quads).flatMap((threads) =>
    [1, 2, 4, 8]
      .map((perThread): TileChoice => ({ threads, perThread }))
      .filter((tile) => groupsOf({ rows: RECORD_ROWS, ...tile }, quads) * tile.perThread <= MOST_SUMS));
}

/** The plan with the convolutions' tiles chosen by key; others keep theirs. */
export function withTiles(plan: Module, tiles: Readonly<Record<string, TileChoice>>): Module {
  const ops = plan.ops.map((op): Op => {
    const key = tileKey(op);
    const tile = key === undefined ? undefined : tiles[key];
    if (tile === undefined || !tileCandidates(op).some((c) => sameTile(c, tile))) return op;
    return { ...op, attrs: { ...op.attrs, spec: { ...(op.attrs["spec"] as { readonly [key: string]: AttrValue }), tile: { threads: tile.threads, perThread: tile.perThread } } } };
  });
  return { ...plan, ops };
}

export const sameTile = (a: TileChoice, b: TileChoice): boolean => a.threads === b.threads && a.perThread === b.perThread;

const convBody = (op: Op): ConvBody | undefined => (op.name === "step.conv" ? (op.attrs["spec"] as unknown as ConvBody) : undefined);
