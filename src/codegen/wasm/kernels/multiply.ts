import type { Assembly } from "../assembly.ts";
import { Func, type Local } from "../func.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import { TILE, TILE_BITS } from "../../../runtime/cpu/fields.ts";

/**
 * Rows that a register tile multiplies at once, with 16 columns. Two are 8 of the 16 registers that there are; four fit
 * once lanes are joined to 256 bits, and hide the latency of the sums then. What is left over goes by two, then by one.
 */
const ROWS = [4, 2, 1] as const;
/**
 * Input channels per round of the inner loop, by rows: one, since V8 before Node 24 loads a round's weights before it
 * multiplies, and has registers for those of one channel. Four rows are for joined lanes, which only later engines have.
 */
const UNROLL: Readonly<Record<number, number>> = { 6: 1, 4: 8, 3: 1, 2: 1, 1: 1 };
/** Whether lanes are joined, a constant that the module imports. */
export const WIDE: Sexpr = ["global.get", "$wide"];

/** The shape of a multiplication of rows by one column tile of a matrix. */
export interface MultiplyShape {
  readonly cin: number;
  /** Floats from one source row to the next. */
  readonly stride: number;
  /** Floats from one row of accumulators to the next. */
  readonly accStride: number;
  /** Vectors of 4 columns: 1 to 4. */
  readonly vectors: number;
  /** Vectors from one row of the matrix to the next, where they are more than these columns. */
  readonly matrixVectors?: number;
  /** Rows at once, where they were chosen by measurement: 2, 3, 4 or 6, for all lanes. */
  readonly rows?: number;
}

/** Names of equal functions are equal in every module. */
const nameOf = (kind: string, { cin, stride, accStride, vectors, matrixVectors, rows }: MultiplyShape): string =>
  `${kind}_${cin}_s${stride}_a${accStride}_v${vectors}${matrixVectors === undefined ? "" : `_m${matrixVectors}`}${rows === undefined ? "" : `_r${rows}`}`;

/** Rows at once, most first: what is left over goes by fewer. The first of the standard ones is for joined lanes only. */
const ladder = (shape: MultiplyShape): readonly number[] => (shape.rows === undefined ? ROWS : [shape.rows, ...ROWS.filter((r) => r < shape.rows! && r <= 2)]);

/**
 * `pairs_…(list, end, x, acc, w)`: for every entry of a list of pairs, acc[row in tile] += x[input row] · W, with W
 * [cin][4·vectors], or a part of longer rows, and products added one by one, in ascending channels: the same bits for every lane width. With fused
 * arithmetic a product is not rounded before it is added, where the machine can do that.
 */
export function pairsFunction(assembly: Assembly, shape: MultiplyShape): string {
  const name = nameOf("pairs", shape);
  if (assembly.has(name)) return name;
  const f = new Func(name, { exported: true });
  assembly.checks.push({ name, ...shape });
  const [list, end, x, acc, w] = [f.param("list"), f.param("end"), f.param("x"), f.param("acc"), f.param("w")];
  const tile = new RegisterTile(assembly, f, shape, w);
  const entry = f.local("entry");
  const rowAt = (i: number): void => {
    f.add(entry.set(i32.load(list.get, 4 * i)));
    tile.point(
      i,
      i32.add(x.get, i32.mul(i32.shrU(entry.get, TILE_BITS), 4 * shape.stride)),
      i32.add(acc.get, i32.mul(i32.and(entry.get, TILE - 1), 4 * shape.accStride)),
    );
  };
  const wideEnd = shape.rows === undefined ? f.let("wideEnd", i32.mul(end.get, WIDE)) : end;
  for (const rows of ladder(shape)) {
    const until = rows === 4 && shape.rows === undefined ? wideEnd : end;
    f.while(i32.ltU(i32.add(list.get, 4 * (rows - 1)), until.get), () => {
      for (let i = 0; i < rows; i++) rowAt(i);
      tile.run(rows);
      f.add(list.grow(4 * rows));
    });
  }
  assembly.add(f, [`acc[row] += x[input] W for a list of pairs: ${shape.cin} channels -> ${4 * shape.vectors} columns`]);
  return name;
}

/** `rows_…(x, count, acc, w)`: acc[i] += x[i] · W for `count` rows one after another. */
export function rowsFunction(assembly: Assembly, shape: MultiplyShape): string {
  const name = nameOf("rows", shape);
  if (assembly.has(name)) return name;
  const f = new Func(name);
  const [x, count, acc, w] = [f.param("x"), f.param("count"), f.param("acc"), f.param("w")];
  const tile = new RegisterTile(assembly, f, shape, w);
  const step = (rows: number): void => {
    for (let i = 0; i < rows; i++) tile.point(i, i32.add(x.get, 4 * shape.stride * i), i32.add(acc.get, 4 * shape.accStride * i));
    tile.run(rows);
    f.add(x.grow(4 * shape.stride * rows), acc.grow(4 * shape.accStride * rows), count.set(i32.sub(count.get, rows)));
  };
  for (const rows of ladder(shape)) {
    if (rows === 1) f.if(count.get, () => step(1));
    else f.while(i32.geS(rows === 4 && shape.rows === undefined ? i32.mul(count.get, WIDE) : count.get, rows), () => step(rows));
  }
  assembly.add(f, [`acc[i] += x[i] W for consecutive rows: ${shape.cin} channels -> ${4 * shape.vectors} columns`]);
  return name;
}

/** Accumulators of a few rows in registers, from and back to memory. */
class RegisterTile {
  readonly #f: Func;
  readonly #shape: MultiplyShape;
  readonly #w: Local;
  readonly #x: Local[];
  readonly #acc: Local[];
  readonly #sums: Local[][];
  readonly #weights: Local[];
  readonly #at: Local;
  readonly #fused: boolean;
  readonly #value: Local;

  constructor(assembly: Assembly, f: Func, shape: MultiplyShape, w: Local) {
    this.#f = f;
    this.#fused = assembly.arithmetic === "fused";
    this.#shape = shape;
    this.#w = w;
    const rows = Array.from({ length: ladder(shape)[0]! }, (_, r) => r);
    const columns = Array.from({ length: shape.vectors }, (_, v) => v);
    this.#x = rows.map((r) => f.local(`x${r}`));
    this.#acc = rows.map((r) => f.local(`acc${r}`));
    this.#sums = rows.map((r) => columns.map((v) => f.local(`sum${r}_${v}`, "v128")));
    this.#weights = columns.map((v) => f.local(`w${v}`, "v128"));
    this.#at = f.local("wAt");
    this.#value = f.local("value", "v128");
  }

  /** Where row `r` of the tile reads and accumulates. */
  point(r: number, x: Sexpr, acc: Sexpr): void {
    this.#f.add(this.#x[r]!.set(x), this.#acc[r]!.set(acc));
  }

  run(rows: number): void {
    const f = this.#f;
    const { cin, vectors, matrixVectors = vectors } = this.#shape;
    const tile = Array.from({ length: rows }, (_, r) => r);
    for (const r of tile) for (let v = 0; v < vectors; v++) f.add(this.#sums[r]![v]!.set(v128.load(this.#acc[r]!.get, 16 * v)));
    f.add(this.#at.set(this.#w.get));
    const unroll = UNROLL[rows]!;
    const rounds = Math.floor(cin / unroll);
    const advance = (channels: number): void => {
      for (const r of tile) f.add(this.#x[r]!.grow(4 * channels));
      f.add(this.#at.grow(16 * matrixVectors * channels));
    };
    if (rounds > 1) {
      const end = f.let(`wEnd${rows}`, i32.add(this.#w.get, rounds * unroll * 16 * matrixVectors));
      f.doWhile(() => {
        this.#channels(rows, unroll);
        advance(unroll);
      }, () => i32.ltU(this.#at.get, end.get));
    } else if (rounds === 1) {
      this.#channels(rows, unroll);
      if (cin > unroll) advance(unroll);
    }
    this.#channels(rows, cin % unroll);
    for (const r of tile) for (let v = 0; v < vectors; v++) f.add(v128.store(this.#acc[r]!.get, this.#sums[r]![v]!.get, 16 * v));
  }

  #channels(rows: number, count: number): void {
    const f = this.#f;
    const { vectors, matrixVectors = vectors } = this.#shape;
    for (let c = 0; c < count; c++) {
      for (let v = 0; v < vectors; v++) f.add(this.#weights[v]!.set(v128.load(this.#at.get, 16 * (c * matrixVectors + v))));
      for (let r = 0; r < rows; r++) {
        f.add(this.#value.set(v128.splat32(this.#x[r]!.get, 4 * c)));
        for (let v = 0; v < vectors; v++) {
          const sum = this.#sums[r]![v]!;
          f.add(sum.set(this.#fused ? f32x4.madd(this.#value.get, this.#weights[v]!.get, sum.get) : f32x4.add(sum.get, f32x4.mul(this.#value.get, this.#weights[v]!.get))));
        }
      }
    }
  }
}
