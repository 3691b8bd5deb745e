/**
 * WebAssembly text as values: an S-expression is a word or a list of S-expressions. Numbers in operand position become
 * constants. The printer keeps short lists on one line, so that `dump --stage wat` can be read.
 */

export type Sexpr = string | readonly Sexpr[];
/** An i32 operand: an expression, or a number that becomes a constant. */
export type I32 = number | Sexpr;
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

export const i32Const = (value: I32): Sexpr => (typeof value === "number" ? ["i32.const", String(value | 0)] : value);

const offsetOf = (offset: number): readonly string[] => (offset === 0 ? [] : [`offset=${offset}`]);

const binary =
  (op: string) =>
  (a: I32, b: I32): Sexpr => [op, i32Const(a), i32Const(b)];

/** Operations on 32-bit integers; addition and multiplication by constants fold. */
export const i32 = {
  add: (a: I32, b: I32): Sexpr => {
    if (typeof a === "number" && typeof b === "number") return i32Const(a + b);
    if (a === 0) return i32Const(b);
    return b === 0 ? i32Const(a) : ["i32.add", i32Const(a), i32Const(b)];
  },
  sub: (a: I32, b: I32): Sexpr => (b === 0 ? i32Const(a) : ["i32.sub", i32Const(a), i32Const(b)]),
  mul: (a: I32, b: I32): Sexpr => {
    if (typeof a === "number" && typeof b === "number") return i32Const(a * b);
    if (b === 1) return i32Const(a);
    return typeof b === "number" && b > 0 && Number.isInteger(Math.log2(b)) ? ["i32.shl", i32Const(a), i32Const(Math.log2(b))] : ["i32.mul", i32Const(a), i32Const(b)];
  },
  divU: binary("i32.div_u"),
  divS: binary("i32.div_s"),
  remU: binary("i32.rem_u"),
  and: binary("i32.and"),
  or: binary("i32.or"),
  xor: binary("i32.xor"),
  shl: binary("i32.shl"),
  shrU: binary("i32.shr_u"),
  shrS: binary("i32.shr_s"),
  eq: binary("i32.eq"),
  ne: binary("i32.ne"),
  ltU: binary("i32.lt_u"),
  ltS: binary("i32.lt_s"),
  gtS: binary("i32.gt_s"),
  leS: binary("i32.le_s"),
  geU: binary("i32.ge_u"),
  geS: binary("i32.ge_s"),
  eqz: (a: I32): Sexpr => ["i32.eqz", i32Const(a)],
  load: (address: I32, offset = 0): Sexpr => ["i32.load", ...offsetOf(offset), i32Const(address)],
  store: (address: I32, value: I32, offset = 0): Sexpr => ["i32.store", ...offsetOf(offset), i32Const(address), i32Const(value)],
  wrap: (a: Sexpr): Sexpr => ["i32.wrap_i64", a],
  /** Smaller of two unsigned values; both are evaluated twice. */
  minU: (a: I32, b: I32): Sexpr => ["select", i32Const(a), i32Const(b), ["i32.lt_u", i32Const(a), i32Const(b)]],
  maxS: (a: I32, b: I32): Sexpr => ["select", i32Const(a), i32Const(b), ["i32.gt_s", i32Const(a), i32Const(b)]],
  minS: (a: I32, b: I32): Sexpr => ["select", i32Const(a), i32Const(b), ["i32.lt_s", i32Const(a), i32Const(b)]],
};

const binary64 =
  (op: string) =>
  (a: Sexpr, b: Sexpr): Sexpr => [op, a, b];

export const i64 = {
  const: (value: bigint): Sexpr => ["i64.const", `0x${BigInt.asUintN(64, value).toString(16)}`],
  and: binary64("i64.and"),
  or: binary64("i64.or"),
  shl: binary64("i64.shl"),
  shrU: binary64("i64.shr_u"),
  sub: binary64("i64.sub"),
  mul: binary64("i64.mul"),
  xor: binary64("i64.xor"),
  add: binary64("i64.add"),
  ne: binary64("i64.ne"),
  eq: binary64("i64.eq"),
  eqz: (a: Sexpr): Sexpr => ["i64.eqz", a],
  popcnt: (a: Sexpr): Sexpr => ["i64.popcnt", a],
  ctz: (a: Sexpr): Sexpr => ["i64.ctz", a],
  extend: (a: I32): Sexpr => ["i64.extend_i32_u", i32Const(a)],
  load: (address: I32, offset = 0, alignment = 8): Sexpr => ["i64.load", ...offsetOf(offset), ...(alignment === 8 ? [] : [`align=${alignment}`]), i32Const(address)],
  store: (address: I32, value: Sexpr, offset = 0): Sexpr => ["i64.store", ...offsetOf(offset), i32Const(address), value],
};

const lanes =
  (op: string) =>
  (a: Sexpr, b: Sexpr): Sexpr => [op, a, b];

export const f32x4 = {
  add: lanes("f32x4.add"),
  sub: lanes("f32x4.sub"),
  mul: lanes("f32x4.mul"),
  div: lanes("f32x4.div"),
  max: lanes("f32x4.max"),
  min: lanes("f32x4.min"),
  pmin: lanes("f32x4.pmin"),
  pmax: lanes("f32x4.pmax"),
  lt: lanes("f32x4.lt"),
  const: (value: number): Sexpr => ["v128.const", "f32x4", ...Array.from({ length: 4 }, () => float(value))],
  /** a · b + c, rounded once or twice as the machine does it fastest. */
  madd: (a: Sexpr, b: Sexpr, c: Sexpr): Sexpr => ["f32x4.relaxed_madd", a, b, c],
  splat: (a: Sexpr): Sexpr => ["f32x4.splat", a],
  nearest: (a: Sexpr): Sexpr => ["f32x4.nearest", a],
  sqrt: (a: Sexpr): Sexpr => ["f32x4.sqrt", a],
};

/** Bytes of a vector; `narrow32` and `narrow16` make shorts of two vectors of words, and bytes of two of shorts, saturating. */
export const i8x16 = {
  eq: lanes("i8x16.eq"),
  narrow32: lanes("i16x8.narrow_i32x4_s"),
  narrow16: lanes("i8x16.narrow_i16x8_s"),
  bitmask: (a: Sexpr): Sexpr => ["i8x16.bitmask", a],
  const: (value: number): Sexpr => ["v128.const", "i8x16", ...Array.from({ length: 16 }, () => String(value))],
};

/** Vectors of four 32-bit integers. */
export const i32x4 = {
  ne: lanes("i32x4.ne"),
  const: (value: number): Sexpr => ["v128.const", "i32x4", ...Array.from({ length: 4 }, () => String(value))],
};

export const v128 = {
  and: lanes("v128.and"),
  or: lanes("v128.or"),
  anyTrue: (a: Sexpr): Sexpr => ["v128.any_true", a],
  load: (address: I32, offset = 0): Sexpr => ["v128.load", ...offsetOf(offset), "align=4", i32Const(address)],
  splat32: (address: I32, offset = 0): Sexpr => ["v128.load32_splat", ...offsetOf(offset), i32Const(address)],
  store: (address: I32, value: Sexpr, offset = 0): Sexpr => ["v128.store", ...offsetOf(offset), "align=4", i32Const(address), value],
  store32: (lane: number, address: I32, value: Sexpr, offset = 0): Sexpr => ["v128.store32_lane", ...offsetOf(offset), String(lane), i32Const(address), value],
  /** The first `count` (1 to 3) floats from memory, zeros behind. */
  loadPart: (count: number, address: I32, offset = 0): Sexpr => {
    if (count === 1) return ["v128.load32_zero", ...offsetOf(offset), i32Const(address)];
    const two: Sexpr = ["v128.load64_zero", ...offsetOf(offset), "align=4", i32Const(address)];
    return count === 2 ? two : ["v128.load32_lane", ...offsetOf(offset + 8), "2", i32Const(address), two];
  },
  bitselect: (a: Sexpr, b: Sexpr, mask: Sexpr): Sexpr => ["v128.bitselect", a, b, mask],
};

/** A number as WebAssembly text. */
export function float(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

const WIDTH = 110;

/** Text of an S-expression, indented by two spaces a level. Words that begin with `;;` are comments of their own line. */
export function printSexpr(expr: Sexpr, indent = 0): string {
  if (typeof expr === "string") return expr;
  const flat = printFlat(expr);
  if (flat !== undefined && flat.length + indent <= WIDTH) return flat;
  const pad = " ".repeat(indent + 2);
  let head = 0;
  while (head < expr.length && typeof expr[head] === "string" && !isComment(expr[head]!)) head++;
  const rest = expr.slice(head).map((e) => `\n${pad}${printSexpr(e, indent + 2)}`);
  const closed = isComment(expr.at(-1) ?? "") ? `\n${" ".repeat(indent)})` : ")";
  return `(${expr.slice(0, head).join(" ")}${rest.join("")}${closed}`;
}

const isComment = (e: Sexpr): boolean => typeof e === "string" && e.startsWith(";;");
/** Constructs that read better over several lines, however short. */
const BLOCKS = new Set(["loop", "block", "if", "then", "else", "func", "module"]);

function printFlat(expr: Sexpr): string | undefined {
  if (typeof expr === "string") return isComment(expr) ? undefined : expr;
  if (typeof expr[0] === "string" && BLOCKS.has(expr[0])) return undefined;
  const parts: string[] = [];
  for (const e of expr) {
    const text = printFlat(e);
    if (text === undefined) return undefined;
    parts.push(text);
  }
  return `(${parts.join(" ")})`;
}
