import { ACTIVATIONS, elu } from "../../ir/activations.ts";
import { halfToNumber } from "../../runtime/safetensors.ts";
import type { DenseTarget, EpilogueStep, MapAccess, RowAccess } from "../wgsl/spec.ts";
import { pad4 } from "../wgsl/spec.ts";
import { numberToHalf } from "./half.ts";
import type { SpecBody } from "./step-draft.ts";

/** Memory as a step sees it, by role. */
export interface StepMemory {
  readonly rows: number;
  readonly batch: number;
  /** The bytes of a buffer's region, as floats or as halves. */
  floats(role: string): Float32Array;
  halves(role: string): Uint16Array;
  map(role: string): Uint32Array;
  coords(role: string): Int32Array;
  readonly params: Float32Array;
  /** Columns of a tile in which matrices of parameters lie; Infinity: whole rows. */
  readonly columnTile: number;
}

type Target = RowAccess | DenseTarget;

/**
 * What each kernel means, in plain loops over the very memory that the plan laid out: sums in float64, stores in
 * float32. This is how a plan is checked without an adapter.
 */
export function executeStep(spec: SpecBody, m: StepMemory): void {
  switch (spec.kind) {
    case "conv":
      return eachRow(m, (row) => {
        const [from, to] = spec.columns;
        const acc = new Float64Array(to - from);
        for (const t of spec.terms) {
          const matrix = matrixOf(m, t.weight, (t.map?.taps.length ?? 1) * t.source.channels, to - from);
          if (t.map === undefined) addRow(acc, m, t.source, row, matrix, 0);
          else for (const [tap, input] of pairs(m, t.map, row)) addRow(acc, m, t.source, input, matrix, tap);
        }
        store(m, spec.target, row, epilogue(spec.epilogue, acc, row, m, from), from);
      });
    case "grouped":
      return eachRow(m, (row) => {
        const [from, to] = spec.columns;
        const { reads, writes } = spec;
        const acc = new Float64Array(to - from);
        for (const [tap, input] of pairs(m, spec.map, row)) {
          const x = read(m, spec.source, input);
          for (let i = 0; i < reads; i++) {
            const w = spec.weight + (tap * reads + i) * pad4(to - from);
            for (let o = from; o < to; o++) acc[o - from]! += x[Math.floor(o / writes) * reads + i]! * m.params[w + o - from]!;
          }
        }
        store(m, spec.target, row, epilogue(spec.epilogue, acc, row, m, from), from);
      });
    case "pair": {
      const inner = new Map<number, Float64Array>();
      const middle = (row: number): Float64Array => {
        const known = inner.get(row);
        if (known !== undefined) return known;
        const acc = new Float64Array(spec.middle);
        const matrix = matrixOf(m, spec.firstWeight, spec.map.taps.length * spec.source.channels, spec.middle);
        for (const [tap, input] of pairs(m, spec.map, row)) addRow(acc, m, spec.source, input, matrix, tap);
        const y = epilogue(spec.first, acc, row, m, 0);
        inner.set(row, y);
        return y;
      };
      return eachRow(m, (row) => {
        const acc = new Float64Array(spec.cout);
        const matrix = matrixOf(m, spec.secondWeight, spec.map.taps.length * spec.middle, spec.cout);
        for (const [tap, input] of pairs(m, spec.map, row)) addVector(acc, middle(input), matrix, tap * spec.middle);
        store(m, spec.target, row, epilogue(spec.second, acc, row, m, 0), 0);
      });
    }
    case "pointwise":
      return eachRow(m, (row) => store(m, spec.target, row, epilogue(spec.epilogue, read(m, spec.source, row), row, m, 0), 0));
    case "pool":
      return eachRow(m, (row) => {
        const found = [...pairs(m, spec.map, row)].map(([, input]) => read(m, spec.source, input));
        const y = reduce(spec.mode, found, spec.source.channels, spec.divisor === "count" ? found.length : spec.divisor);
        store(m, spec.target, row, epilogue(spec.epilogue, y, row, m, 0), 0);
      });
    case "global_pool":
      return globalPool(spec, m);
    case "fill":
      return eachRow(m, (row) => store(m, spec.target, row, Float64Array.from({ length: spec.target.channels }, (_, i) => m.params[spec.at + (Math.floor(i / spec.run) % spec.channels)]!), 0));
    case "prune":
      throw new Error("internal: pruning is geometry's work");
  }
}

function globalPool(spec: Extract<SpecBody, { kind: "global_pool" }>, m: StepMemory): void {
  const coords = m.coords(spec.coords);
  const width = spec.dim + 1;
  const rows = coords.length / width;
  const byBatch: Float64Array[][] = Array.from({ length: m.batch }, () => []);
  for (let r = 0; r < rows; r++) {
    const row = spec.order === undefined ? r : [...pairs(m, spec.order, r)][0]![1];
    byBatch[coords[r * width]!]!.push(read(m, spec.source, row));
  }
  byBatch.forEach((list, b) => store(m, spec.target, b, reduce(spec.mode, list, spec.source.channels, list.length), 0));
}

function reduce(mode: "max" | "sum" | "avg", rows: readonly Float64Array[], channels: number, divisor: number): Float64Array {
  const y = new Float64Array(channels);
  if (rows.length === 0) return y;
  if (mode === "max") return y.map((_, c) => Math.max(...rows.map((r) => r[c]!), ...(rows.length < divisor ? [0] : [])));
  for (const r of rows) for (let c = 0; c < channels; c++) y[c]! += r[c]!;
  return mode === "avg" ? y.map((v) => v / divisor) : y;
}

function eachRow(m: StepMemory, body: (row: number) => void): void {
  for (let row = 0; row < m.rows; row++) body(row);
}

/** Pairs of an output row: the layer's tap index and the input row. */
function* pairs(m: StepMemory, map: MapAccess, row: number): Generator<readonly [tap: number, input: number]> {
  const block = m.map(map.role);
  const words = Math.ceil(map.stored / 32) + 32 * map.stored;
  const base = (row >> 5) * words + Math.ceil(map.stored / 32) + (row & 31);
  for (const [tap, stored] of map.taps.entries()) {
    const entry = block[base + stored * 32]!;
    if (entry !== 0) yield [tap, entry - 1];
  }
}

function read(m: StepMemory, a: RowAccess, row: number): Float64Array {
  const at = row * a.stride + a.offset;
  if (a.half === true) return Float64Array.from(m.halves(a.role).subarray(at, at + a.channels), halfToNumber);
  return Float64Array.from(m.floats(a.role).subarray(at, at + a.channels));
}

/** A matrix of parameters: column tiles one after another, their rows padded to 4 floats. */
interface Matrix {
  readonly params: Float32Array;
  readonly at: number;
  readonly rows: number;
  readonly tile: number;
}

const matrixOf = (m: StepMemory, at: number, rows: number, columns: number): Matrix => ({ params: m.params, at, rows, tile: Math.min(m.columnTile, columns) });

function addRow(acc: Float64Array, m: StepMemory, source: RowAccess, row: number, matrix: Matrix, tap: number): void {
  addVector(acc, read(m, source, row), matrix, tap * source.channels);
}

/** acc += x · W, with the rows of W from `first` on. */
function addVector(acc: Float64Array, x: Float64Array, { params, at, rows, tile }: Matrix, first: number): void {
  for (let from = 0; from < acc.length; from += tile) {
    const to = Math.min(acc.length, from + tile);
    const width = pad4(to - from);
    for (let i = 0; i < x.length; i++) {
      const row = at + from * rows + (first + i) * width - from;
      for (let o = from; o < to; o++) acc[o]! += x[i]! * params[row + o]!;
    }
  }
}

function epilogue(steps: readonly EpilogueStep[], start: Float64Array, row: number, m: StepMemory, from: number): Float64Array {
  let y = start;
  for (const s of steps) {
    switch (s.do) {
      case "bias":
        y = y.map((v, c) => v + m.params[s.at + c]!);
        break;
      case "affine":
        y = y.map((v, c) => v * m.params[s.scale + c]! + m.params[s.shift + c]!);
        break;
      case "add":
      case "mul": {
        const other = read(m, s.source, row);
        y = y.map((v, c) => (s.do === "add" ? v + other[from + c]! : v * other[from + c]!));
        break;
      }
      case "elu":
        y = y.map((v) => elu(v, s.alpha));
        break;
      case "leaky_relu":
        y = y.map((v) => (v < 0 ? v * s.slope : v));
        break;
      case "linear": {
        const next = new Float64Array(s.cout);
        addVector(next, y, matrixOf(m, s.weight, y.length, s.cout), 0);
        y = next;
        break;
      }
      case "emit":
        store(m, s.target, row, y, from);
        break;
      default:
        y = y.map(ACTIVATIONS[s.do].of);
    }
  }
  return y;
}

function store(m: StepMemory, target: Target, row: number, y: Float64Array, from: number): void {
  if (!("coords" in target)) {
    const at = row * target.stride + target.offset + from;
    if (target.half === true) m.halves(target.role).set(y.map(numberToHalf), at);
    else m.floats(target.role).set(y, at);
    return;
  }
  const out = m.floats(target.role);
  const coords = m.coords(target.coords);
  const at = row * (target.extents.length + 1);
  const site = target.extents.map((_, a) => coords[at + 1 + a]!);
  for (const [c, v] of y.entries()) out[denseIndex(target, coords[at]!, from + c, site)] = v;
}

/** Flat index in [batch, channels, …extents], or with an axis folded [batch, channels · extent, …others]. */
function denseIndex(target: DenseTarget, batch: number, channel: number, site: readonly number[]): number {
  const { fold, extents, channels } = target;
  if (target.last === true) return extents.reduce((index, n, a) => index * n + site[a]!, batch) * channels + channel;
  let index = batch * channels + channel;
  if (fold !== undefined) index = index * extents[fold]! + site[fold]!;
  for (let a = 0; a < extents.length; a++) if (a !== fold) index = index * extents[a]! + site[a]!;
  return index;
}
