import { ACTIVATIONS, elu, prelu, softplus } from "../../ir/activations.ts";
import { clip, exactSum, quantise, rescale, saturate, truncatedMean } from "../../ir/whole.ts";
import { halfToNumber } from "../../runtime/safetensors.ts";
import { CHUNK_LEAST, CHUNKS, momentOf, pad4, type DenseTarget, type EpilogueStep, type MapAccess, type Reduced, type RowAccess } from "../wgsl/spec.ts";
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
        const whole = epilogue(spec.first, acc, row, m, 0);
        const y = spec.half === true ? whole.map((v) => halfToNumber(numberToHalf(v))) : whole;
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
    case "voxelize": {
      const members = m.coords(spec.members);
      const points: number[][] = Array.from({ length: m.rows }, () => []);
      for (let at = 0; at < members.length; at += 2) if (members[at]! < m.rows) points[members[at]!]!.push(members[at + 1]!);
      return eachRow(m, (row) => {
        const found = points[row]!.slice(0, spec.most === 0 ? undefined : spec.most).map((point) => read(m, spec.source, point));
        store(m, spec.target, row, epilogue(spec.epilogue, reduce(spec.mode === "mean" ? "avg" : spec.mode, found, spec.source.channels, found.length), row, m, 0), 0);
      });
    }
    case "devoxelize":
      return eachRow(m, (row) => {
        const fractions = read(m, spec.fractions, row);
        const y = new Float64Array(spec.source.channels);
        let total = 0;
        for (const [corner, input] of pairs(m, spec.map, row)) {
          const weight = fractions.reduce((w, t, a) => w * (((corner >> (fractions.length - 1 - a)) & 1) === 1 ? t : 1 - t), 1);
          total += weight;
          if (weight > 0) read(m, spec.source, input).forEach((v, c) => (y[c]! += weight * v));
        }
        store(m, spec.target, row, epilogue(spec.epilogue, spec.scaled && total > 0 ? y.map((v) => v / total) : y, row, m, 0), 0);
      });
    case "global_pool":
      return globalPool(spec, m);
    case "softmax":
      return eachRow(m, (row) => store(m, spec.target, row, softmax(read(m, spec.source, row), spec.log), 0));
    case "active":
      return eachRow(m, (row) => {
        const differs = read(m, spec.source, row).some((v, c) => v !== (spec.ground === undefined ? 0 : m.params[spec.ground + c]!));
        store(m, spec.target, row, Float64Array.of(differs ? 1 : 0), 0);
      });
    case "interpolate":
      return eachRow(m, (row) => {
        const place = Math.floor(row / spec.inside);
        const at = Math.max(0, (place % spec.to) * spec.times + spec.plus) / spec.over;
        const low = Math.min(Math.floor(at), spec.from - 1);
        const base = Math.floor(place / spec.to) * spec.from * spec.inside + (row % spec.inside);
        const [first, second] = [low, Math.min(low + 1, spec.from - 1)].map((cell) => read(m, spec.source, base + cell * spec.inside)) as [Float64Array, Float64Array];
        store(m, spec.target, row, first.map((v, c) => v * (1 - (at - low)) + second[c]! * (at - low)), 0);
      });
    case "broadcast":
      return eachRow(m, (row) => {
        const v = read(m, spec.vector, itemOf(m, spec.coords, spec.dim, row));
        const x = spec.source === undefined ? v : read(m, spec.source, row);
        const y = spec.by === "copy" ? v : x.map((value, c) => (spec.by === "sum" ? value + v[c]! : value * v[c]!));
        store(m, spec.target, row, epilogue(spec.epilogue, y, row, m, 0), 0);
      });
    case "moments":
      return moments(spec, m);
    case "statistics":
      return statistics(spec, m);
    case "normalise":
      return eachRow(m, (row) => {
        const item = spec.coords === undefined ? 0 : itemOf(m, spec.coords, spec.dim, row);
        const [mean, rest, factor] = ([0, 1, 2] as const).map((part) => read(m, momentOf(spec.statistics, part), item));
        const y = read(m, spec.source, row).map((v, c) => (v - mean![c]! - rest![c]!) * factor![c]!);
        store(m, spec.target, row, epilogue(spec.epilogue, y, row, m, 0), 0);
      });
    case "row_norm":
      return eachRow(m, (row) => store(m, spec.target, row, epilogue(spec.epilogue, normalised(read(m, spec.source, row), spec.eps), row, m, 0), 0));
    case "fill":
      return eachRow(m, (row) => store(m, spec.target, row, Float64Array.from({ length: spec.target.channels }, (_, i) => m.params[spec.at + (Math.floor(i / spec.run) % spec.channels)]!), 0));
    case "prune":
      throw new Error("internal: pruning is geometry's work");
  }
}

const itemOf = (m: StepMemory, coords: string, dim: number, row: number): number => m.coords(coords)[row * (dim + 1)]!;

function softmax(x: Float64Array, log: boolean): Float64Array {
  const most = Math.max(...x);
  const sum = x.reduce((s, v) => s + Math.exp(v - most), 0);
  return x.map((v) => (log ? v - most - Math.log(sum) : Math.exp(v - most) / sum));
}

function normalised(x: Float64Array, eps: number): Float64Array {
  const mean = x.reduce((s, v) => s + v, 0) / x.length;
  const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length;
  return x.map((v) => (v - mean) / Math.sqrt(variance + eps));
}

/** Rows [first, last) in sorted order of each part of each item that has statistics of its own. */
function* partsOf(spec: Reduced, m: StepMemory): Generator<readonly [item: number, part: number, first: number, last: number]> {
  const items = spec.coords === undefined ? Array.from({ length: m.batch }, (_, b) => b) : Array.from({ length: m.coords(spec.coords).length / (spec.dim + 1) }, (_, r) => itemOf(m, spec.coords!, spec.dim, r));
  for (let item = 0; item < (spec.whole ? Math.min(1, m.batch) : m.batch); item++) {
    const rows = spec.whole ? items.length : items.filter((b) => b === item).length;
    const begin = spec.whole ? 0 : items.filter((b) => b < item).length;
    const size = Math.max(Math.ceil(rows / CHUNKS), CHUNK_LEAST);
    for (let part = 0; part * size < rows; part++) yield [item, part, begin + part * size, begin + Math.min(rows, (part + 1) * size)];
  }
}

function moments(spec: Extract<SpecBody, { kind: "moments" }>, m: StepMemory): void {
  for (const [item, part, first, last] of partsOf(spec, m)) {
    const rows = Array.from({ length: last - first }, (_, i) => read(m, spec.source, spec.order === undefined ? first + i : [...pairs(m, spec.order, first + i)][0]![1]));
    const mean = new Float64Array(spec.source.channels).map((_, c) => rows.reduce((s, r) => s + r[c]!, 0) / rows.length);
    const squares = mean.map((v, c) => rows.reduce((s, r) => s + (r[c]! - v) ** 2, 0));
    storeMoments(m, spec.target, item * CHUNKS + part, mean, squares);
  }
}

/** A mean is stored as a float and what rounding it left. */
function storeMoments(m: StepMemory, target: RowAccess, row: number, mean: Float64Array, last: Float64Array): void {
  store(m, momentOf(target, 0), row, mean, 0);
  store(m, momentOf(target, 1), row, mean.map((v) => v - Math.fround(v)), 0);
  store(m, momentOf(target, 2), row, last, 0);
}

function statistics(spec: Extract<SpecBody, { kind: "statistics" }>, m: StepMemory): void {
  const { channels, groups, eps } = spec;
  const width = channels / groups;
  const parts = [...partsOf(spec, m)];
  for (let item = 0; item < (spec.whole ? Math.min(1, m.batch) : m.batch); item++) {
    const own = parts.filter(([of]) => of === item).map(([, part, first, last]) => ({ rows: last - first, moments: ([0, 1, 2] as const).map((k) => read(m, momentOf(spec.source, k), item * CHUNKS + part)) }));
    const [mean, factor] = [new Float64Array(channels), new Float64Array(channels)];
    for (let c = 0; c < channels; c++) {
      const group = Array.from({ length: width }, (_, i) => Math.floor(c / width) * width + i);
      const all = own.flatMap(({ rows, moments: [high, rest, squares] }) => group.map((k) => ({ rows, mean: high![k]! + rest![k]!, squares: squares![k]! })));
      const n = all.reduce((s, a) => s + a.rows, 0);
      mean[c] = n === 0 ? 0 : all.reduce((s, a) => s + a.rows * a.mean, 0) / n;
      const squares = all.reduce((s, a) => s + a.squares + a.rows * (a.mean - mean[c]!) ** 2, 0);
      factor[c] = 1 / Math.sqrt((n === 0 ? 0 : squares / n) + eps);
    }
    storeMoments(m, spec.target, item, mean, factor);
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
  byBatch.forEach((list, b) => {
    const y = reduce(spec.whole === true && spec.mode === "avg" ? "sum" : spec.mode, list, spec.source.channels, list.length);
    store(m, spec.target, b, spec.whole === true && spec.mode !== "max" ? y.map((sum) => (spec.mode === "sum" ? exactSum(sum) : truncatedMean(sum, list.length))) : y, 0);
  });
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
      case "clip":
        y = y.map((v, c) => clip(v, m.params[s.at + c]!));
        break;
      case "scale":
        y = y.map((v, c) => v * m.params[s.at + c]!);
        break;
      case "prelu":
        y = y.map((v, c) => prelu(v, m.params[s.at + c]!));
        break;
      case "rescale":
        y = y.map((v, c) => rescale(v, m.params[s.multiplier + c]!, s.shift, s.rounding));
        break;
      case "saturate":
        y = y.map((v) => saturate(v, s.bits));
        break;
      case "quantise":
        y = y.map((v) => quantise(v, s.scale));
        break;
      case "elu":
        y = y.map((v) => elu(v, s.alpha));
        break;
      case "softplus":
        y = y.map((v) => softplus(v, s.beta, s.threshold));
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

/** Flat index in [batch, channels, …extents], or with an axis folded [batch, channels · extent, …others]; channels last where the target says so. */
function denseIndex(target: DenseTarget, batch: number, channel: number, site: readonly number[]): number {
  const { fold, extents, channels } = target;
  if (target.last === true) {
    const cell = extents.reduce((index, n, a) => (a === fold ? index : index * n + site[a]!), batch);
    return fold === undefined ? cell * channels + channel : (cell * channels + channel) * extents[fold]! + site[fold]!;
  }
  let index = batch * channels + channel;
  if (fold !== undefined) index = index * extents[fold]! + site[fold]!;
  for (let a = 0; a < extents.length; a++) if (a !== fold) index = index * extents[a]! + site[a]!;
  return index;
}
