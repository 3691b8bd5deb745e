import { RECORD_ROWS } from "../../../runtime/geometry/record.ts";
import { u32 } from "../literal.ts";
import { name } from "../namer.ts";
import type { ConvSpec, ConvTerm, Kernel } from "../spec.ts";
import { comment, repeat, wgsl, type Hole, type Wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { acc, epilogue, epilogueWindows, quadOffset, type TileContext } from "./epilogue.ts";
import { globalRow, newBindings, rowInside, rowKernel } from "./frame.ts";
import { rowStride } from "./gather.ts";
import { multiplyPart, type Product } from "./multiply.ts";
import { Rulebook } from "./rulebook.ts";
import { MOST_INVOCATIONS, quadsOf, WORKGROUP_BYTES, type TileChoice, type TileShape } from "./shape.ts";

export type StreamedTile = Extract<TileChoice, { readonly dataflow: "streamed" }>;

/** Rows that an invocation takes of a tap's list, or none. */
const ROWS = 4;

/** Quads of channels whose loads are on the way together. */
const UNROLL = 2;

/** Words of a tap's list: one more than rows keeps lists that are made side by side off one bank. */
const LIST = RECORD_ROWS + 1;

/** Invocations of a workgroup: those of all parts. */
const lanesOf = (tile: StreamedTile): number => (RECORD_ROWS / ROWS) * tile.threads * tile.splits;

/** How the tile divides columns and memory. */
interface Layout {
  /** Column tiles, each its own workgroup; quads of columns of one, and of one invocation. */
  readonly tiles: number;
  readonly quads: number;
  readonly groups: number;
  /** Lists of all terms: one per tap. */
  readonly lists: number;
  /** vec4 of the sums, and bytes of workgroup memory in all. */
  readonly sums: number;
  readonly bytes: number;
}

function layoutOf({ terms, columns: [from, to] }: Pick<ConvSpec, "terms" | "columns">, tile: StreamedTile): Layout {
  const all = quadsOf(to - from);
  const tiles = Math.ceil(all / (tile.threads * tile.groups));
  const groups = Math.ceil(Math.ceil(all / tiles) / tile.threads);
  const quads = groups * tile.threads;
  const lists = terms.reduce((n, t) => n + (t.map?.taps.length ?? 1), 0);
  const sums = tile.splits * quads * (RECORD_ROWS + 1);
  return { tiles, quads, groups, lists, sums, bytes: 16 * sums + 4 * lists * (LIST + 1) };
}

/** Whether a convolution can be computed so: its sums and lists fit on chip, and there are channels to split. */
export function fitsStreamed(spec: Pick<ConvSpec, "terms" | "columns" | "epilogue">, tile: StreamedTile): boolean {
  const split = tile.splits === 1 || spec.terms.every((t) => t.source.channels >= 4 * UNROLL * tile.splits);
  return split && lanesOf(tile) <= MOST_INVOCATIONS && spec.epilogue.every((e) => e.do !== "linear") && layoutOf(spec, tile).bytes <= WORKGROUP_BYTES;
}

/**
 * The convolution of `convKernel` with the rows of each tap in a list of its own, made once, and no staging: an invocation
 * reads four rows of the list where they are, channels after channels, and weights beside them; loads of several quads are
 * on the way together, and neighbours that read the same rows share them in the cache. Sums lie in workgroup memory, since
 * another invocation adds to a row at the next tap. With `splits` parts of a tile's invocations take parts of the channels,
 * each with sums of its own, which are added up in order at the end: for layers of few rows and many channels, which
 * otherwise have too few invocations for a GPU. Without, sums go in the masked kernel's order.
 * Compare: stream-K and split-K, Osama et al. (2023).
 */
export function streamedConvKernel(spec: ConvSpec, tile: StreamedTile): Kernel {
  const [from, to] = spec.columns;
  const start = { from, width: to - from };
  const layout = layoutOf(spec, tile);
  // Parts of the channels are further lanes along the rows, so that all of them finish rows.
  const shape: TileShape = { rows: RECORD_ROWS, perThread: ROWS / tile.splits, threads: tile.threads };
  const bindings = newBindings();
  const functions = new RowFunctions(bindings, [
    ...spec.terms.map((t) => ({ access: t.source, from: 0, width: t.source.channels })),
    ...epilogueWindows(spec.epilogue, start, spec.target),
  ]);
  const context: TileContext = { bindings, functions, shape, tiles: layout.tiles, row: globalRow(shape), stored: rowInside(shape) };
  const books = spec.terms.map((t) => (t.map === undefined ? undefined : new Rulebook(bindings, t.map)));
  const starts = spec.terms.map((_, i) => books.slice(0, i).reduce((n, b) => n + (b?.taps ?? 1), 0));
  const text = new StreamedText(context, layout, tile, start.width);
  const body = [
    wgsl`
      let column = ${tile.threads === 1 ? wgsl`0u` : wgsl`lane % ${u32(tile.threads)}`};
      ${tile.splits === 1 ? undefined : wgsl`let part = row_lane / ${u32(RECORD_ROWS / ROWS)};`}
      let first = ${tile.splits === 1 ? wgsl`row_lane` : wgsl`(row_lane % ${u32(RECORD_ROWS / ROWS)})`} * ${u32(ROWS)};`,
    text.clear(),
    spec.terms.map((_, i) => text.entries(books[i], starts[i]!)),
    wgsl`workgroupBarrier();`,
    text.compact(),
    wgsl`workgroupBarrier();`,
    spec.terms.map((t, i) => text.term(t, i, books[i], starts[i]!)),
    text.finish(),
    epilogue(context, spec.epilogue, start, spec.target),
  ];
  const kernel = rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles: layout.tiles, tileQuads: layout.quads, rows: spec.rows, tileSize: 0,
    declarations: [
      wgsl`var<workgroup> sums: array<vec4f, ${u32(layout.sums)}>;`,
      wgsl`var<workgroup> lists: array<u32, ${u32(layout.lists * LIST)}>;`,
      wgsl`var<workgroup> counts_: array<u32, ${u32(layout.lists)}>;`,
      functions.declarations,
    ],
    body,
  });
  return { ...kernel, workgroupBytes: layout.bytes };
}

class StreamedText {
  readonly #context: TileContext;
  readonly #layout: Layout;
  readonly #tile: StreamedTile;
  readonly #columns: number;

  constructor(context: TileContext, layout: Layout, tile: StreamedTile, columns: number) {
    this.#context = context;
    this.#layout = layout;
    this.#tile = tile;
    this.#columns = columns;
  }

  get #lanes(): number {
    return lanesOf(this.#tile);
  }

  clear(): Hole {
    return wgsl`
      for (var i = lane; i < ${u32(this.#layout.sums)}; i += ${u32(this.#lanes)}) {
        sums[i] = vec4f();
      }`;
  }

  /** The entries of the tile's rows, tap by tap, side by side as they lie in the rulebook. */
  entries(book: Rulebook | undefined, start: number): Hole {
    const taps = book?.taps ?? 1;
    const entry = book === undefined ? wgsl`select(0u, row0 + r + 1u, row0 + r < rows)` : book.entry(wgsl`(row0 + r)`, wgsl`t`);
    return wgsl`
      for (var i = lane; i < ${u32(taps * RECORD_ROWS)}; i += ${u32(this.#lanes)}) {
        let r = i % ${u32(RECORD_ROWS)};
        let t = i / ${u32(RECORD_ROWS)};
        lists[(${u32(start)} + t) * ${u32(LIST)} + r] = ${entry};
      }`;
  }

  /** Leaves out rows that lack the tap: an item of a list is 32 · input row + row of the tile. */
  compact(): Hole {
    return wgsl`
      for (var t = lane; t < ${u32(this.#layout.lists)}; t += ${u32(this.#lanes)}) {
        var count = 0u;
        for (var r = 0u; r < ${u32(RECORD_ROWS)}; r++) {
          let entry = lists[t * ${u32(LIST)} + r];
          if (entry != 0u) {
            lists[t * ${u32(LIST)} + count] = ((entry - 1u) << 5u) | r;
            count++;
          }
        }
        counts_[t] = count;
      }`;
  }

  term(t: ConvTerm, index: number, book: Rulebook | undefined, start: number): Hole {
    const { channels } = t.source;
    const note = comment([`Term ${index}: ${channels} channels of ${t.source.role}, ${book === undefined ? "its own row" : `the rows of ${book.taps} taps of ${t.map!.role}, from lists`}.`]);
    if (book === undefined) {
      return wgsl`
        {
          ${note}
          let tap = 0u;
          ${this.#tap(t, start)}
        }`;
    }
    return wgsl`
      ${note}
      for (var tap = 0u; tap < ${u32(book.taps)}; tap++) {
        if (${book.present(wgsl`(row0 >> 5u)`, wgsl`tap`)} != 0u) {
          ${this.#tap(t, start)}
        }
      }`;
  }

  #tap(t: ConvTerm, start: number): Hole {
    const { channels } = t.source;
    const stride = quadsOf(this.#columns);
    const load = this.#context.functions.load({ access: t.source, from: 0, width: channels });
    const rows = Array.from({ length: ROWS }, (_, r) => r);
    const item = (r: number): Wgsl => wgsl`${name(`e${r}`)}`;
    const slot = (r: number): Wgsl => wgsl`${name(`n${r}`)}`;
    const product: Product = {
      shape: { rows: RECORD_ROWS, perThread: ROWS, threads: this.#tile.threads }, groups: this.#layout.groups, channels, stride, params: this.#context.bindings.params(),
      weight: wgsl`${quadOffset(t.weight)} + tap * ${u32(channels * stride)}`,
      start: wgsl`0u`, step: 1,
      row: (r, ahead) => wgsl`${load}(${item(r)} >> 5u, s${ahead === 0 ? undefined : wgsl` + ${u32(ahead)}`})`,
    };
    const list = wgsl`(${u32(start)} + tap) * ${u32(LIST)}`;
    return wgsl`
      let count = counts_[${u32(start)} + tap];
      // At most one round: compilers for CPUs leave a loop when no invocation is in it, but walk through a branch.
      for (var at = first; at < count; at += ${u32(RECORD_ROWS)}) {
        ${rows.map((r) => wgsl`let ${item(r)} = lists[${list} + min(first + ${u32(r)}, count - 1u)];`)}
        ${rows.map((r) => wgsl`let ${slot(r)} = select(${u32(RECORD_ROWS)}, ${item(r)} & 31u, first + ${u32(r)} < count);`)}
        ${this.#each(ROWS, (r, g) => wgsl`var ${acc(r, g)} = ${this.#sum(this.#part, g, slot(r))};`)}
        ${multiplyPart(product, UNROLL, this.#tile.splits)}
        ${this.#each(ROWS, (r, g) => wgsl`${this.#sum(this.#part, g, slot(r))} = ${acc(r, g)};`)}
      }
      workgroupBarrier();`;
  }

  /** The sums of the rows and quads that the invocation finishes, parts in order. */
  finish(): Hole {
    const { perThread, threads } = this.#context.shape;
    const step = RECORD_ROWS / perThread;
    return this.#each(perThread, (r, g) => {
      const row = r === 0 ? wgsl`row_lane` : wgsl`row_lane + ${u32(r * step)}`;
      const parts = Array.from({ length: this.#tile.splits }, (_, p) => this.#sum(p === 0 ? undefined : u32(p * threads * this.#layout.groups), g, row));
      return wgsl`var ${acc(r, g)} = ${parts.reduce((sum, part) => wgsl`${sum} + ${part}`)};`;
    });
  }

  #each(rows: number, statement: (r: number, g: number) => Wgsl): Hole {
    return repeat(rows, (r) => repeat(this.#layout.groups, (g) => statement(r, g)));
  }

  /** Quads before those of the invocation's part; undefined where there is one part only. */
  get #part(): Hole {
    return this.#tile.splits === 1 ? undefined : wgsl`part * ${u32(this.#layout.quads)}`;
  }

  #sum(before: Hole, g: number, row: Wgsl): Wgsl {
    const quad = g === 0 ? wgsl`column` : wgsl`column + ${u32(g * this.#tile.threads)}`;
    return wgsl`sums[(${before === undefined ? quad : wgsl`${before} + ${quad}`}) * ${u32(rowStride(this.#context.shape))} + ${row}]`;
  }
}
