import { activate } from "./activations.ts";
import { SpnetError } from "./errors.ts";
import { volume } from "./geometry/record.ts";

/** A tensor of the weights file, already as numbers. */
export interface WeightTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** One value of the load phase; arguments are indices of earlier values. */
export type LoadOp =
  | { readonly op: "param"; readonly name: string; readonly shape: readonly number[]; /** Default: `channel`, which has no layouts. */ readonly role?: string; readonly layout?: string; /** Default: real numbers. */ readonly dtype?: "f32" | "i8" | "i32"; /** Largest magnitude of i32. */ readonly limit?: number; /** Of `torch_transposed`; default 1. */ readonly groups?: number }
  | { readonly op: "constant"; readonly value: readonly number[] }
  /** `v · W` summed over the taps of W, group by group; arguments W, v. */
  | { readonly op: "uniform"; readonly args: readonly number[]; readonly groups: number }
  /** An activation by name, with its slope, alpha or beta, and the threshold of softplus. */
  | { readonly op: "activate"; readonly args: readonly number[]; readonly do: string; readonly by: number; readonly threshold: number }
  | { readonly op: "multiply"; readonly args: readonly number[]; readonly by: number }
  | { readonly op: "bn_scale"; readonly args: readonly number[]; readonly eps: number }
  | { readonly op: "bn_shift" | "scale_out" | "scale_in" | "matmul" | "add" | "stack_out"; readonly args: readonly number[] }
  | { readonly op: "slice_in" | "slice_out"; readonly args: readonly number[]; readonly from: number; readonly to: number };

/**
 * A parameter block: `columns` [from, to) of the last axis of each value, rows padded to a multiple of 4 floats; with
 * `tile` all rows of the first so many columns, then of the next.
 */
export interface ParamBlock {
  readonly floats: number;
  readonly items: readonly { readonly value: number; readonly at: number; readonly columns: readonly [number, number]; readonly tile?: number }[];
}

interface LoadValue {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

const text = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/**
 * Runs the load phase in float64: reads stored layouts into canonical ones, folds batch norms.
 * SP0501 a missing tensor, SP0502 a wrong shape, SP0503 a value that is not finite, SP0506 a number that is not whole or too
 * large for a quantised layer, SP0507 weights whose sums float32 would not hold exactly, SP0508 folded weights beyond float32.
 */
export function runLoadPhase(ops: readonly LoadOp[], weights: (name: string) => WeightTensor | undefined): readonly LoadValue[] {
  const values: LoadValue[] = [];
  for (const op of ops) {
    if (op.op === "param") {
      values.push(readParam(op, weights(op.name)));
      continue;
    }
    if (op.op === "constant") {
      values.push({ shape: [op.value.length], data: Float64Array.from(op.value) });
      continue;
    }
    values.push(foldValue(op, op.args.map((i) => values[i]!)));
    checkFolded(ops, values);
  }
  return values;
}

/** Refuses what the last op made if float32 has no such number: kernels rely on finite weights. */
function checkFolded(ops: readonly LoadOp[], values: readonly LoadValue[]): void {
  const { data } = values.at(-1)!;
  let bad = 0;
  while (Math.abs(data[bad]!) <= FLOAT32_MOST) bad++;
  if (bad === data.length) return;
  const names = [...tensorsOf(ops, values.length - 1)];
  throw new SpnetError("SP0508", `the weights made of ${names.map((n) => JSON.stringify(n)).join(", ")} have ${data[bad]} at element ${bad}, which float32 has not: is a variance negative, or a scale out of all proportion?`, { names, element: bad });
}

const FLOAT32_MOST = (2 - 2 ** -23) * 2 ** 127;

/** Names of the tensors that a value is made of, each once. */
function tensorsOf(ops: readonly LoadOp[], index: number, names = new Set<string>()): ReadonlySet<string> {
  const op = ops[index]!;
  if (op.op === "param") names.add(op.name);
  else if (op.op !== "constant") for (const arg of op.args) tensorsOf(ops, arg, names);
  return names;
}

type FoldOp = Exclude<LoadOp, { op: "param" | "constant" }>;

function foldValue(op: FoldOp, args: readonly LoadValue[]): LoadValue {
  const a = args[0]!;
  switch (op.op) {
    case "bn_scale":
      return { shape: a.shape, data: a.data.map((g, i) => g / Math.sqrt(args[1]!.data[i]! + op.eps)) };
    case "bn_shift":
      return { shape: a.shape, data: a.data.map((beta, i) => beta + ((args[3]?.data[i] ?? 0) - args[1]!.data[i]!) * args[2]!.data[i]!) };
    case "scale_out": {
      return { shape: a.shape, data: scaleColumns(a.data, args[1]!.data) };
    }
    case "scale_in":
      return { shape: a.shape, data: scaleRows(a.data, args[1]!.data, a.shape.at(-1)!) };
    case "matmul":
      return multiply(a, args[1]!);
    case "add":
      return { shape: a.shape, data: a.data.map((x, i) => x + args[1]!.data[i]!) };
    case "slice_in":
      return sliceAxis(a, a.shape.length - 2, op.from, op.to);
    case "slice_out":
      return sliceAxis(a, a.shape.length - 1, op.from, op.to);
    case "stack_out":
      return stackColumns(args);
    case "uniform":
      return throughWeight(a, args[1]!.data, op.groups);
    case "activate":
      return { shape: a.shape, data: activate(op.do, a.data, op.by, op.threshold) };
    case "multiply":
      return { shape: a.shape, data: a.data.map((x) => x * op.by) };
  }
}

/** The row that a convolution makes of rows that are `v` everywhere: column o reads the channels of its group. */
function throughWeight({ shape, data }: LoadValue, v: Float64Array, groups: number): LoadValue {
  const [reads, columns] = shape.slice(-2) as [number, number];
  const out = new Float64Array(columns);
  for (let row = 0; row * columns < data.length; row++) {
    for (let c = 0; c < columns; c++) out[c]! += data[row * columns + c]! * v[Math.floor((c * groups) / columns) * reads + (row % reads)]!;
  }
  return { shape: [columns], data: out };
}

/** Rows of as many columns as there are scales. */
function scaleColumns(rows: Float64Array, scales: Float64Array): Float64Array {
  const data = new Float64Array(rows.length);
  const n = scales.length;
  for (let at = 0; at < rows.length; at += n) for (let c = 0; c < n; c++) data[at + c] = rows[at + c]! * scales[c]!;
  return data;
}

/** Rows of `columns` numbers, each times the next scale, around and around. */
function scaleRows(rows: Float64Array, scales: Float64Array, columns: number): Float64Array {
  const data = new Float64Array(rows.length);
  for (let at = 0, r = 0; at < rows.length; at += columns, r++) {
    const scale = scales[r % scales.length]!;
    for (let c = at; c < at + columns; c++) data[c] = rows[c]! * scale;
  }
  return data;
}

/** a · b, matrix by matrix; the operand with one matrix meets every matrix of the other. A vector is a row of its own. */
function multiply(a: LoadValue, b: LoadValue): LoadValue {
  const [middle, columns] = b.shape.slice(-2) as [number, number];
  const vector = a.shape.length === 1;
  const rows = vector ? 1 : a.shape.at(-2)!;
  const [tapsA, tapsB] = [a.data.length / (rows * middle), b.data.length / (middle * columns)];
  const taps = Math.max(tapsA, tapsB);
  const data = new Float64Array(taps * rows * columns);
  for (let row = 0; row < taps * rows; row++) {
    const from = (tapsA === 1 ? row % rows : row) * middle;
    const matrix = tapsB === 1 ? 0 : Math.floor(row / rows) * middle * columns;
    const out = data.subarray(row * columns, (row + 1) * columns);
    for (let m = 0; m < middle; m++) {
      const factor = a.data[from + m]!;
      const at = matrix + m * columns;
      for (let c = 0; c < columns; c++) out[c]! += factor * b.data[at + c]!;
    }
  }
  const wider = tapsA === tapsB ? (a.shape.length >= b.shape.length ? a : b) : tapsA > tapsB ? a : b;
  return { shape: vector ? [columns] : [...wider.shape.slice(0, -2), rows, columns], data };
}

function sliceAxis(a: LoadValue, axis: number, from: number, to: number): LoadValue {
  const inner = volume(a.shape.slice(axis + 1));
  const length = a.shape[axis]!;
  const outer = volume(a.shape.slice(0, axis));
  const data = new Float64Array(outer * (to - from) * inner);
  for (let o = 0; o < outer; o++) {
    data.set(a.data.subarray((o * length + from) * inner, (o * length + to) * inner), o * (to - from) * inner);
  }
  return { shape: a.shape.map((n, i) => (i === axis ? to - from : n)), data };
}

function stackColumns(args: readonly LoadValue[]): LoadValue {
  const rows = volume(args[0]!.shape.slice(0, -1));
  const columns = args.reduce((n, a) => n + a.shape.at(-1)!, 0);
  const data = new Float64Array(rows * columns);
  let at = 0;
  for (const a of args) {
    const n = a.shape.at(-1)!;
    for (let r = 0; r < rows; r++) data.set(a.data.subarray(r * n, (r + 1) * n), r * columns + at);
    at += n;
  }
  return { shape: [...args[0]!.shape.slice(0, -1), columns], data };
}

/** The shape in which a layout stores a parameter of canonical shape; what error messages and `spnet weights` show. */
export function storedShape({ role, layout, shape, groups = 1 }: Pick<ParamOp, "role" | "layout" | "shape" | "groups">): readonly number[] {
  const [cin, cout] = [shape.at(-2)!, shape.at(-1)!];
  if (role === "scalar") return [1];
  if (role === "linear") return layout === "minkowski" ? [cin, cout] : [cout, cin];
  if (role !== "conv") return shape;
  const kernel = shape.slice(0, -2);
  if (layout === "minkowski") return volume(kernel) === 1 ? [cin, cout] : [volume(kernel), cin, cout];
  if (layout === "esda") return volume(kernel) === 1 ? [cout, cin] : [volume(kernel), cin, cout];
  if (layout === "torch") return [cout, cin, ...kernel];
  if (layout === "torch_transposed") return [cin * groups, cout / groups, ...kernel];
  return layout === "spconv1" ? shape : [cout, ...kernel, cin];
}

type ParamOp = Extract<LoadOp, { op: "param" }>;

function readParam(op: ParamOp, tensor: WeightTensor | undefined): LoadValue {
  if (tensor === undefined) throw new SpnetError("SP0501", `the weights have no tensor ${JSON.stringify(op.name)}`, { name: op.name });
  const wanted = storedShape(op);
  if (!acceptedShape(op, tensor.shape, wanted)) {
    throw new SpnetError("SP0502", `tensor ${JSON.stringify(op.name)} is ${text(tensor.shape)}, expected ${text(wanted)}${op.layout === undefined ? "" : ` (layout ${op.layout})`}`, { name: op.name, shape: tensor.shape, expected: wanted });
  }
  const source = tensor.data instanceof Float32Array ? tensor.data : new Float64Array(tensor.data);
  const bad = firstNotFinite(source);
  if (bad >= 0) throw new SpnetError("SP0503", `tensor ${JSON.stringify(op.name)} has ${source[bad]} at element ${bad}`, { name: op.name, element: bad });
  if (op.dtype !== undefined && op.dtype !== "f32") checkWhole(op, source);
  const value = { shape: op.shape, data: op.role === undefined || op.role === "channel" ? new Float64Array(source) : toCanonical(op, source, tensor.shape) };
  if (op.dtype === "i8") checkSums(op.name, value);
  return value;
}

/** Largest magnitude of a sum over 8-bit rows: with a bias, which is at most 2^20, it stays below 2^24. */
const SUM_LIMIT = 2 ** 24 - 2 ** 20;

function checkWhole({ name, dtype, limit = 0 }: ParamOp, source: Stored): void {
  const [least, most] = dtype === "i8" ? [-128, 127] : [-limit, limit];
  const bad = source.findIndex((v) => !Number.isInteger(v) || v < least || v > most);
  if (bad < 0) return;
  const why = Number.isInteger(source[bad]) ? "" : "; are these the weights before quantisation?";
  throw new SpnetError("SP0506", `tensor ${JSON.stringify(name)} has ${source[bad]} at element ${bad}, a quantised layer takes whole numbers from ${least} to ${most}${why}`, { name, element: bad });
}

function checkSums(name: string, { shape, data }: LoadValue): void {
  const columns = shape.at(-1)!;
  const sums = new Float64Array(columns);
  for (let i = 0; i < data.length; i++) sums[i % columns]! += 128 * Math.abs(data[i]!);
  const bad = sums.findIndex((sum) => sum > SUM_LIMIT);
  if (bad >= 0) throw new SpnetError("SP0507", `sums of tensor ${JSON.stringify(name)} can reach ${sums[bad]} in column ${bad}, more than the ${SUM_LIMIT} that is exact: make the layer two, or its weights smaller`, { name, column: bad });
}

/** The groups of a kernel as SparseConvNet stores it, [K, groups, Cin / groups, Cout / groups]; 1 of any other. */
function groupsOf(taps: number, cin: number, cout: number, shape: readonly number[]): number {
  const groups = shape[1]!;
  return shape.length === 4 && shape[0] === taps && shape[2] === cin && groups * shape[3]! === cout ? groups : 1;
}

type Stored = Float32Array | Float64Array;

function firstNotFinite(data: Stored): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}

/** Leading ones are a matter of taste between systems ([1, C] biases, [1, Cin, Cout] kernels); everything else counts. */
export function acceptedShape(op: Pick<ParamOp, "role" | "layout" | "shape">, shape: readonly number[], wanted: readonly number[]): boolean {
  if (op.role === "scalar") return volume(shape) === 1;
  const strip = (s: readonly number[]): string => s.slice(s.findIndex((n) => n !== 1)).join(",");
  // TorchSparse (even kernels) and SparseConvNet store the canonical order with the taps flat: [K, Cin, Cout], [K, 1, Cin, Cout].
  if (op.role === "conv" && op.layout === "spconv1") {
    const [cin, cout] = wanted.slice(-2) as [number, number];
    const taps = volume(wanted) / (cin * cout);
    if ([[taps, cin, cout], [taps, 1, cin, cout]].some((flat) => flat.join() === shape.join())) return true;
    if (groupsOf(taps, cin, cout, shape) > 1) return true;
  }
  // MinkowskiEngine and ESDA store one channel per group, a depthwise kernel, as [K, C].
  if (op.role === "conv" && (op.layout === "minkowski" || op.layout === "esda") && op.shape.at(-2) === 1 && shape.join() === `${volume(op.shape.slice(0, -2))},${op.shape.at(-1)}`) return true;
  if (shape.length === wanted.length) return shape.every((n, i) => n === wanted[i]);
  if (op.role === "linear" && shape.length > 2) return shape.slice(0, -2).every((n) => n === 1) && shape.slice(-2).join() === op.shape.join();
  return op.role !== "conv" || op.layout === "minkowski" ? volume(shape) === volume(wanted) && strip(shape) === strip(wanted) : false;
}

function toCanonical(op: ParamOp, source: Stored, stored: readonly number[]): Float64Array {
  const [cin, cout] = [op.shape.at(-2)!, op.shape.at(-1)!];
  const kernel = op.shape.slice(0, -2);
  const taps = volume(kernel);
  if (op.role === "scalar") return new Float64Array(volume(op.shape)).fill(source[0]!);
  if (op.role === "linear") return stored.length > 2 || op.layout === "minkowski" ? new Float64Array(source) : transpose(source, cout, cin);
  const groups = op.layout === "spconv1" && stored.join() !== op.shape.join() ? groupsOf(taps, cin, cout, stored) : 1;
  if (groups > 1) {
    const width = cout / groups;
    return Float64Array.from(source, (_, i) => {
      const [row, o] = [Math.floor(i / cout), i % cout];
      const [tap, g] = [Math.floor(row / cin), Math.floor(o / width)];
      return source[((tap * groups + g) * cin + (row % cin)) * width + (o % width)]!;
    });
  }
  // ESDA's accelerator reads a matrix by output channels, and taps last axis fastest.
  if (op.layout === "esda") return taps === 1 && stored.length === 2 && op.shape.at(-2) !== 1 ? transpose(source, cout, cin) : new Float64Array(source);
  if (op.layout === "torch" || op.layout === "torch_transposed") return fromTorch(source, taps, cin, cout, op.layout === "torch_transposed" ? (op.groups ?? 1) : undefined);
  // spconv 2 multiplies by weight.view(Cin, Cout) when the kernel volume is 1, whatever the tensor's shape says.
  if (op.layout === "spconv1" || taps === 1) return new Float64Array(source);
  const data = new Float64Array(source.length);
  for (let t = 0; t < taps; t++) {
    const from = op.layout === "minkowski" ? firstAxisFastest(t, kernel) : t;
    const size = cin * cout;
    if (op.layout === "minkowski") data.set(source.subarray(from * size, (from + 1) * size), t * size);
    else for (let i = 0; i < cin; i++) for (let o = 0; o < cout; o++) data[t * size + i * cout + o] = source[(o * taps + from) * cin + i]!;
  }
  return data;
}

/** A kernel of Conv2d, [Cout, Cin, taps], or of ConvTranspose2d in groups, [groups · Cin, Cout / groups, taps], as [taps, Cin, Cout]. */
function fromTorch(source: Stored, taps: number, cin: number, cout: number, transposed: number | undefined): Float64Array {
  const data = new Float64Array(source.length);
  const width = cout / (transposed ?? 1);
  for (let i = 0; i < cin; i++) {
    for (let o = 0; o < cout; o++) {
      const from = (transposed === undefined ? o * cin + i : (Math.floor(o / width) * cin + i) * width + (o % width)) * taps;
      for (let t = 0; t < taps; t++) data[(t * cin + i) * cout + o] = source[from + t]!;
    }
  }
  return data;
}

/** Index, first axis fastest, of the tap whose canonical (last axis fastest) index is `t`. */
function firstAxisFastest(t: number, kernel: readonly number[]): number {
  let rest = t;
  const r = new Array<number>(kernel.length).fill(0);
  for (let a = kernel.length - 1; a >= 0; a--) {
    r[a] = rest % kernel[a]!;
    rest = Math.floor(rest / kernel[a]!);
  }
  return r.reduceRight((index, value, a) => index * kernel[a]! + value, 0);
}

/** [rows][columns] → [columns][rows]. */
function transpose(source: Stored, rows: number, columns: number): Float64Array {
  const data = new Float64Array(source.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) data[c * rows + r] = source[r * columns + c]!;
  return data;
}

/** Packs one block as kernels read it, f32. */
export function packBlock(block: ParamBlock, values: readonly LoadValue[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(block.floats);
  for (const item of block.items) {
    const value = values[item.value]!;
    const [first, end] = item.columns;
    const columns = value.shape.at(-1)!;
    const rows = value.data.length / columns;
    const tile = item.tile ?? end - first;
    let at = item.at;
    for (let from = first; from < end; from += tile) {
      const width = Math.min(tile, end - from);
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < width; c++) out[at + c] = value.data[r * columns + from + c]!;
        at += (width + 3) & ~3;
      }
    }
  }
  return out;
}
