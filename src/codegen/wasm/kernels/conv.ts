import { COLUMN_TILE, TILE } from "../../../runtime/cpu/fields.ts";
import { pad4, PARAMS, type ConvSpec, type ConvTerm, type RegisterTile } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import { call, type Local } from "../func.ts";
import { i32, type Sexpr } from "../wat.ts";
import { finishTile, tileScratch, type AccTile } from "./epilogue.ts";
import type { StepFunc } from "./frame.ts";
import { listOf, tileLists } from "./lists.ts";
import { fewNonzero, maskBytes, nonzeroFunction, skipsZeros } from "./multiply-nonzero.ts";
import { pairsFunction, rowsFunction, WIDE } from "./multiply.ts";

/** Columns of one group at most: its accumulators are 32 KiB. */
const GROUP_COLUMNS = 128;

/**
 * Column tiles that a row is multiplied with at once by its nonzero channels, most first: what registers hold of sums
 * beside the weights that meet them, twice as many where lanes are joined.
 */
const NONZERO_TILES = { plain: [2, 1], wide: [4] } as const;

/** Groups of columns that a convolution is computed in, each a unit of its own. */
export function columnGroups(spec: Pick<ConvSpec, "columns" | "epilogue">): number {
  return Math.ceil((spec.columns[1] - spec.columns[0]) / groupWidth(spec));
}

/** Columns of a group but the last, padded to whole vectors. */
export function groupWidth(spec: Pick<ConvSpec, "columns" | "epilogue">): number {
  const columns = spec.columns[1] - spec.columns[0];
  // A following linear layer needs all columns of its row.
  if (columns <= GROUP_COLUMNS || spec.epilogue.some((e) => e.do === "linear")) return pad4(columns);
  const groups = Math.ceil(columns / GROUP_COLUMNS);
  return Math.ceil(columns / groups / COLUMN_TILE) * COLUMN_TILE;
}

/**
 * Masked implicit GEMM by lists: for a tile of 64 output rows, tap after tap, column tile after column tile, the rows
 * that the tap's list names are gathered, multiplied and added to accumulators that stay in cache.
 */
export function convBody(assembly: Assembly, s: StepFunc, spec: ConvSpec): void {
  const { f } = s;
  const columns = spec.columns[1] - spec.columns[0];
  const width = groupWidth(spec);
  const groups = columnGroups(spec);
  const masksAt = tileScratch(width, spec.epilogue);
  assembly.needScratch(masksAt + Math.max(0, ...spec.terms.map((t) => (t.zeros === true ? maskBytes(t.source.channels) : 0))));
  const tile: AccTile = { at: s.scratch, width, columns, from: spec.columns[0] };
  s.eachTile(groups, () => {
    f.add(["memory.fill", s.scratch.get, ["i32.const", "0"], ["i32.const", String(4 * TILE * width)]]);
    for (const term of spec.terms) multiplyTerm(assembly, s, term, spec.registers, columns, width, groups, masksAt);
    finishTile(assembly, s, tile, spec.epilogue, spec.target);
  });
}

function multiplyTerm(assembly: Assembly, s: StepFunc, term: ConvTerm, registers: RegisterTile | undefined, columns: number, width: number, groups: number, masksAt: number): void {
  const { f } = s;
  const { source, map } = term;
  const taps = map?.taps.length ?? 1;
  const matrixRows = taps * source.channels;
  const whole = columns - (columns % COLUMN_TILE);
  const x = f.let("x", i32.add(s.at(source.role), 4 * source.offset));
  /** Multiplies one column tile, `vectors` wide, whose first column is `column` of the step. */
  const columnTile = (vectors: number, column: Sexpr, acc: Sexpr, tap: Sexpr | undefined, list: readonly [Sexpr, Sexpr] | undefined): void => {
    const block = i32.add(i32.add(s.at(PARAMS), 4 * term.weight), i32.mul(column, 4 * matrixRows));
    const w = tap === undefined ? block : i32.add(block, i32.mul(tap, 16 * vectors * source.channels));
    const shape = { cin: source.channels, stride: source.stride, accStride: width, ...(registers === undefined ? {} : { rows: registers.rows }) };
    const part = Math.min(vectors, (registers?.columns ?? COLUMN_TILE) / 4);
    for (let v = 0; v < vectors; v += part) {
      const piece = { ...shape, vectors: Math.min(part, vectors - v), ...(part === vectors ? {} : { matrixVectors: vectors }) };
      const [accAt, weights] = v === 0 ? [acc, w] : [i32.add(acc, 16 * v), i32.add(w, 16 * v)];
      if (list === undefined) f.add(call(rowsFunction(assembly, piece), i32.add(x.get, i32.mul(s.first.get, 4 * source.stride)), s.count.get, accAt, weights));
      else f.add(call(pairsFunction(assembly, piece), list[0], list[1], x.get, accAt, weights));
    }
  };
  /** Multiplies rows by their nonzero channels, as many columns at once as registers hold; what is left over goes on with all channels. */
  const withoutZeros = (column: Local, acc: Local, tap: Sexpr, list: readonly [Sexpr, Sexpr], end: Sexpr | number): void => {
    const masks = i32.add(s.scratch.get, masksAt);
    const step = 4 * COLUMN_TILE * matrixRows;
    const multiply = (tiles: number): void => {
      const span = tiles * COLUMN_TILE;
      if (whole < span) return;
      const nonzero = nonzeroFunction(assembly, { cin: source.channels, stride: source.stride, accStride: width, tiles });
      f.while(i32.geU(end, i32.add(column.get, span)), () => {
        const w = i32.add(i32.add(s.at(PARAMS), 4 * term.weight), i32.add(i32.mul(column.get, 4 * matrixRows), i32.mul(tap, 4 * COLUMN_TILE * source.channels)));
        f.add(call(nonzero, list[0], list[1], x.get, acc.get, w, step, masks), column.grow(span), acc.grow(4 * span));
      });
    };
    const few = (work: () => void): void => f.if(fewNonzero(assembly, source.channels, source.stride, list, x.get, masks), work);
    const plain = (): void => NONZERO_TILES.plain.forEach(multiply);
    if (whole >= NONZERO_TILES.wide[0] * COLUMN_TILE) few(() => f.if(WIDE, () => NONZERO_TILES.wide.forEach(multiply), plain));
    else if (whole > 0) f.if(i32.eqz(WIDE), () => few(plain));
  };
  const allColumns = (tap: Sexpr | undefined, list: readonly [Sexpr, Sexpr] | undefined): void => {
    const column = f.local("column");
    const acc = f.local("accColumn");
    const rest = Math.ceil((columns % COLUMN_TILE) / 4);
    const end = groups === 1 ? whole : i32.minU(i32.mul(i32.add(s.group.get, 1), width), whole);
    f.add(acc.set(s.scratch.get), column.set(groups === 1 ? 0 : i32.mul(s.group.get, width)));
    if (list !== undefined && tap !== undefined && term.zeros === true && skipsZeros(source.channels)) withoutZeros(column, acc, tap, list, end);
    if (whole > 0) {
      f.while(i32.ltU(column.get, end), () => {
        columnTile(COLUMN_TILE / 4, column.get, acc.get, tap, list);
        f.add(column.grow(COLUMN_TILE), acc.grow(4 * COLUMN_TILE));
      });
    }
    if (rest === 0) return;
    const last = (): void => columnTile(rest, ["i32.const", String(whole)], acc.get, tap, list);
    if (groups === 1) last();
    else f.if(i32.eq(s.group.get, groups - 1), last);
  };
  if (map === undefined) {
    allColumns(undefined, undefined);
    return;
  }
  const lists = tileLists(s, map);
  const tap = f.local("tap");
  f.for(tap, 0, taps, 1, () => {
    const [begin, end] = listOf(assembly, f, lists, map, tap);
    f.if(i32.ne(begin.get, end.get), () => allColumns(tap.get, [begin.get, end.get]));
  });
}
