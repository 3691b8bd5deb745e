import { RECORD_ROWS } from "../../../runtime/geometry/record.ts";
import { name } from "../namer.ts";
import type { ConvSpec, ConvTerm, Kernel } from "../spec.ts";
import { comment, wgsl, type Hole } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { declareAccumulators, epilogue, epilogueWindows, stageWidths, type TileContext } from "./epilogue.ts";
import { directConvKernel } from "./conv-direct.ts";
import { packedConvKernel } from "./conv-packed.ts";
import { streamedConvKernel } from "./conv-streamed.ts";
import { chipLinear, chipTile, globalRow, newBindings, rowInside, rowKernel } from "./frame.ts";
import { gather, stagingOf } from "./gather.ts";
import { Rulebook } from "./rulebook.ts";
import { CHIP_COLUMNS, chooseShape, columnTiles, groupsOf, quadsOf, type TileShape } from "./shape.ts";

/**
 * Masked implicit GEMM, output stationary: a workgroup owns a tile of 32 rows × at most 64 columns (all columns where a
 * linear step follows), gathers the input rows of one tap after the other into workgroup memory and accumulates in
 * registers. Taps that no row of the record has are skipped by the record's mask. Sums go by term, tap, input channel.
 * Algorithm: Yan Yan, spconv 2 (2022), "masked implicit GEMM".
 */
export function convKernel(spec: ConvSpec): Kernel {
  const [from, to] = spec.columns;
  const widths = stageWidths(spec.epilogue, to - from);
  const linear = widths.length > 1;
  if (linear && Math.max(...widths) > CHIP_COLUMNS) throw new Error(`internal: a linear step holds ${CHIP_COLUMNS} columns at most`);
  const tiles = linear ? 1 : columnTiles(to - from);
  const shape = spec.tile === undefined ? chooseShape(widths.map((w) => Math.ceil(quadsOf(w) / tiles))) : { rows: RECORD_ROWS, ...spec.tile };
  if (spec.tile?.dataflow === "streamed") return streamedConvKernel(spec, spec.tile);
  if (spec.tile?.dataflow === "packed") return packedConvKernel(spec, shape);
  if (spec.tile?.dataflow === "direct") return directConvKernel(spec, shape);

  const bindings = newBindings();
  const start = { from, width: to - from };
  const functions = new RowFunctions(bindings, [
    ...spec.terms.map((t) => ({ access: t.source, from: 0, width: t.source.channels })),
    ...epilogueWindows(spec.epilogue, start, spec.target),
  ]);
  const stagings = spec.terms.map((t) => stagingOf(shape, t.source.channels, t.map?.taps.length ?? 1));
  const half = Math.max(...stagings.map((s) => s.size));
  const groups = Math.max(...widths.map((w) => groupsOf(shape, Math.ceil(quadsOf(w) / tiles))));
  const onChip = widths.slice(0, -1).map((w) => chipTile(shape, w).size);
  const context: TileContext = {
    bindings, functions, shape, tiles,
    row: globalRow(shape), stored: rowInside(shape), linear: chipLinear(bindings, shape),
  };
  const body = [
    declareAccumulators(shape, groups),
    wgsl`var phase = 0u;`,
    spec.terms.map((t, i) => term(t, i, { ...context, half, columns: start.width }, stagings[i] ?? stagingOf(shape, 1, 1))),
    epilogue(context, spec.epilogue, start, spec.target),
  ];
  return rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles, tileQuads: groups * shape.threads, rows: spec.rows,
    tileSize: Math.max(2 * half, ...onChip), declarations: functions.declarations, body,
  });
}

interface TermContext extends TileContext {
  readonly half: number;
  readonly columns: number;
}

function term(t: ConvTerm, index: number, context: TermContext, staging: ReturnType<typeof stagingOf>): Hole {
  const { bindings, functions, half, columns, tiles } = context;
  const shape: TileShape = context.shape;
  const { channels } = t.source;
  const rulebook = t.map === undefined ? undefined : new Rulebook(bindings, t.map);
  const taps = rulebook?.taps ?? 1;
  const record = wgsl`(row0 >> 5u)`;
  const through = t.map === undefined ? "its own row" : `${taps} taps through ${t.map.role}`;
  return [
    comment([`Term ${index}: ${channels} channels of ${t.source.role}, ${through}.`]),
    gather({
      shape, staging, tile: name("tile"), half, taps, channels,
      load: functions.load({ access: t.source, from: 0, width: channels }),
      ...(rulebook === undefined ? {} : { present: (tap) => rulebook.present(record, tap) }),
      entry: (r, tap) =>
        rulebook === undefined
          ? wgsl`select(0u, row0 + ${r} + 1u, row0 + ${r} < rows)`
          : rulebook.entry(wgsl`(row0 + ${r})`, tap),
      weight: t.weight,
      product: { groups: groupsOf(shape, Math.ceil(quadsOf(columns) / tiles)), stride: quadsOf(columns), params: bindings.params() },
    }),
  ];
}
