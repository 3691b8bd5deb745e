import { u32 } from "../literal.ts";
import type { Bindings } from "../module.ts";
import type { Name } from "../namer.ts";
import type { MapAccess } from "../spec.ts";
import { join, wgsl, type Hole, type Wgsl } from "../template.ts";

/** Rows of one record of a rulebook block. */
export const RECORD = 32;

/** How a kernel reads a rulebook block: records of mask words and entries of 32 rows per tap. */
export class Rulebook {
  readonly map: MapAccess;
  readonly words: number;
  readonly recordWords: number;
  readonly #buffer: Name;

  constructor(bindings: Bindings, map: MapAccess) {
    if (map.taps.some((t) => !Number.isInteger(t) || t < 0 || t >= map.stored)) throw new Error("internal: tap outside the block");
    this.map = map;
    this.words = Math.ceil(map.stored / 32);
    this.recordWords = this.words + RECORD * map.stored;
    this.#buffer = bindings.use(map.role, "read", wgsl`array<u32>`);
  }

  get taps(): number {
    return this.map.taps.length;
  }

  /** Input row + 1 of `row` at the layer's tap `tap` (expressions), 0 where there is no pair. */
  entry(row: Hole, tap: Wgsl): Wgsl {
    return wgsl`${this.#buffer}[(${row} >> 5u) * ${u32(this.recordWords)} + ${u32(this.words)} + ${this.stored(tap)} * 32u + (${row} & 31u)]`;
  }

  /** Whether some row of record `record` has the layer's tap `tap`, as a u32 of 0 or 1. */
  present(record: Wgsl, tap: Wgsl): Wgsl {
    const stored = this.stored(tap);
    if (this.words === 1) return wgsl`((${this.#buffer}[${record} * ${u32(this.recordWords)}] >> ${stored}) & 1u)`;
    return wgsl`((${this.#buffer}[${record} * ${u32(this.recordWords)} + (${stored} >> 5u)] >> (${stored} & 31u)) & 1u)`;
  }

  /** The stored tap of the layer's tap `tap`. */
  stored(tap: Wgsl): Wgsl {
    return arithmetic(this.map.taps, tap);
  }
}

/**
 * `list[t]` as arithmetic on t: a box cut out of a box is a sum over mixed-radix digits of t, so no table is needed.
 * What does not have that form becomes a chain of selects.
 */
export function arithmetic(list: readonly number[], t: Wgsl): Wgsl {
  const [first] = list;
  if (first === undefined) throw new Error("internal: no taps");
  const digits = digitsOf(list.map((v) => v - first));
  if (digits === undefined) {
    return list.slice(1).reduce((text, v, i) => wgsl`select(${text}, ${u32(v)}, ${t} == ${u32(i + 1)})`, wgsl`${u32(first)}`);
  }
  if (first === 0 && digits.length === 1 && digits[0]?.step === 1) return t;
  const positive = digits.filter((d) => d.step > 0).map((d) => digit(t, d));
  const negative = digits.filter((d) => d.step < 0).map((d) => digit(t, d));
  const sum = join([...(first === 0 && positive.length > 0 ? [] : [u32(first)]), ...positive], " + ");
  return negative.length === 0 ? wgsl`(${sum})` : wgsl`(${sum} - (${join(negative, " + ")}))`;
}

/** One digit of t: (t / below) mod radix, times step; the top digit has no radix. */
interface Digit {
  readonly below: number;
  readonly radix: number | undefined;
  readonly step: number;
}

function digit(t: Wgsl, { below, radix, step }: Digit): Wgsl {
  const high = below === 1 ? t : wgsl`${t} / ${u32(below)}`;
  const low = radix === undefined ? high : wgsl`${high} % ${u32(radix)}`;
  const size = Math.abs(step);
  return size === 1 ? wgsl`(${low})` : wgsl`(${low}) * ${u32(size)}`;
}

/** Digits from the lowest up, for a list that starts with 0; undefined where it has no such form. */
function digitsOf(list: readonly number[]): readonly Digit[] | undefined {
  const digits: Digit[] = [];
  let below = 1;
  while (below < list.length) {
    const step = list[below] ?? 0;
    // The digit runs on as long as the list repeats itself, `step` higher each time.
    let n = below;
    while (n < list.length && list[n] === (list[n % below] ?? 0) + Math.floor(n / below) * step) n++;
    if (n === list.length) return step === 0 ? undefined : [...digits, { below, radix: undefined, step }];
    if (n % below !== 0 || n === below || list.length % n !== 0 || step === 0) return undefined;
    digits.push({ below, radix: n / below, step });
    below = n;
  }
  return digits.length === 0 ? [{ below: 1, radix: undefined, step: 1 }] : digits;
}
