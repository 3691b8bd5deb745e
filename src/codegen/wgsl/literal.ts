/** A WGSL literal made by the functions of this file, the only way a number gets into a kernel's text. */
export class Literal {
  readonly #brand = "literal";
  readonly text: string;

  /** @internal Use {@link f32}, {@link u32}, {@link i32} or {@link int}. */
  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return `${this.#brand} ${this.text}`;
  }
}

/**
 * The f32 nearest to `x`, in the fewest digits that read back as the same f32. Negative values come in parentheses,
 * since `a -` before a bare `-1.0` would be the reserved token `--`. WGSL has no NaN or infinity: those are refused.
 */
export function f32(x: number): Literal {
  const value = Math.fround(x);
  if (!Number.isFinite(value)) throw new Error(`internal: ${x} is not a finite f32`);
  const text = `${shortest(Math.abs(value))}f`;
  return new Literal(value < 0 || Object.is(value, -0) ? `(-${text})` : text);
}

export function u32(x: number): Literal {
  if (!Number.isInteger(x) || Object.is(x, -0) || x < 0 || x > 0xffff_ffff) throw new Error(`internal: ${x} is not a u32`);
  return new Literal(`${x}u`);
}

/** The smallest i32 has no literal of its own (`2147483648i` is out of range before the minus applies). */
export function i32(x: number): Literal {
  if (!Number.isInteger(x) || Object.is(x, -0) || x < -0x8000_0000 || x > 0x7fff_ffff) {
    throw new Error(`internal: ${x} is not an i32`);
  }
  if (x === -0x8000_0000) return new Literal("i32(-2147483648)");
  return new Literal(x < 0 ? `(${x}i)` : `${x}i`);
}

/** A bare non-negative integer, for array lengths, attributes and the numbered part of a name (`acc${int(3)}`). */
export function int(x: number): Literal {
  if (!Number.isInteger(x) || Object.is(x, -0) || x < 0 || x > 0x7fff_ffff) throw new Error(`internal: ${x} is no index`);
  return new Literal(`${x}`);
}

function shortest(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return tidy(Number(text));
  }
  return tidy(value);
}

/** JavaScript's own notation, with a point where WGSL would otherwise read an integer. */
function tidy(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text.replace("e+", "e") : `${text}.0`;
}
