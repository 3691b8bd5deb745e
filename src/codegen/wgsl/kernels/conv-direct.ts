import { u32 } from "../literal.ts";
import type { ConvSpec, ConvTerm, Kernel } from "../spec.ts";
import { comment, wgsl, type Hole, type Wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { declareAccumulators, epilogue, epilogueWindows, quadOffset, type TileContext } from "./epilogue.ts";
import { globalRow, newBindings, rowInside, rowKernel } from "./frame.ts";
import { multiply } from "./multiply.ts";
import { Rulebook } from "./rulebook.ts";
import { columnTiles, groupsOf, quadsOf, type TileShape } from "./shape.ts";

/** Input channels of a term at most: beyond, rows are worth staging. */
export const DIRECT_CHANNELS = 8;

/** Whether a convolution can be computed so. */
export const fitsDirect = (spec: Pick<ConvSpec, "terms" | "epilogue">): boolean =>
  spec.terms.every((t) => t.source.channels <= DIRECT_CHANNELS) && spec.epilogue.every((e) => e.do !== "linear");

/**
 * The convolution of `convKernel` for few input channels: an invocation has one row and all columns of the tile, reads
 * its inputs straight from memory, tap after tap, and weights that are the same for all its neighbours. Nothing is
 * staged, so nothing waits. Sums go in the masked kernel's order.
 */
export function directConvKernel(spec: ConvSpec, shape: TileShape): Kernel {
  const [from, to] = spec.columns;
  const start = { from, width: to - from };
  const tiles = columnTiles(start.width);
  const groups = groupsOf(shape, Math.ceil(quadsOf(start.width) / tiles));
  const bindings = newBindings();
  const functions = new RowFunctions(bindings, [
    ...spec.terms.map((t) => ({ access: t.source, from: 0, width: t.source.channels })),
    ...epilogueWindows(spec.epilogue, start, spec.target),
  ]);
  const context: TileContext = { bindings, functions, shape, tiles, row: globalRow(shape), stored: rowInside(shape) };
  const body = [
    declareAccumulators(shape, groups),
    wgsl`let row = min(row0 + row_lane, rows - 1u);`,
    spec.terms.map((t, i) => term(t, i, context, groups, quadsOf(start.width))),
    epilogue(context, spec.epilogue, start, spec.target),
  ];
  return rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles, tileQuads: groups * shape.threads, rows: spec.rows, tileSize: 0,
    declarations: functions.declarations, body,
  });
}

function term(t: ConvTerm, index: number, { bindings, functions, shape }: TileContext, groups: number, stride: number): Hole {
  const { channels } = t.source;
  const load = functions.load({ access: t.source, from: 0, width: channels });
  const product = (row: Wgsl, tap: Wgsl): Hole =>
    multiply({
      shape, groups, channels, stride, params: bindings.params(), weight: wgsl`${quadOffset(t.weight)} + ${tap} * ${u32(channels * stride)}`,
      start: wgsl`0u`, step: 1, row: () => wgsl`${load}(${row}, s)`,
    });
  if (t.map === undefined) return [comment([`Term ${index}: ${channels} channels of ${t.source.role}, its own row.`]), product(wgsl`row`, wgsl`0u`)];
  const book = new Rulebook(bindings, t.map);
  // A loop of at most one round: compilers for CPUs leave a loop when no invocation is in it, but walk through a branch.
  return wgsl`
    ${comment([`Term ${index}: ${channels} channels of ${t.source.role}, ${book.taps} taps through ${t.map.role}, read where they are.`])}
    for (var tap = 0u; tap < ${u32(book.taps)}; tap++) {
      for (var entry = ${book.entry(wgsl`row`, wgsl`tap`)}; entry != 0u; entry = 0u) {
        ${product(wgsl`entry - 1u`, wgsl`tap`)}
      }
    }`;
}
