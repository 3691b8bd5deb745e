import { int, u32 } from "../literal.ts";
import type { Name } from "../namer.ts";
import { repeat, wgsl, type Hole, type Wgsl } from "../template.ts";
import { acc } from "./epilogue.ts";
import type { TileShape } from "./shape.ts";

/** A product of rows with a weight matrix, added to the accumulators, input channel by input channel. */
export interface Product {
  readonly shape: TileShape;
  /** Column groups of this stage. */
  readonly groups: number;
  /** Input channels. */
  readonly channels: number;
  /** Columns of the weight matrix in quads. */
  readonly stride: number;
  readonly params: Name;
  /** Index in params (in quads) of the matrix' first row; the same for the whole workgroup. */
  readonly weight: Wgsl;
  /** Where the first quad of channels lies in the rows' array, and how far the next. */
  readonly start: Wgsl;
  readonly step: number;
  /** Four channels of the invocation's row r, `ahead` quads after the current one, whose position is `s`. */
  readonly row: (r: number, ahead: number) => Wgsl;
  /** Where a round's quads are loaded at once: the statements that do it, and the row's quad out of them. */
  readonly round?: { readonly load: Hole; readonly row: (r: number, ahead: number) => Wgsl };
}

/**
 * The whole matrix; a last, incomplete quad of channels takes only those that exist. The loop runs over positions, not
 * over a constant range: compilers that unroll eagerly would make it the larger part of a network's start-up time.
 */
export function multiply(product: Product): Hole {
  const whole = Math.floor(product.channels / 4);
  const rest = product.channels % 4;
  const { weight, start, stride, step } = product;
  if (whole === 0) {
    return wgsl`
      {
        let k = ${weight};
        let s = ${start};
        ${quadProduct(product, rest)}
      }`;
  }
  return [
    wgsl`
      {
        var s = ${start};
        var k = ${weight};
        let end = k + ${u32(whole * 4 * stride)};
        for (; k < end; k += ${u32(4 * stride)}) {
          ${quadProduct(product, 4)}
          s += ${u32(step)};
        }
        ${rest === 0 ? undefined : quadProduct(product, rest)}
      }`,
  ];
}

/** As {@link multiply} for quads [q0, q0 + chunk) of the matrix, which are staged from 0 on; q0 is a variable. */
export function multiplyChunk(product: Product, chunk: number): Hole {
  const whole = Math.floor(product.channels / 4);
  const rest = product.channels % 4;
  const { weight, start, stride, step } = product;
  return wgsl`
    {
      var s = ${start};
      var k = ${weight} + q0 * ${u32(4 * stride)};
      let end = ${weight} + min(q0 + ${u32(chunk)}, ${u32(whole)}) * ${u32(4 * stride)};
      for (; k < end; k += ${u32(4 * stride)}) {
        ${quadProduct(product, 4)}
        s += ${u32(step)};
      }
      ${rest === 0 ? undefined : wgsl`
        if (q0 + ${u32(chunk)} > ${u32(whole)}) {
          ${quadProduct(product, rest)}
        }`}
    }`;
}

/**
 * As {@link multiply}, a part of the matrix: whole quads of channels `unroll` at a time, so that their loads are on the way
 * together, steps [part·n, (part + 1)·n) of them, and what is left over by the last of `parts`. `part` is a variable.
 */
export function multiplyPart(product: Product, unroll: number, parts: number): Hole {
  const { weight, start, stride, step } = product;
  const quads = Math.ceil(product.channels / 4);
  const steps = Math.floor(Math.floor(product.channels / 4) / unroll);
  const each = Math.ceil(steps / parts);
  const leap = 4 * stride;
  const inRound = { ...product, row: product.round?.row ?? product.row };
  const rest = Array.from({ length: quads - steps * unroll }, (_, i): Hole => {
    const q = steps * unroll + i;
    return wgsl`
      {
        let k = ${weight} + ${u32(q * leap)};
        let s = ${start} + ${u32(q * step)};
        ${quadProduct(product, Math.min(4, product.channels - 4 * q))}
      }`;
  });
  const loop = wgsl`
    {
      ${parts === 1 ? wgsl`let begin = 0u;` : wgsl`let begin = part * ${u32(each)};`}
      var s = ${start} + begin * ${u32(unroll * step)};
      var k = ${weight} + begin * ${u32(unroll * leap)};
      let end = ${weight} + ${parts === 1 ? u32(steps * unroll * leap) : wgsl`min(begin + ${u32(each)}, ${u32(steps)}) * ${u32(unroll * leap)}`};
      for (; k < end; k += ${u32(unroll * leap)}) {
        ${product.round?.load}
        ${repeat(unroll, (i) => quadProduct(inRound, 4, i))}
        s += ${u32(unroll * step)};
      }
    }`;
  return [
    steps === 0 ? undefined : loop,
    rest.length === 0 || parts === 1 ? rest : wgsl`
      if (part == ${u32(parts - 1)}) {
        ${rest}
      }`,
  ];
}

/** `ahead`: quads from the current one on. */
function quadProduct(product: Product, channels: number, ahead = 0): Hole {
  const { shape, groups, stride, params } = product;
  const rows = Array.from({ length: shape.perThread }, (_, r) => r);
  const a = (r: number): Wgsl => wgsl`a${int(r)}${ahead === 0 ? undefined : wgsl`_${int(ahead)}`}`;
  return [
    rows.map((r) => wgsl`let ${a(r)} = ${product.row(r, ahead)};`),
    repeat(channels, (c) =>
      repeat(groups, (g) => {
        const offset = (4 * ahead + c) * stride + g * shape.threads;
        const w = wgsl`w${int(4 * ahead + c)}_${int(g)}`;
        return [
          wgsl`let ${w} = ${params}[k + quad0${offset === 0 ? undefined : wgsl` + ${u32(offset)}`}];`,
          rows.map((r) => wgsl`${acc(r, g)} += ${a(r)}[${int(c)}] * ${w};`),
        ];
      }),
    ),
  ];
}
