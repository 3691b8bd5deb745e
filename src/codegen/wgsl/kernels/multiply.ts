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
  /** Four channels of the invocation's row r; `s` is the position of the current quad. */
  readonly row: (r: number) => Wgsl;
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

function quadProduct(product: Product, channels: number): Hole {
  const { shape, groups, stride, params } = product;
  const rows = Array.from({ length: shape.perThread }, (_, r) => r);
  return [
    rows.map((r) => wgsl`let a${int(r)} = ${product.row(r)};`),
    repeat(channels, (c) =>
      repeat(groups, (g) => {
        const offset = c * stride + g * shape.threads;
        return [
          wgsl`let w${int(c)}_${int(g)} = ${params}[k + quad0${offset === 0 ? undefined : wgsl` + ${u32(offset)}`}];`,
          rows.map((r) => wgsl`${acc(r, g)} += a${int(r)}[${int(c)}] * w${int(c)}_${int(g)};`),
        ];
      }),
    ),
  ];
}
