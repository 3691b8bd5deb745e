import { u32 } from "../literal.ts";
import type { Kernel, PointwiseSpec, PoolSpec } from "../spec.ts";
import { repeat, wgsl, type Hole } from "../template.ts";
import { RowFunctions, type Window } from "./access.ts";
import { acc, declareAccumulators, epilogue, epilogueWindows, quad, stageWidths, type TileContext } from "./epilogue.ts";
import { chipLinear, chipTile, globalRow, newBindings, rowInside, rowKernel } from "./frame.ts";
import { Rulebook } from "./rulebook.ts";
import { CHIP_COLUMNS, chooseShape, columnTiles, groupsOf, quadsOf, type TileShape } from "./shape.ts";

/** The epilogue applied to rows as they are. */
export function pointwiseKernel(spec: PointwiseSpec): Kernel {
  return perRow(spec, [], (context) => {
    const load = context.functions.load({ access: spec.source, from: 0, width: spec.source.channels });
    return eachQuad(context, spec.source.channels, (r, g) => wgsl`
      if (${context.stored(r)}) { ${acc(r, g)} = ${load}(${context.row(r)}, ${quad(context.shape, g)}); }`);
  });
}

/**
 * Maximum, sum or average of the rows that a rulebook pairs with each output row, taps ascending; 0 where there is none.
 * A maximum over a volume counts each missing row as 0.
 */
export function poolKernel(spec: PoolSpec): Kernel {
  return perRow(spec, [], (context) => {
    const rulebook = new Rulebook(context.bindings, spec.map);
    const load = context.functions.load({ access: spec.source, from: 0, width: spec.source.channels });
    return eachQuad(context, spec.source.channels, (r, g) => {
      const value = wgsl`${load}(entry - 1u, ${quad(context.shape, g)})`;
      const total = acc(r, g);
      // The first row is taken as it is: 0 would win over negative maxima.
      const step = spec.mode === "max" ? wgsl`${total} = select(max(${total}, value), value, n == 1u);` : wgsl`${total} += value;`;
      const finish =
        spec.mode === "max" && spec.divisor !== "count"
          ? wgsl`if (n < ${u32(spec.divisor)}) { ${total} = max(${total}, vec4f()); }`
          : spec.mode !== "avg"
          ? undefined
          : spec.divisor === "count"
            ? wgsl`${total} /= f32(max(n, 1u));`
            : wgsl`${total} /= f32(${u32(spec.divisor)});`;
      return wgsl`
        if (${context.stored(r)}) {
          let row = ${context.row(r)};
          var n = 0u;
          for (var tap = 0u; tap < ${u32(rulebook.taps)}; tap++) {
            if (${rulebook.present(wgsl`(row >> 5u)`, wgsl`tap`)} == 0u) { continue; }
            let entry = ${rulebook.entry(wgsl`row`, wgsl`tap`)};
            if (entry == 0u) { continue; }
            n++;
            let value = ${value};
            ${step}
          }
          ${finish}
        }`;
    });
  });
}

/** One statement per row and column group of an invocation. */
export function eachQuad(context: TileContext, channels: number, statement: (r: number, g: number) => Hole): Hole {
  const groups = groupsOf(context.shape, Math.ceil(quadsOf(channels) / context.tiles));
  return repeat(context.shape.perThread, (r) => repeat(groups, (g) => statement(r, g)));
}

/** A kernel that computes each row from a head and an epilogue; `others` is what the head reads beside the source. */
export function perRow(spec: Omit<PointwiseSpec, "kind">, others: readonly Window[], head: (context: TileContext) => Hole): Kernel {
  const { channels } = spec.source;
  const widths = stageWidths(spec.epilogue, channels);
  const linear = widths.length > 1;
  if (linear && Math.max(...widths) > CHIP_COLUMNS) throw new Error(`internal: a linear step holds ${CHIP_COLUMNS} columns at most`);
  const tiles = linear ? 1 : columnTiles(channels);
  const shape = linear ? chooseShape(widths.map((w) => quadsOf(w))) : rowShape(Math.ceil(quadsOf(channels) / tiles));
  const bindings = newBindings();
  const start = { from: 0, width: channels };
  const functions = new RowFunctions(bindings, [
    { access: spec.source, from: 0, width: channels },
    ...others,
    ...epilogueWindows(spec.epilogue, start, spec.target),
  ]);
  const context: TileContext = {
    bindings, functions, shape, tiles,
    row: globalRow(shape), stored: rowInside(shape), linear: chipLinear(bindings, shape),
  };
  const groups = Math.max(...widths.map((w) => groupsOf(shape, Math.ceil(quadsOf(w) / tiles))));
  const body = [declareAccumulators(shape, groups), head(context), epilogue(context, spec.epilogue, start, spec.target)];
  return rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles, tileQuads: groups * shape.threads, rows: spec.rows,
    tileSize: Math.max(0, ...widths.slice(0, -1).map((w) => chipTile(shape, w).size)),
    declarations: functions.declarations, body,
  });
}

/** One row and quad per invocation, about 128 of them; rows are a power of two. */
export function rowShape(quads: number): TileShape {
  return { rows: 2 ** Math.floor(Math.log2(Math.max(1, 128 / quads))), perThread: 1, threads: quads };
}
