import { RECORD_ROWS } from "../../../runtime/geometry/record.ts";
import { u32 } from "../literal.ts";
import { name } from "../namer.ts";
import type { ConvSpec, ConvTerm, Kernel } from "../spec.ts";
import { comment, repeat, wgsl, type Hole, type Wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { acc, epilogue, epilogueWindows, quadOffset, type TileContext } from "./epilogue.ts";
import { globalRow, newBindings, rowInside, rowKernel } from "./frame.ts";
import { rowStride, stagingOf, type Staging } from "./gather.ts";
import { multiply, multiplyChunk, type Product } from "./multiply.ts";
import { Rulebook } from "./rulebook.ts";
import { columnTiles, groupsOf, quadsOf, rowThreads, WORKGROUP_BYTES, workgroupSize, type TileShape } from "./shape.ts";

/** Taps of all terms at most: their masks lie in workgroup memory. */
export const PACKED_TAPS = 128;

/** Bytes of the masks, and of the two lists of rows. */
const LIST_BYTES = 4 * (PACKED_TAPS + 2 * (RECORD_ROWS + 1));

/** Whether a convolution can be computed so: its sums, a quad of channels and the lists fit on chip. */
export function fitsPacked(spec: Pick<ConvSpec, "terms" | "columns" | "epilogue">, shape: TileShape): boolean {
  const taps = spec.terms.reduce((n, t) => n + (t.map?.taps.length ?? 1), 0);
  return taps <= PACKED_TAPS && spec.epilogue.every((e) => e.do !== "linear") && stagedQuads(shape, tileQuads(spec, shape)) > 0;
}

/** Column quads of one workgroup, whole groups of them. */
function tileQuads({ columns: [from, to] }: Pick<ConvSpec, "columns">, shape: TileShape): number {
  return groupsOf(shape, Math.ceil(quadsOf(to - from) / columnTiles(to - from))) * shape.threads;
}

/** Quads of input channels that can be staged at once beside the sums, of which two buffers are held. */
const stagedQuads = (shape: TileShape, quads: number): number =>
  Math.min(8, Math.floor((WORKGROUP_BYTES - LIST_BYTES - 16 * quads * rowStride(shape)) / (32 * rowStride(shape))));

/**
 * The convolution of `convKernel` with the rows of each tap packed together: of a tap only the rows that have it are
 * gathered and multiplied, an invocation taking four of them or none. The tile's sums lie in workgroup memory, since
 * another invocation adds to a row at every tap; their order is that of the masked kernel, and so are the bits.
 * Algorithm: the packed lists of the CPU target (ADR 11); compare Tang et al., TorchSparse++ (2023), “fetch on demand”.
 */
export function packedConvKernel(spec: ConvSpec, shape: TileShape): Kernel {
  const [from, to] = spec.columns;
  const width = to - from;
  const tiles = columnTiles(width);
  const quads = tileQuads(spec, shape);
  const bindings = newBindings();
  const start = { from, width };
  const functions = new RowFunctions(bindings, [
    ...spec.terms.map((t) => ({ access: t.source, from: 0, width: t.source.channels })),
    ...epilogueWindows(spec.epilogue, start, spec.target),
  ]);
  const stagings = spec.terms.map((t) => stagingOf(shape, t.source.channels, 1, stagedQuads(shape, quads)));
  const half = Math.max(...stagings.map((s) => s.size));
  const groups = quads / shape.threads;
  const context: TileContext = { bindings, functions, shape, tiles, row: globalRow(shape), stored: rowInside(shape) };
  const books = spec.terms.map((t) => (t.map === undefined ? undefined : new Rulebook(bindings, t.map)));
  const starts = spec.terms.map((_, i) => books.slice(0, i).reduce((n, b) => n + (b?.taps ?? 1), 0));
  const text = new PackedText(context, groups, half, start.width);
  const body = [
    wgsl`
      var phase = 0u;
      var turn = 0u;
      let first = row_lane * ${u32(shape.perThread)};
      let column = ${shape.threads === 1 ? wgsl`0u` : wgsl`lane % ${u32(shape.threads)}`};`,
    text.each((r, g) => wgsl`${text.own(r, g)} = vec4f();`),
    spec.terms.map((_, i) => masksOf(shape, books[i], starts[i]!)),
    wgsl`workgroupBarrier();`,
    spec.terms.map((t, i) => text.term(t, i, books[i], starts[i]!, stagings[i]!)),
    wgsl`workgroupBarrier();`,
    text.each((r, g) => wgsl`var ${acc(r, g)} = ${text.own(r, g)};`),
    epilogue(context, spec.epilogue, start, spec.target),
  ];
  const kernel = rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles, tileQuads: quads, rows: spec.rows, tileSize: 2 * half,
    declarations: [
      wgsl`var<workgroup> sums: array<vec4f, ${u32(quads * rowStride(shape))}>;`,
      wgsl`var<workgroup> masks: array<u32, ${u32(PACKED_TAPS)}>;`,
      wgsl`var<workgroup> slots: array<u32, ${u32(2 * rowStride(shape))}>;`,
      functions.declarations,
    ],
    body,
  });
  return { ...kernel, workgroupBytes: kernel.workgroupBytes + 16 * quads * rowStride(shape) + LIST_BYTES };
}

/** Puts the mask of each tap's rows into workgroup memory; without a rulebook every row has the one tap. */
function masksOf(shape: TileShape, book: Rulebook | undefined, start: number): Hole {
  if (book === undefined) return wgsl`if (lane == 0u) { masks[${u32(start)}] = select(0xffffffffu, (1u << (min(rows - row0, 31u))) - 1u, rows - row0 < 32u); }`;
  return wgsl`
    for (var t = lane; t < ${u32(book.taps)}; t += ${u32(workgroupSize(shape))}) {
      var found = 0u;
      for (var r = 0u; r < 32u; r++) {
        if (${book.entry(wgsl`(row0 + r)`, wgsl`t`)} != 0u) { found |= 1u << r; }
      }
      masks[${u32(start)} + t] = found;
    }`;
}

class PackedText {
  readonly #context: TileContext;
  readonly #shape: TileShape;
  readonly #groups: number;
  readonly #half: number;
  readonly #columns: number;

  constructor(context: TileContext, groups: number, half: number, columns: number) {
    this.#context = context;
    this.#shape = context.shape;
    this.#groups = groups;
    this.#half = half;
    this.#columns = columns;
  }

  each(statement: (r: number, g: number) => Wgsl): Hole {
    return repeat(this.#shape.perThread, (r) => repeat(this.#groups, (g) => statement(r, g)));
  }

  /** The sum of the row and quad that the invocation finishes. */
  own(r: number, g: number): Wgsl {
    return this.#sum(g, wgsl`row_lane + ${u32(r * rowThreads(this.#shape))}`);
  }

  term(t: ConvTerm, index: number, book: Rulebook | undefined, start: number, staging: Staging): Hole {
    const { channels } = t.source;
    const note = comment([`Term ${index}: ${channels} channels of ${t.source.role}, ${book === undefined ? "its own row" : `the rows of ${book.taps} taps of ${t.map!.role}, packed`}.`]);
    if (book === undefined) {
      return wgsl`
        {
          ${note}
          let tap = 0u;
          ${this.#tap(t, book, start, staging)}
        }`;
    }
    return wgsl`
      ${note}
      for (var tap = 0u; tap < ${u32(book.taps)}; tap++) {
        if (${book.present(wgsl`(row0 >> 5u)`, wgsl`tap`)} != 0u) {
          ${this.#tap(t, book, start, staging)}
        }
      }`;
  }

  #tap(t: ConvTerm, book: Rulebook | undefined, start: number, staging: Staging): Hole {
    const { channels } = t.source;
    const all = quadsOf(channels);
    const { chunk } = staging;
    const single = chunk >= all;
    const stride = quadsOf(this.#columns);
    const product: Product = {
      shape: this.#shape, groups: this.#groups, channels, stride, params: this.#context.bindings.params(),
      weight: wgsl`${quadOffset(t.weight)} + tap * ${u32(channels * stride)}`,
      start: wgsl`phase`, step: rowStride(this.#shape),
      row: (r) => wgsl`tile[s + first + ${u32(r)}]`,
    };
    const slotOf = (r: number): Wgsl => wgsl`${name(`n${r}`)}`;
    const rows = Array.from({ length: this.#shape.perThread }, (_, r) => r);
    // Registers live in one round only: what stays in them across loops takes compilers for CPUs minutes.
    const body = wgsl`
      ${this.#stage(t, book, chunk, single ? wgsl`q` : wgsl`q0 + q`)}
      // At most one round: such compilers leave a loop when no invocation is in it, but walk through a branch.
      for (var at = first; at < count; at += 32u) {
        ${rows.map((r) => wgsl`let ${slotOf(r)} = select(32u, slots[turn + first + ${u32(r)}], first + ${u32(r)} < count);`)}
        ${this.each((r, g) => wgsl`var ${acc(r, g)} = ${this.#sum(g, slotOf(r))};`)}
        ${single ? multiply(product) : multiplyChunk(product, chunk)}
        ${this.each((r, g) => wgsl`${this.#sum(g, slotOf(r))} = ${acc(r, g)};`)}
      }
      phase = ${u32(this.#half)} - phase;`;
    return wgsl`
      let mask = masks[${u32(start)} + tap];
      let count = countOneBits(mask);
      ${single ? body : wgsl`
        for (var q0 = 0u; q0 < ${u32(all)}; q0 += ${u32(chunk)}) {
          ${body}
        }`}
      turn = ${u32(rowStride(this.#shape))} - turn;`;
  }

  /** Copies the rows that have the tap side by side, notes which they are, and waits for all. */
  #stage(t: ConvTerm, book: Rulebook | undefined, chunk: number, quad: Wgsl): Hole {
    const load = this.#context.functions.load({ access: t.source, from: 0, width: t.source.channels });
    return wgsl`
      for (var i = lane; i < ${u32(chunk * RECORD_ROWS)}; i += ${u32(workgroupSize(this.#shape))}) {
        let q = ${chunk === 1 ? wgsl`0u` : wgsl`i % ${u32(chunk)}`};
        let r = ${chunk === 1 ? wgsl`i` : wgsl`i / ${u32(chunk)}`};
        if (((mask >> r) & 1u) != 0u) {
          let slot = countOneBits(mask & ((1u << r) - 1u));
          tile[phase + q * ${u32(rowStride(this.#shape))} + slot] = ${load}(${book === undefined ? wgsl`row0 + r` : wgsl`${book.entry(wgsl`(row0 + r)`, wgsl`tap`)} - 1u`}, ${quad});
          if (q == 0u) { slots[turn + slot] = r; }
        }
      }
      workgroupBarrier();`;
  }

  #sum(g: number, row: Wgsl): Wgsl {
    return wgsl`sums[(column + ${u32(g * this.#shape.threads)}) * ${u32(rowStride(this.#shape))} + ${row}]`;
  }
}
