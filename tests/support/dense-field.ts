/**
 * Dense networks, written for tests: every cell of a box is computed by every tap of a kernel, without sites and without
 * a ground. A box is as large as the input's field is known; a layer computes those cells whose taps are all inside.
 */
import { ACTIVATIONS, elu, isActivation } from "../../src/ir/activations.ts";
import { number, numbers, siteAttr, string, typeOf, type Module, type Op, type ValueId } from "../../src/ir/module.ts";
import type { InputTensor, ParamTensor } from "../../src/ir/interp/value.ts";

/**
 * Rows of `channels` for every cell of [low, high) per axis, last axis fastest, of each batch item. A whole field is the
 * grid: convolutions pad it with zeros.
 */
export interface Field {
  readonly whole: boolean;
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly channels: number;
  readonly data: Float64Array;
}

export interface DenseOptions {
  readonly inputs: Readonly<Record<string, InputTensor>>;
  readonly params: (name: string) => ParamTensor;
  readonly batch: number;
  /** Cells around the active ones on an unbounded grid. A bounded grid is taken whole. */
  readonly margin: number;
}

const cellsOf = ({ low, high }: Pick<Field, "low" | "high">): number => low.reduce((n, l, a) => n * Math.max(0, high[a]! - l), 1);

/** Index of the row of a cell, or −1 outside of the box. */
export function rowAt(field: Field, batch: number, cell: readonly number[]): number {
  let index = batch;
  for (let a = 0; a < cell.length; a++) {
    if (cell[a]! < field.low[a]! || cell[a]! >= field.high[a]!) return -1;
    index = index * (field.high[a]! - field.low[a]!) + cell[a]! - field.low[a]!;
  }
  return index;
}

/** The fields of a net's outputs before any `to_dense`. Input cells without a site hold the ground that the net declares. */
export function denseOutputs(module: Module, options: DenseOptions): ReadonlyMap<string, Field> {
  const run = new DenseRun(module, options);
  return new Map(module.outputs.map((o) => [o.name, run.field(o.value)]));
}

class DenseRun {
  readonly #module: Module;
  readonly #options: DenseOptions;
  readonly #defs = new Map<ValueId, Op>();
  readonly #known = new Map<ValueId, Field>();

  constructor(module: Module, options: DenseOptions) {
    this.#module = module;
    this.#options = options;
    for (const op of module.ops) for (const v of op.results) this.#defs.set(v, op);
  }

  field(value: ValueId): Field {
    const known = this.#known.get(value) ?? this.#compute(this.#defs.get(value)!);
    this.#known.set(value, known);
    return known;
  }

  #param(value: ValueId): ParamTensor {
    return this.#options.params(string(this.#defs.get(value)!.attrs, "name"));
  }

  #compute(op: Op): Field {
    const x = (i = 0): Field => this.field(op.operands[i]!);
    const [, w, b] = op.operands as [ValueId, ValueId, ValueId | undefined];
    const bias = (): ArrayLike<number> | undefined => (b === undefined ? undefined : this.#param(b).data);
    switch (op.name) {
      case "ground":
        return this.#input(this.#defs.get(op.operands[0]!)!, numbers(op.attrs, "value"));
      case "subm":
      case "conv":
        return convolve(x(), geometryOf(op, x().low.length), this.#param(w), bias(), number(op.attrs, "groups"));
      case "linear":
        return convolve(x(), geometryOf(undefined, x().low.length), { shape: this.#param(w).shape, data: this.#param(w).data }, bias(), 1);
      case "bn": {
        const params = op.operands.slice(1).map((v) => this.#param(v).data);
        const [mean, variance] = params.slice(-2);
        const [gamma, beta] = params.length === 4 ? params : [];
        return each(x(), (v, c) => ((v - mean![c]!) / Math.sqrt(variance![c]! + number(op.attrs, "eps"))) * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0));
      }
      case "leaky_relu":
        return each(x(), (v) => (v > 0 ? v : v * number(op.attrs, "slope")));
      case "prelu": {
        const slope = this.#param(w).data;
        return each(x(), (v, c) => (v > 0 ? v : v * slope[c]!));
      }
      case "elu":
        return each(x(), (v) => elu(v, number(op.attrs, "alpha")));
      case "softplus": {
        const [beta, threshold] = [number(op.attrs, "beta"), number(op.attrs, "threshold")];
        return each(x(), (v) => (beta * v > threshold ? v : Math.log(1 + Math.exp(beta * v)) / beta));
      }
      case "add":
      case "mul":
      case "union": {
        const product = op.name === "mul" || op.attrs["by"] === "product";
        return op.operands.map((_, i) => x(i)).reduce((p, q) => join(p, q, p.channels, (row, other, c) => (product ? row[c]! * other[c]! : row[c]! + other[c]!)));
      }
      case "cat":
        return op.operands.map((_, i) => x(i)).reduce((p, q) => join(p, q, p.channels + q.channels, (row, other, c) => (c < p.channels ? row[c]! : other[c - p.channels]!)));
      case "pool":
        return pool(x(), geometryOf(op, x().low.length), string(op.attrs, "mode"));
      case "unpool":
        return unpool(x(), numbers(op.attrs, "stride"), numbers(op.attrs, "padding"));
      case "to_dense":
        return x();
      default: {
        if (!isActivation(op.name)) throw new Error(`no dense ${op.name}`);
        const { of } = ACTIVATIONS[op.name];
        return each(x(), of);
      }
    }
  }

  #input(op: Op, ground: readonly number[]): Field {
    const { coords, features } = this.#options.inputs[string(op.attrs, "name")]!;
    const type = typeOf(this.#module, op.results[0]!);
    if (type.kind !== "feat") throw new Error("an input has no sites");
    const extents = this.#module.sites.extents(siteAttr(op.attrs, "sites"));
    const dim = this.#module.sites.dim(type.sites);
    const all = Array.from({ length: coords.length / (dim + 1) }, (_, row) => Array.from({ length: dim }, (_, a) => coords[row * (dim + 1) + 1 + a]!));
    const low = Array.from({ length: dim }, (_, a) => (extents === undefined ? Math.min(0, ...all.map((c) => c[a]!)) - this.#options.margin : 0));
    const high = Array.from({ length: dim }, (_, a) => (extents === undefined ? Math.max(0, ...all.map((c) => c[a]!)) + 1 + this.#options.margin : extents[a]!));
    const field = empty(low, high, type.channels, this.#options.batch, extents !== undefined);
    field.data.forEach((_, i) => (field.data[i] = ground[i % type.channels]!));
    all.forEach((cell, row) => {
      const at = rowAt(field, coords[row * (dim + 1)]!, cell) * type.channels;
      for (let c = 0; c < type.channels; c++) field.data[at + c] = features[row * type.channels + c]!;
    });
    return field;
  }
}

interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

function geometryOf(op: Op | undefined, dim: number): Window {
  const list = (key: string, fallback: number): readonly number[] => (op?.attrs[key] === undefined ? Array.from({ length: dim }, () => fallback) : numbers(op.attrs, key));
  return { kernel: list("kernel", 1), stride: list("stride", 1), padding: list("padding", 0), dilation: list("dilation", 1) };
}

const empty = (low: readonly number[], high: readonly number[], channels: number, batch: number, whole: boolean): Field => ({ whole, low, high, channels, data: new Float64Array(batch * cellsOf({ low, high }) * channels) });

const batchOf = (x: Field): number => x.data.length / Math.max(1, cellsOf(x) * x.channels);

const each = (x: Field, f: (v: number, c: number) => number): Field => ({ ...x, data: x.data.map((v, i) => f(v, i % x.channels)) });

/** Every point of a box. */
function points(low: readonly number[], high: readonly number[]): readonly (readonly number[])[] {
  return low.reduce<(readonly number[])[]>((list, l, a) => list.flatMap((p) => Array.from({ length: Math.max(0, high[a]! - l) }, (_, i) => [...p, l + i])), [[]]);
}

/** A field whose cells are made by `make` from the rows under a window, taps in order, last axis fastest. */
function slide(x: Field, g: Window, channels: number, make: (rows: readonly number[], to: number, out: Float64Array) => void): Field {
  const padded = (a: number): number => (x.whole ? g.padding[a]! : 0);
  const low = x.low.map((l, a) => Math.ceil((l + g.padding[a]! - padded(a)) / g.stride[a]!));
  const high = x.high.map((h, a) => Math.floor((h - 1 + g.padding[a]! + padded(a) - (g.kernel[a]! - 1) * g.dilation[a]!) / g.stride[a]!) + 1);
  const y = empty(low, high, channels, batchOf(x), x.whole);
  const taps = points(g.kernel.map(() => 0), g.kernel);
  for (let b = 0; b < batchOf(x); b++) {
    for (const cell of points(low, high)) {
      const rows = taps.map((tap) => rowAt(x, b, cell.map((c, a) => g.stride[a]! * c - g.padding[a]! + tap[a]! * g.dilation[a]!)));
      make(rows, rowAt(y, b, cell) * channels, y.data);
    }
  }
  return y;
}

function convolve(x: Field, g: Window, { shape, data }: ParamTensor, bias: ArrayLike<number> | undefined, groups: number): Field {
  const [cin, cout] = [shape.at(-2)!, shape.at(-1)!];
  return slide(x, g, cout, (rows, to, out) => {
    for (let o = 0; o < cout; o++) {
      let sum = bias?.[o] ?? 0;
      const first = Math.floor(o / (cout / groups)) * cin;
      rows.forEach((row, tap) => {
        if (row < 0) return;
        for (let i = 0; i < cin; i++) sum += x.data[row * x.channels + first + i]! * data[(tap * cin + i) * cout + o]!;
      });
      out[to + o] = sum;
    }
  });
}

function pool(x: Field, g: Window, mode: string): Field {
  return slide(x, g, x.channels, (rows, to, out) => {
    for (let c = 0; c < x.channels; c++) {
      const cells = rows.map((row) => x.data[row * x.channels + c]!);
      const sum = cells.reduce((p, q) => p + q, 0);
      out[to + c] = mode === "max" ? Math.max(...cells) : mode === "avg" ? sum / cells.length : sum;
    }
  });
}

/** Each cell has the row of the coarser cell that it lies in. */
function unpool(x: Field, stride: readonly number[], padding: readonly number[]): Field {
  const y = empty(x.low.map((l, a) => l * stride[a]! - padding[a]!), x.high.map((h, a) => h * stride[a]! - padding[a]!), x.channels, batchOf(x), x.whole);
  for (let b = 0; b < batchOf(x); b++) {
    for (const cell of points(y.low, y.high)) {
      const from = rowAt(x, b, cell.map((c, a) => Math.floor((c + padding[a]!) / stride[a]!))) * x.channels;
      y.data.set(x.data.subarray(from, from + x.channels), rowAt(y, b, cell) * x.channels);
    }
  }
  return y;
}

/** Cell by cell on what two boxes have in common. */
function join(p: Field, q: Field, channels: number, f: (row: Float64Array, other: Float64Array, c: number) => number): Field {
  const y = empty(p.low.map((l, a) => Math.max(l, q.low[a]!)), p.high.map((h, a) => Math.min(h, q.high[a]!)), channels, batchOf(p), p.whole);
  const row = (x: Field, b: number, cell: readonly number[]): Float64Array => x.data.subarray(rowAt(x, b, cell) * x.channels, (rowAt(x, b, cell) + 1) * x.channels);
  for (let b = 0; b < batchOf(p); b++) {
    for (const cell of points(y.low, y.high)) {
      const [one, other] = [row(p, b, cell), row(q, b, cell)];
      for (let c = 0; c < channels; c++) y.data[rowAt(y, b, cell) * channels + c] = f(one, other, c);
    }
  }
  return y;
}
