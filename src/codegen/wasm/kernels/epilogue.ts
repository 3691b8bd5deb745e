import { TILE, COLUMN_TILE } from "../../../runtime/cpu/fields.ts";
import { pad4, PARAMS, type DenseTarget, type EpilogueStep, type RowAccess } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import { call, type Local } from "../func.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import type { StepFunc } from "./frame.ts";
import { rowsFunction } from "./multiply.ts";
import { smooth } from "./smooth.ts";
import { quantise, rescale, saturate } from "./whole.ts";

/** A tile of accumulators: rows of `width` padded columns, the first being column `from` + group · width of the step. */
export interface AccTile {
  readonly at: Local;
  /** Columns that the tile has in all groups but the last, a multiple of 4; floats from row to row. */
  readonly width: number;
  /** Columns of the step, in all groups. */
  readonly columns: number;
  readonly from: number;
}

type Target = RowAccess | DenseTarget;

/** Finishes a tile: applies the epilogue to its accumulators and stores the results. */
export function finishTile(assembly: Assembly, s: StepFunc, tile: AccTile, steps: readonly EpilogueStep[], target: Target): void {
  const linear = steps.findIndex((e) => e.do === "linear");
  if (linear < 0) {
    pass(s, tile, steps, target);
    return;
  }
  if (linear > 0) pass(s, tile, steps.slice(0, linear), undefined);
  const step = steps[linear] as Extract<EpilogueStep, { do: "linear" }>;
  finishTile(assembly, s, multiplyTile(assembly, s, tile, step), steps.slice(linear + 1), target);
}

/** y · W of a whole tile into a second one behind it. */
function multiplyTile(assembly: Assembly, s: StepFunc, tile: AccTile, step: Extract<EpilogueStep, { do: "linear" }>): AccTile {
  const { f } = s;
  const width = pad4(step.cout);
  const at = f.let("next", i32.add(tile.at.get, 4 * TILE * tile.width));
  f.add(["memory.fill", at.get, ["i32.const", "0"], ["i32.const", String(4 * TILE * width)]]);
  for (let c = 0; c < step.cout; c += COLUMN_TILE) {
    const vectors = Math.ceil(Math.min(COLUMN_TILE, step.cout - c) / 4);
    const rows = rowsFunction(assembly, { cin: tile.columns, stride: tile.width, accStride: width, vectors });
    f.add(call(rows, tile.at.get, s.count.get, i32.add(at.get, 4 * c), i32.add(s.at(PARAMS), 4 * (step.weight + c * tile.columns))));
  }
  return { at, width, columns: step.cout, from: 0 };
}

/** Bytes of scratch that a tile and the tiles of its linear steps need. */
export function tileScratch(width: number, steps: readonly EpilogueStep[]): number {
  return 4 * TILE * (width + steps.reduce((n, e) => n + (e.do === "linear" ? pad4(e.cout) : 0), 0)) + 64;
}

/** One pass over the tile: row by row, four columns at a time. Without a target results go back to the accumulators. */
function pass(s: StepFunc, tile: AccTile, steps: readonly EpilogueStep[], target: Target | undefined): void {
  const { f } = s;
  const row = f.local("row");
  const acc = f.local("accAt");
  const column = f.local("column");
  const whole = tile.columns - (tile.columns % 4);
  const rest = tile.columns % 4;
  const groups = Math.ceil(tile.columns / tile.width);
  const last = f.let("wholeEnd", groups === 1 ? whole : i32.minU(i32.mul(i32.add(s.group.get, 1), tile.width), whole));
  const firstColumn = f.let("columnStart", groups === 1 ? 0 : i32.mul(s.group.get, tile.width));
  f.for(row, 0, s.count.get, 1, () => {
    const at = f.let("rowAt", i32.add(s.first.get, row.get));
    f.add(acc.set(i32.add(tile.at.get, i32.mul(row.get, 4 * tile.width))));
    const dense = target !== undefined && "coords" in target ? denseRow(s, target, at) : undefined;
    const cell = (count: number): void => {
      let y: Sexpr = v128.load(acc.get);
      const value = f.local("y", "v128");
      const place = (a: RowAccess): Sexpr => rowPlace(s, a, at, column, tile.from);
      for (const e of steps) {
        if (e.do === "emit") {
          f.add(value.set(y));
          store(s, place(e.target), value, count);
          y = value.get;
        } else {
          y = apply(s, e, y, column, place, count, value);
        }
      }
      f.add(value.set(y));
      if (target === undefined) f.add(v128.store(acc.get, value.get));
      else if (dense !== undefined) storeDense(s, target as DenseTarget, dense, column, tile.from, value, count);
      else store(s, place(target as RowAccess), value, count);
      f.add(acc.grow(16));
    };
    f.add(column.set(firstColumn.get));
    f.while(i32.ltU(column.get, last.get), () => {
      cell(4);
      f.add(column.grow(4));
    });
    if (rest > 0) {
      if (groups === 1) cell(rest);
      else f.if(i32.eq(s.group.get, groups - 1), () => cell(rest));
    }
  });
}

/** Address of the element of a row-major buffer that belongs to (row, column). */
function rowPlace(s: StepFunc, a: RowAccess, row: Local, column: Local, from: number): Sexpr {
  return i32.add(i32.add(s.at(a.role), i32.mul(row.get, 4 * a.stride)), i32.add(i32.mul(column.get, 4), 4 * (a.offset + from)));
}

function apply(s: StepFunc, e: EpilogueStep, y: Sexpr, column: Local, place: (a: RowAccess) => Sexpr, count: number, value: Local): Sexpr {
  const vector = (at: number): Sexpr => v128.load(i32.add(s.at(PARAMS), i32.mul(column.get, 4)), 4 * at);
  switch (e.do) {
    case "bias":
      return f32x4.add(y, vector(e.at));
    case "affine":
      return f32x4.add(f32x4.mul(y, vector(e.scale)), vector(e.shift));
    case "scale":
      return f32x4.mul(y, vector(e.at));
    case "clip":
      return f32x4.min(f32x4.max(y, f32x4.const(0)), vector(e.at));
    case "prelu":
      s.f.add(value.set(y));
      return v128.bitselect(f32x4.mul(value.get, vector(e.at)), value.get, f32x4.lt(value.get, f32x4.const(0)));
    case "rescale":
      return rescale(s.f, e, y, vector(e.multiplier));
    case "saturate":
      return saturate(y, e.bits);
    case "quantise":
      return quantise(y, e.scale);
    case "add":
    case "mul": {
      const other = count === 4 ? v128.load(place(e.source)) : v128.loadPart(count, place(e.source));
      return e.do === "add" ? f32x4.add(y, other) : f32x4.mul(y, other);
    }
    case "relu":
      return f32x4.max(y, f32x4.const(0));
    case "relu6":
      return f32x4.min(f32x4.max(y, f32x4.const(0)), f32x4.const(6));
    case "leaky_relu": {
      s.f.add(value.set(y));
      return v128.bitselect(f32x4.mul(value.get, f32x4.const(e.slope)), value.get, f32x4.lt(value.get, f32x4.const(0)));
    }
    case "sigmoid":
    case "silu":
    case "tanh":
    case "gelu":
    case "gelu_tanh":
    case "softplus":
    case "elu":
      return smooth(s.f, e, y);
    default:
      throw new Error(`internal: ${e.do} is no elementwise step`);
  }
}

function store(s: StepFunc, at: Sexpr, value: Local, count: number): void {
  if (count === 4) {
    s.f.add(v128.store(at, value.get));
    return;
  }
  const to = s.f.let("to", at);
  for (let lane = 0; lane < count; lane++) s.f.add(v128.store32(lane, to.get, value.get, 4 * lane));
}

/** Address of channel 0 of a row's site in a dense tensor. */
function denseRow(s: StepFunc, target: DenseTarget, row: Local): Local {
  const { f } = s;
  const width = target.extents.length + 1;
  const coords = f.let("site", i32.add(s.at(target.coords), i32.mul(row.get, 4 * width)));
  const axis = (a: number): Sexpr => i32.load(coords.get, 4 * (a + 1));
  const last = target.last === true;
  let index: Sexpr = last ? i32.load(coords.get) : i32.mul(i32.load(coords.get), target.channels);
  const grow = (extent: number, by: Sexpr): void => {
    index = i32.add(i32.mul(index, extent), by);
  };
  const fold = (): void => {
    if (target.fold !== undefined) grow(target.extents[target.fold]!, axis(target.fold));
  };
  if (!last) fold();
  target.extents.forEach((extent, a) => {
    if (a !== target.fold) grow(extent, axis(a));
  });
  if (last) {
    index = i32.mul(index, target.channels);
    fold();
  }
  return f.let("dense", i32.add(s.at(target.role), i32.mul(index, 4)));
}

/** Floats from one channel to the next of a dense tensor. */
const channelStride = ({ extents, fold, last }: DenseTarget): number => (last !== true ? extents.reduce((a, b) => a * b, 1) : fold === undefined ? 1 : extents[fold]!);

function storeDense(s: StepFunc, target: DenseTarget, row: Local, column: Local, from: number, value: Local, count: number): void {
  const stride = 4 * channelStride(target);
  const at = s.f.let("to", i32.add(row.get, i32.mul(i32.add(column.get, from), stride)));
  for (let lane = 0; lane < count; lane++) s.f.add(v128.store32(lane, i32.add(at.get, lane * stride), value.get));
}
