import { haloShape } from "../../../runtime/geometry/index.ts";
import { u32 } from "../literal.ts";
import { name, type Name } from "../namer.ts";
import { pad4, type Kernel, type PairSpec } from "../spec.ts";
import { repeat, wgsl, type Hole, type Wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { acc, declareAccumulators, epilogue, epilogueWindows, quad, quadOffset, type TileContext } from "./epilogue.ts";
import { newBindings, rowKernel } from "./frame.ts";
import { gather, stagingOf } from "./gather.ts";
import { multiply } from "./multiply.ts";
import { RECORD, Rulebook } from "./rulebook.ts";
import { chooseShape, groupsOf, quadsOf, rowThreads, type TileShape } from "./shape.ts";

/** Quads of input channels staged at once for the first convolution: what remains beside the rows between. */
const PAIR_STAGED_QUADS = 3;

/**
 * Two submanifold convolutions on one rulebook. A workgroup owns a record of 32 rows and goes through it in parts: it
 * computes the first convolution and its epilogue for every row of the part's halo, 32 at a time, keeps them in
 * workgroup memory, and computes the second convolution for the part's own rows from there. Position 0 of the rows
 * between is zero and stands for “no pair”. Each product sums by tap, then input channel, as two kernels would.
 */
export function pairKernel(spec: PairSpec): Kernel {
  const shape = chooseShape([quadsOf(spec.middle), quadsOf(spec.cout)]);
  const bindings = newBindings();
  const functions = new RowFunctions(bindings, [
    { access: spec.source, from: 0, width: spec.source.channels },
    ...epilogueWindows(spec.first, { from: 0, width: spec.middle }, undefined),
    ...epilogueWindows(spec.second, { from: 0, width: spec.cout }, spec.target),
  ]);
  const pair = new PairText(spec, shape, new Rulebook(bindings, spec.map), bindings.use(spec.halo.role, "read", wgsl`array<u32>`), {
    bindings, functions, shape, tiles: 1, row: () => wgsl``, stored: () => wgsl``,
  });
  const staging = stagingOf(shape, spec.source.channels, spec.map.taps.length, PAIR_STAGED_QUADS);
  const rowsBetween = quadsOf(spec.middle) * pair.stride;
  const body = pair.body(staging);
  if (spec.half === true) bindings.useHalves();
  const kernel = rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles: 1, tileQuads: shape.threads, rows: spec.rows, tileSize: 2 * staging.size,
    declarations: [wgsl`var<workgroup> middle: array<${pair.type}, ${u32(rowsBetween)}>;`, functions.declarations],
    body,
  });
  return { ...kernel, workgroupBytes: kernel.workgroupBytes + rowsBetween * (spec.half === true ? 8 : 16) };
}

class PairText {
  /** Rows between, and one that is zero. */
  readonly stride: number;
  readonly #spec: PairSpec;
  readonly #shape: TileShape;
  readonly #rulebook: Rulebook;
  readonly #halo: Name;
  readonly #context: TileContext;

  constructor(spec: PairSpec, shape: TileShape, rulebook: Rulebook, halo: Name, context: TileContext) {
    this.stride = spec.halo.capacity + 1;
    this.#spec = spec;
    this.#shape = shape;
    this.#rulebook = rulebook;
    this.#halo = halo;
    this.#context = context;
  }

  /** Four numbers of a row between. */
  get type(): Wgsl {
    return this.#spec.half === true ? wgsl`vec4h` : wgsl`vec4f`;
  }

  body(staging: ReturnType<typeof stagingOf>): Hole {
    const { words, starts } = haloShape(this.#spec.map.stored);
    const zeros = repeat(groupsOf(this.#shape, quadsOf(this.#spec.middle)), (g) =>
      wgsl`if (row_lane == 0u && ${quad(this.#shape, g)} < ${u32(quadsOf(this.#spec.middle))}) { middle[(${quad(this.#shape, g)}) * ${u32(this.stride)}] = ${this.type}(); }`,
    );
    return wgsl`
      let base = (row0 >> 5u) * ${u32(words)};
      let split = ${this.#halo}[base];
      let own = ${u32(RECORD)} / split;
      var phase = 0u;
      ${zeros}
      for (var part = 0u; part < split; part++) {
        let halo0 = ${this.#halo}[base + ${u32(starts)} + part];
        let last = ${this.#halo}[base + ${u32(starts + 1)} + part];
        let low = row0 + part * own;
        for (var first = halo0; first < last; first += ${u32(RECORD)}) {
          ${this.#between(staging)}
        }
        workgroupBarrier();
        ${this.#result()}
        workgroupBarrier();
      }`;
  }

  /** Row of the tile that belongs to the invocation's row r. */
  #local(r: number): Wgsl {
    return r === 0 ? wgsl`row_lane` : wgsl`row_lane + ${u32(r * rowThreads(this.#shape))}`;
  }

  /** Halo row + 1 at a position of the record's list, 0 beyond the part's end. */
  #haloRow(at: Wgsl): Wgsl {
    const { list } = haloShape(this.#spec.map.stored);
    return wgsl`select(0u, ${this.#halo}[base + ${u32(list)} + min(${at}, last - 1u)], ${at} < last)`;
  }

  /** The first convolution for 32 halo rows, its epilogue, and its rows put on chip. */
  #between(staging: ReturnType<typeof stagingOf>): Hole {
    const { source, middle, map, firstWeight, first } = this.#spec;
    const shape = this.#shape;
    const rows = Array.from({ length: shape.perThread }, (_, r) => r);
    const groups = groupsOf(shape, quadsOf(middle));
    const n = (r: number): Wgsl => wgsl`${name(`n${r}`)}`;
    const at = (r: number): Wgsl => wgsl`(first + ${this.#local(r)})`;
    const context: TileContext = {
      ...this.#context,
      row: (r) => wgsl`${n(r)} - 1u`,
      stored: (r) => wgsl`${n(r)} != 0u`,
      // A row is stored by the part that owns it: those come first in its list.
      emitted: (r) => wgsl`${at(r)} - halo0 < own && low + (${at(r)} - halo0) < rows`,
    };
    const put = (r: number, g: number): Wgsl => wgsl`if (${n(r)} != 0u) { middle[(${quad(shape, g)}) * ${u32(this.stride)} + ${at(r)} - halo0 + 1u] = ${this.type}(${acc(r, g)}); }`;
    return [
      declareAccumulators(shape, groups),
      gather({
        shape, staging, tile: name("tile"), half: staging.size, taps: map.taps.length, channels: source.channels,
        load: this.#context.functions.load({ access: source, from: 0, width: source.channels }),
        entry: (r, tap) => this.#inputOf(wgsl`${this.#haloRow(wgsl`(first + ${r})`)}`, tap),
        weight: firstWeight,
        product: { groups, stride: quadsOf(middle), params: this.#context.bindings.params() },
      }),
      rows.map((r) => wgsl`let ${name(`n${r}`)} = ${this.#haloRow(at(r))};`),
      epilogue(context, first, { from: 0, width: middle }, undefined),
      repeat(groups, (g) => wgsl`
        if (${quad(shape, g)} < ${u32(quadsOf(middle))}) {
          ${rows.map((r) => put(r, g))}
        }`),
    ];
  }

  /** Input row + 1 of a halo row (given + 1, or 0 for none) at a tap. */
  #inputOf(row: Wgsl, tap: Wgsl): Wgsl {
    return wgsl`select(0u, ${this.#rulebook.entry(wgsl`(max(${row}, 1u) - 1u)`, tap)}, ${row} != 0u)`;
  }

  /** The second convolution for the part's own rows from those on chip, its epilogue and the store. */
  #result(): Hole {
    const { cout, middle, map, secondWeight, second, target } = this.#spec;
    const shape = this.#shape;
    const { positions } = haloShape(map.stored);
    const rows = Array.from({ length: shape.perThread }, (_, r) => r);
    const groups = groupsOf(shape, quadsOf(cout));
    const inside = (r: number): Wgsl => wgsl`${this.#local(r)} < own && low + ${this.#local(r)} < rows`;
    const context: TileContext = { ...this.#context, row: (r) => wgsl`low + ${this.#local(r)}`, stored: inside };
    const position = (r: number): Wgsl =>
      wgsl`select(0u, (${this.#halo}[base + ${u32(positions)} + (tap >> 1u) * 32u + min(part * own + ${this.#local(r)}, 31u)] >> (16u * (tap & 1u))) & 0xffffu, ${this.#local(r)} < own)`;
    return wgsl`
      {
        ${declareAccumulators(shape, groups)}
        for (var tap = 0u; tap < ${u32(map.taps.length)}; tap++) {
          if (${this.#rulebook.present(wgsl`(row0 >> 5u)`, wgsl`tap`)} != 0u) {
            ${rows.map((r) => wgsl`let ${name(`n${r}`)} = ${position(r)};`)}
            ${multiply({
              shape, groups, channels: middle, stride: quadsOf(cout), params: this.#context.bindings.params(),
              weight: wgsl`${quadOffset(secondWeight)} + tap * ${u32(middle * (pad4(cout) / 4))}`,
              start: wgsl`0u`, step: this.stride,
              row: (r) => wgsl`vec4f(middle[s + ${name(`n${r}`)}])`,
            })}
          }
        }
        ${epilogue(context, second, { from: 0, width: cout }, target)}
      }`;
  }
}
