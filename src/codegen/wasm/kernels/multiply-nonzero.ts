import { COLUMN_TILE, MASK_CHANNELS, TILE, TILE_BITS } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import { call, Func, type Local } from "../func.ts";
import { f32x4, i32, i64, i8x16, v128, type I32, type Sexpr } from "../wat.ts";

/** Channels that one vector of bytes tells about. */
const BYTES = 16;
/** Vectors of a column tile. */
const TILE_VECTORS = COLUMN_TILE / 4;
/** Part of the channels, in sixteenths, from which on all are multiplied: `npm run bench:cpu -- --only zeros`. */
const MOST = 11;
/** The shape of a multiplication of rows, one at a time, by their nonzero channels. */
export interface NonzeroShape {
  /** A multiple of 16. */
  readonly cin: number;
  /** Floats from one source row to the next. */
  readonly stride: number;
  /** Floats from one row of accumulators to the next. */
  readonly accStride: number;
  /** Column tiles, one after another in the matrix. */
  readonly tiles: number;
}

/** Whether rows of so many channels can be multiplied that way. */
export const skipsZeros = (cin: number): boolean => cin % BYTES === 0;

const chunksOf = (cin: number): number => Math.ceil(cin / MASK_CHANNELS);

/** Bytes that the masks of a list take. */
export const maskBytes = (cin: number): number => 8 * TILE * chunksOf(cin);

/**
 * `masks_…(list, end, x, masks) → count`: per entry of a list of pairs, and per 64 channels of its input row, a bit for each
 * channel that is not zero; and how many there are. Floats narrow to bytes as whole numbers, which saturate: what was not
 * zero stays that.
 */
function masksFunction(assembly: Assembly, cin: number, stride: number): string {
  const name = `masks_${cin}_s${stride}`;
  if (assembly.has(name)) return name;
  const f = new Func(name, { exported: true, result: "i32" });
  const [list, end, x, masks] = [f.param("list"), f.param("end"), f.param("x"), f.param("masks")];
  const [at, count, mask] = [f.local("at"), f.local("count"), f.local("mask", "i64")];
  const shorts = (channel: number): Sexpr => i8x16.narrow32(v128.load(at.get, 4 * channel), v128.load(at.get, 4 * channel + 16));
  f.while(i32.ltU(list.get, end.get), () => {
    f.add(at.set(i32.add(x.get, i32.mul(i32.shrU(i32.load(list.get), TILE_BITS), 4 * stride))));
    for (let chunk = 0; chunk < chunksOf(cin); chunk++) {
      let bits: Sexpr | undefined;
      for (let c = 0; c < Math.min(MASK_CHANNELS, cin - chunk * MASK_CHANNELS); c += BYTES) {
        const from = chunk * MASK_CHANNELS + c;
        const zeros = i8x16.bitmask(i8x16.eq(i8x16.narrow16(shorts(from), shorts(from + BYTES / 2)), i8x16.const(0)));
        const part = i64.extend(i32.xor(zeros, 2 ** BYTES - 1));
        bits = bits === undefined ? part : i64.or(bits, i64.shl(part, i64.const(BigInt(c))));
      }
      f.add(mask.set(bits!), i64.store(masks.get, mask.get, 8 * chunk), count.grow(i32.wrap(i64.popcnt(mask.get))));
    }
    f.add(masks.grow(8 * chunksOf(cin)), list.grow(4));
  });
  f.add(count.get);
  assembly.add(f, [`which channels of a list's input rows are not zero: ${cin} channels`]);
  return name;
}

/**
 * `nonzero_…(list, end, x, acc, w, step, masks)`: what `pairs_…` computes, to the bit, by the products of the channels that
 * `masks` names. A sum that begins with +0 is never −0, so adding ±0 changes nothing as long as weights are finite, which
 * is checked when they are loaded. `step`: bytes from one column tile of the matrix to the next. Bits are taken from
 * below, so that sums are added in ascending channels.
 */
export function nonzeroFunction(assembly: Assembly, shape: NonzeroShape): string {
  const { cin, stride, accStride, tiles } = shape;
  const vectors = tiles * TILE_VECTORS;
  const name = `nonzero_${cin}_s${stride}_a${accStride}_v${vectors}`;
  if (assembly.has(name)) return name;
  const f = new Func(name, { exported: true });
  assembly.checks.push({ name, cin, stride, accStride, vectors, masks: masksFunction(assembly, cin, stride) });
  const [list, end, x, acc, w, step, masks] = [f.param("list"), f.param("end"), f.param("x"), f.param("acc"), f.param("w"), f.param("step"), f.param("masks")];
  const sums = Array.from({ length: vectors }, (_, i) => f.local(`sum${i}`, "v128"));
  const [entry, xAt, wAt, accAt, channel, from] = [f.local("entry"), f.local("xAt"), f.local("wAt"), f.local("accAt"), f.local("channel"), f.local("from")];
  const [mask, value] = [f.local("mask", "i64"), f.local("value", "v128")];
  const product = (sum: Local, weights: Sexpr): Sexpr =>
    assembly.arithmetic === "fused" ? f32x4.madd(value.get, weights, sum.get) : f32x4.add(sum.get, f32x4.mul(value.get, weights));
  const columnTile = (tile: number): void => {
    for (let v = 0; v < TILE_VECTORS; v++) {
      const sum = sums[tile * TILE_VECTORS + v]!;
      f.add(sum.set(product(sum, v128.load(from.get, 16 * v))));
    }
  };
  const chunk = (): void => {
    f.add(mask.set(i64.load(masks.get)), masks.grow(8));
    f.if(i64.ne(mask.get, i64.const(0n)), () => {
      f.doWhile(() => {
        f.add(
          channel.set(i32.wrap(i64.ctz(mask.get))),
          mask.set(i64.and(mask.get, i64.sub(mask.get, i64.const(1n)))),
          value.set(v128.splat32(i32.add(xAt.get, i32.mul(channel.get, 4)))),
          from.set(i32.add(wAt.get, i32.mul(channel.get, 4 * COLUMN_TILE))),
        );
        for (let tile = 0; tile < tiles; tile++) {
          if (tile > 0) f.add(from.grow(step.get));
          // V8 before Node 24 places products behind all loads of their block, and spills what registers do not hold: a
          // branch that is always taken, since no list ends at 0, ends a block. Lanes are joined within blocks.
          if (tiles === 2 && tile === 0) f.if(end.get, () => columnTile(tile));
          else columnTile(tile);
        }
      }, () => i64.ne(mask.get, i64.const(0n)));
    });
  };
  f.while(i32.ltU(list.get, end.get), () => {
    f.add(
      entry.set(i32.load(list.get)),
      xAt.set(i32.add(x.get, i32.mul(i32.shrU(entry.get, TILE_BITS), 4 * stride))),
      accAt.set(i32.add(acc.get, i32.mul(i32.and(entry.get, TILE - 1), 4 * accStride))),
      wAt.set(w.get),
    );
    sums.forEach((sum, i) => f.add(sum.set(v128.load(accAt.get, 16 * i))));
    if (chunksOf(cin) === 1) chunk();
    else {
      const wEnd = f.let("wEnd", i32.add(w.get, 4 * COLUMN_TILE * MASK_CHANNELS * chunksOf(cin)));
      f.doWhile(() => {
        chunk();
        f.add(xAt.grow(4 * MASK_CHANNELS), wAt.grow(4 * COLUMN_TILE * MASK_CHANNELS));
      }, () => i32.ltU(wAt.get, wEnd.get));
    }
    sums.forEach((sum, i) => f.add(v128.store(accAt.get, sum.get, 16 * i)));
    f.add(list.grow(4));
  });
  assembly.add(f, [`acc[row] += x[input] W for a list of pairs, channels that are not zero: ${cin} channels -> ${4 * vectors} columns`]);
  return name;
}

/** Whether a list's rows, whose masks are made at `masks`, have few enough nonzero channels to be multiplied by them. */
export function fewNonzero(assembly: Assembly, cin: number, stride: number, [begin, end]: readonly [Sexpr, Sexpr], x: I32, masks: I32): Sexpr {
  // An entry of the list is 4 bytes.
  const limit = i32.shrU(i32.mul(i32.sub(end, begin), cin * MOST), 6);
  return i32.ltU(call(masksFunction(assembly, cin, stride), begin, end, x, masks), limit);
}
