const bits = new DataView(new ArrayBuffer(4));
const GREATEST = 2 ** 128 - 2 ** 104;

/**
 * The greatest finite float32 that is not above x, or the least where all are: a float32 is greater than x exactly where
 * it is greater than this, rounding or not.
 */
export function float32Below(x: number): number {
  const near = Math.max(-GREATEST, Math.min(GREATEST, Math.fround(x)));
  if (near <= x || near === -GREATEST) return near;
  bits.setFloat32(0, near);
  // Bits of magnitudes count up. Zero is above tiny negative numbers.
  bits.setUint32(0, near === 0 ? 0x8000_0001 : bits.getUint32(0) + (near < 0 ? 1 : -1));
  return bits.getFloat32(0);
}
