import { int, u32 } from "../literal.ts";
import type { Name } from "../namer.ts";
import type { GroupedSpec, Kernel } from "../spec.ts";
import { join, repeat, wgsl, type Hole, type Wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { acc, declareAccumulators, epilogue, epilogueWindows, quad, quadOffset, type TileContext } from "./epilogue.ts";
import { globalRow, newBindings, rowInside, rowKernel } from "./frame.ts";
import { Rulebook } from "./rulebook.ts";
import { rowShape } from "./rows.ts";
import { columnTiles, quadsOf } from "./shape.ts";

/**
 * Convolution in groups, depthwise above all: an invocation has one row and four output channels, reads the inputs of
 * these straight from memory, tap after tap, and multiplies them one by one. There is no matrix whose rows several
 * channels share, so nothing is staged. Sums go by tap, then input channel of the group.
 */
export function groupedKernel(spec: GroupedSpec): Kernel {
  const [from, to] = spec.columns;
  const start = { from, width: to - from };
  const tiles = columnTiles(start.width);
  const quads = Math.ceil(quadsOf(start.width) / tiles);
  const shape = rowShape(quads);
  const bindings = newBindings();
  const functions = new RowFunctions(bindings, [{ access: spec.source, ...inputs(spec) }, ...epilogueWindows(spec.epilogue, start, spec.target)]);
  const context: TileContext = { bindings, functions, shape, tiles, row: globalRow(shape), stored: rowInside(shape) };
  const body = [declareAccumulators(shape, 1), sums(context, spec), epilogue(context, spec.epilogue, start, spec.target)];
  return rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles, tileQuads: quads, rows: spec.rows, tileSize: 0,
    declarations: functions.declarations, body,
  });
}

const depthwise = ({ reads, writes }: GroupedSpec): boolean => reads === 1 && writes === 1;

/** Input channels that the kernel reads: those of its columns where channels stay apart, else any. */
const inputs = (spec: GroupedSpec): { readonly from: number; readonly width: number } =>
  depthwise(spec) ? { from: spec.columns[0], width: spec.columns[1] - spec.columns[0] } : { from: 0, width: spec.source.channels };

function sums(context: TileContext, spec: GroupedSpec): Hole {
  const { bindings, functions, shape } = context;
  const { reads, map, weight, columns } = spec;
  const book = new Rulebook(bindings, map);
  const load = functions.load({ access: spec.source, ...inputs(spec) });
  const stride = quadsOf(columns[1] - columns[0]);
  const params = bindings.params();
  const column = quad(shape, 0);
  const total = acc(0, 0);
  const product = (i: number): Wgsl => {
    const w = wgsl`${params}[${quadOffset(weight)} + (tap * ${u32(reads)} + ${u32(i)}) * ${u32(stride)} + ${column}]`;
    if (depthwise(spec)) return wgsl`${total} += ${load}(entry - 1u, ${column}) * ${w};`;
    return wgsl`
      {
        ${channels(spec, i, column)}
        ${total} += ${inputsOf(spec, load)} * ${w};
      }`;
  };
  return wgsl`
    if (${context.stored(0)} && ${column} < ${u32(stride)}) {
      let row = ${context.row(0)};
      for (var tap = 0u; tap < ${u32(book.taps)}; tap++) {
        if (${book.present(wgsl`(row >> 5u)`, wgsl`tap`)} == 0u) { continue; }
        let entry = ${book.entry(wgsl`row`, wgsl`tap`)};
        if (entry == 0u) { continue; }
        ${repeat(reads, product)}
      }
    }`;
}

/** Whether the four columns of a quad belong to one group. */
const oneGroup = ({ writes, columns }: GroupedSpec): boolean => writes % 4 === 0 && columns[0] % 4 === 0;

/** Declares the i-th input channel of each group that the quad's columns belong to; beyond the last column the last channel stands in. */
function channels(spec: GroupedSpec, i: number, column: Wgsl): Hole {
  const { reads, writes, source, columns } = spec;
  return (oneGroup(spec) ? [0] : [0, 1, 2, 3]).map(
    (lane) => wgsl`let n${int(lane)} = min((${u32(columns[0] + lane)} + 4u * (${column})) / ${u32(writes)} * ${u32(reads)} + ${u32(i)}, ${u32(source.channels - 1)});`,
  );
}

/** The values of the declared channels: one for all four columns, or one each. */
function inputsOf(spec: GroupedSpec, load: Name): Wgsl {
  const value = (lane: number): Wgsl => wgsl`${load}(entry - 1u, n${int(lane)} >> 2u)[n${int(lane)} & 3u]`;
  return oneGroup(spec) ? value(0) : wgsl`vec4f(${join([0, 1, 2, 3].map(value), ", ")})`;
}
