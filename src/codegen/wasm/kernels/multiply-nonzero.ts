import { COLUMN_TILE, TILE, TILE_BITS } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import { Func, type Local } from "../func.ts";
import { f32x4, i32, i64, i8x16, v128, type Sexpr } from "../wat.ts";

/** Channels whose zeros are found together: one mask. */
const CHUNK = 64;
/** Channels that one vector of bytes tells about. */
const BYTES = 16;
/** Vectors of a column tile. */
const VECTORS = COLUMN_TILE / 4;
/** Of a chunk's channels, the part that may be there before they are all multiplied, in sixteenths: found by `npm run bench:cpu -- --only zeros`. */
const MOST = 13;

/** The shape of a multiplication of rows, one at a time, that leaves out channels with zeros. */
export interface NonzeroShape {
  /** A multiple of 16. */
  readonly cin: number;
  /** Floats from one source row to the next. */
  readonly stride: number;
  /** Floats from one row of accumulators to the next. */
  readonly accStride: number;
  /** Column tiles of the matrix, side by side. */
  readonly tiles: number;
}

/** Whether rows of so many channels can be multiplied that way. */
export const skipsZeros = (cin: number): boolean => cin % BYTES === 0;

/**
 * `nonzero_…(list, end, x, acc, w, step)`: what `pairs_…` computes, to the bit, without the products of channels that are
 * zero: a sum that begins with +0 is never −0, so adding ±0 changes nothing as long as weights are finite, which is
 * checked when they are loaded. `step`: bytes from one column tile of the matrix to the next. The nonzero channels of a
 * row are the bits of a mask, taken from below, so that sums are added in ascending channels.
 */
export function nonzeroFunction(assembly: Assembly, shape: NonzeroShape): string {
  const { cin, stride, accStride, tiles } = shape;
  const name = `nonzero_${cin}_s${stride}_a${accStride}_t${tiles}`;
  if (assembly.has(name)) return name;
  const f = new Func(name, { exported: true });
  assembly.checks.push({ name, cin, stride, accStride, vectors: VECTORS, tiles });
  const [list, end, x, acc, w, step] = [f.param("list"), f.param("end"), f.param("x"), f.param("acc"), f.param("w"), f.param("step")];
  const sums = Array.from({ length: tiles * VECTORS }, (_, i) => f.local(`sum${i}`, "v128"));
  const [entry, xAt, wAt, accAt] = [f.local("entry"), f.local("xAt"), f.local("wAt"), f.local("accAt")];
  const row = new NonzeroRow(f, assembly.arithmetic === "fused", sums, step);
  f.while(i32.ltU(list.get, end.get), () => {
    f.add(
      entry.set(i32.load(list.get)),
      xAt.set(i32.add(x.get, i32.mul(i32.shrU(entry.get, TILE_BITS), 4 * stride))),
      accAt.set(i32.add(acc.get, i32.mul(i32.and(entry.get, TILE - 1), 4 * accStride))),
      wAt.set(w.get),
    );
    sums.forEach((sum, i) => f.add(sum.set(v128.load(accAt.get, 16 * i))));
    const whole = Math.floor(cin / CHUNK);
    const next = (): void => f.add(xAt.grow(4 * CHUNK), wAt.grow(4 * COLUMN_TILE * CHUNK));
    if (whole > 1) {
      const wEnd = f.let("wEnd", i32.add(w.get, whole * CHUNK * 4 * COLUMN_TILE));
      f.doWhile(() => {
        row.chunk(xAt, wAt, CHUNK);
        next();
      }, () => i32.ltU(wAt.get, wEnd.get));
    } else if (whole === 1) {
      row.chunk(xAt, wAt, CHUNK);
      if (cin > CHUNK) next();
    }
    if (cin % CHUNK > 0) row.chunk(xAt, wAt, cin % CHUNK);
    sums.forEach((sum, i) => f.add(v128.store(accAt.get, sum.get, 16 * i)));
    f.add(list.grow(4));
  });
  assembly.add(f, [`acc[row] += x[input] W for a list of pairs, channels that are not zero: ${cin} channels -> ${tiles * COLUMN_TILE} columns`]);
  return name;
}

/** One row against all column tiles. */
class NonzeroRow {
  readonly #f: Func;
  readonly #fused: boolean;
  readonly #sums: readonly Local[];
  readonly #step: Local;
  readonly #mask: Local;
  readonly #channel: Local;
  readonly #from: Local;
  readonly #value: Local;

  constructor(f: Func, fused: boolean, sums: readonly Local[], step: Local) {
    this.#f = f;
    this.#fused = fused;
    this.#sums = sums;
    this.#step = step;
    this.#mask = f.local("mask", "i64");
    this.#channel = f.local("channel");
    this.#from = f.local("from");
    this.#value = f.local("value", "v128");
  }

  /** Adds the products of `count` channels at `x` with the rows of the matrix at `w`. */
  chunk(x: Local, w: Local, count: number): void {
    const f = this.#f;
    const mask = this.#mask;
    f.add(mask.set(this.#nonzero(x, count)));
    f.if(i32.ltU(i32.wrap(i64.popcnt(mask.get)), Math.ceil((count * MOST) / 16)), () => {
      f.while(i64.ne(mask.get, i64.const(0n)), () => {
        f.add(
          this.#channel.set(i32.wrap(i64.ctz(mask.get))),
          mask.set(i64.and(mask.get, i64.sub(mask.get, i64.const(1n)))),
          this.#value.set(v128.splat32(i32.add(x.get, i32.mul(this.#channel.get, 4)))),
          this.#from.set(i32.add(w.get, i32.mul(this.#channel.get, 4 * COLUMN_TILE))),
        );
        this.#products();
      });
    }, () => {
      f.for(this.#channel, 0, count, 1, () => {
        f.add(
          this.#value.set(v128.splat32(i32.add(x.get, i32.mul(this.#channel.get, 4)))),
          this.#from.set(i32.add(w.get, i32.mul(this.#channel.get, 4 * COLUMN_TILE))),
        );
        this.#products();
      });
    });
  }

  #products(): void {
    const f = this.#f;
    const from = this.#from;
    this.#sums.forEach((sum, i) => {
      if (i > 0 && i % VECTORS === 0) f.add(from.grow(this.#step.get));
      const weights = v128.load(from.get, 16 * (i % VECTORS));
      f.add(sum.set(this.#fused ? f32x4.madd(this.#value.get, weights, sum.get) : f32x4.add(sum.get, f32x4.mul(this.#value.get, weights))));
    });
  }

  /** A bit for each channel that is not zero: floats narrow to bytes, as whole numbers that stay what they are or saturate. */
  #nonzero(x: Local, count: number): Sexpr {
    const shorts = (channel: number): Sexpr => i8x16.narrow32(v128.load(x.get, 4 * channel), v128.load(x.get, 4 * channel + 16));
    let bits: Sexpr | undefined;
    for (let c = 0; c < count; c += BYTES) {
      const zeros = i8x16.bitmask(i8x16.eq(i8x16.narrow16(shorts(c), shorts(c + BYTES / 2)), i8x16.const(0)));
      const part = i64.extend(i32.xor(zeros, 2 ** BYTES - 1));
      bits = bits === undefined ? part : i64.or(bits, i64.shl(part, i64.const(BigInt(c))));
    }
    return bits!;
  }
}
