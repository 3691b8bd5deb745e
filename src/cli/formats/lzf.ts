/**
 * LZF as Marc Lehmann's liblzf writes it: a control byte below 32 is followed by so many literals and one more; above,
 * its upper 3 bits are a length − 2 (7: another byte is added to it), its lower 5 and the next byte a distance − 1.
 */

/** A stream stops making sense at a byte of it. */
export interface LzfProblem {
  readonly at: number;
  readonly what: string;
}

/** Three bytes copy 264 at most. */
export const MAX_LZF_RATIO = 88;

/** Inflates to exactly `size` bytes; the caller has checked that so many can come of the input. */
export function inflateLzf(input: Uint8Array, size: number): Uint8Array | LzfProblem {
  const out = new Uint8Array(size);
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const at = from;
    const control = input[from++]!;
    if (control < 32) {
      const length = control + 1;
      if (from + length > input.length) return { at, what: `${length} literals are announced and ${input.length - from} bytes left` };
      if (to + length > size) return { at, what: `it inflates to more than the ${size} bytes that it claims` };
      out.set(input.subarray(from, from + length), to);
      from += length;
      to += length;
      continue;
    }
    const long = control >> 5 === 7;
    if (from + (long ? 2 : 1) > input.length) return { at, what: "it ends within a back reference" };
    const length = (control >> 5) + 2 + (long ? input[from++]! : 0);
    const distance = ((control & 31) << 8) + input[from++]! + 1;
    if (distance > to) return { at, what: `a back reference reaches ${distance} bytes back where ${to} have been made` };
    if (to + length > size) return { at, what: `it inflates to more than the ${size} bytes that it claims` };
    for (let i = 0; i < length; i++, to++) out[to] = out[to - distance]!;
  }
  return to === size ? out : { at: input.length, what: `it inflates to ${to} bytes, yet claims ${size}` };
}
