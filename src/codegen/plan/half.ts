const bits = new DataView(new ArrayBuffer(4));
/** Least normal float16, and the value from which on rounding gives infinity. */
const [NORMAL, OVERFLOW] = [2 ** -14, 65520];

/** A number as IEEE 754 binary16, rounded to the nearest, ties to even. */
export function numberToHalf(value: number): number {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= OVERFLOW) return sign | 0x7c00;
  if (size < NORMAL) return sign | tiesToEven(size * 2 ** 24);
  const magnitude = word & 0x7fff_ffff;
  // The exponent's bias goes from 127 to 15, the fraction from 23 bits to 10; a carry of rounding moves into the exponent.
  return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - (112 << 23)) >>> 13);
}

function tiesToEven(value: number): number {
  const down = Math.floor(value);
  return value - down > 0.5 || (value - down === 0.5 && down % 2 === 1) ? down + 1 : down;
}
