import { RECORD_ROWS } from "../../../runtime/geometry/record.ts";
import { u32 } from "../literal.ts";
import { name } from "../namer.ts";
import type { ConvSpec, ConvTerm, Kernel } from "../spec.ts";
import { comment, repeat, wgsl, type Hole, type Wgsl } from "../template.ts";
import { RowFunctions } from "./access.ts";
import { acc, epilogue, epilogueWindows, quadOffset, type TileContext } from "./epilogue.ts";
import { globalRow, newBindings, rowInside, rowKernel, type RowKernelParts } from "./frame.ts";
import { multiplyPart, type Product } from "./multiply.ts";
import { Rulebook } from "./rulebook.ts";
import { MOST_INVOCATIONS, quadsOf, TILE_COLUMNS, WORKGROUP_BYTES, type TileChoice, type TileShape } from "./shape.ts";

export type StreamedTile = Extract<TileChoice, { readonly dataflow: "streamed" }>;

/** Rows that an invocation takes of a tap's list, or none. */
const ROWS = 4;

/** Words of a tap's list: one more than rows keeps lists that are made side by side off one bank. */
const LIST = RECORD_ROWS + 1;

/** Workgroups of a launch below which halves of their columns are worth more workgroups: some for each core of a large GPU. */
const FEW_GROUPS = 256;

/** Invocations that read each other's values. */
const NEIGHBOURS = 4;

/** Most quads of columns in a tile. */
const MOST_QUADS = TILE_COLUMNS / 4;

/** Parts of a tile's invocations that work on parts of the channels at the same time. */
const sides = (tile: StreamedTile): number => (tile.folds ? 1 : tile.splits);

/** Invocations of a workgroup. */
const lanesOf = (tile: StreamedTile): number => (RECORD_ROWS / ROWS) * tile.threads * sides(tile);

/** Column tiles, lists and bytes of workgroup memory; lists of all terms: one per tap. */
interface Layout {
  readonly tiles: number;
  readonly lists: number;
  /** vec4 of the sums. */
  readonly sums: number;
  readonly bytes: number;
}

function layoutOf({ terms, columns: [from, to] }: Pick<ConvSpec, "terms" | "columns">, tile: StreamedTile): Layout {
  const lists = terms.reduce((n, t) => n + (t.map?.taps.length ?? 1), 0);
  const sums = sides(tile) * tile.threads * (RECORD_ROWS + 1);
  return { tiles: Math.ceil(quadsOf(to - from) / tile.threads), lists, sums, bytes: 16 * sums + 4 * lists * (LIST + 1) };
}

/** Whether a convolution can be computed so: its sums and lists fit on chip, into `bytes` of workgroup memory. */
export function fitsStreamed(spec: Pick<ConvSpec, "terms" | "columns" | "epilogue">, tile: StreamedTile, bytes = WORKGROUP_BYTES): boolean {
  // Neighbours have one row: those of a halved tile, too.
  if (tile.shares === true && (tile.ahead !== NEIGHBOURS || tile.threads % ((tile.folds ? 2 : 1) * NEIGHBOURS) !== 0)) return false;
  return lanesOf(tile) <= MOST_INVOCATIONS && spec.epilogue.every((e) => e.do !== "linear") && layoutOf(spec, tile).bytes <= bytes;
}

/** The tile for so many columns and input channels: equal column tiles; parts and loads as far as the channels reach. */
export function streamedTile(columns: number, channels: number): StreamedTile {
  const quads = quadsOf(columns);
  const threads = 2 * Math.ceil(Math.ceil(quads / Math.ceil(quads / MOST_QUADS)) / 2);
  const splits = channels >= 16 ? 2 : 1;
  return { threads, perThread: ROWS, dataflow: "streamed", splits, ahead: channels >= 32 ? 4 : 2, folds: splits === 2 && threads > 8 };
}

/**
 * The convolution of `convKernel` with the rows of each tap in a list of its own, made once, and no staging: an invocation
 * reads four rows of the list where they are, channels after channels, and weights beside them; loads of several quads are
 * on the way together, and neighbours that read the same rows share them in the cache. Sums lie in workgroup memory, since
 * another invocation adds to a row at the next tap.
 *
 * With `splits` each part of the channels has sums of its own, which are added up in order at the end. The parts are worked
 * on side by side, for layers of few rows, which otherwise have too few invocations for a GPU. Where the tile `folds`, the
 * launch decides: as it is, a workgroup has all columns of the tile and takes the parts one after the other; launched twice
 * (z = 2), it has half of the columns and both parts at once. The bits are the same.
 *
 * Where the tile `shares`, each of four neighbours, which have the same rows, loads one of the four quads that are next, and
 * they read them from each other: a quarter of the loads of rows. The bits are the same.
 * Compare: split-K, Osama et al., Stream-K (2023).
 */
export function streamedConvKernel(spec: ConvSpec, tile: StreamedTile): Kernel {
  const [from, to] = spec.columns;
  const start = { from, width: to - from };
  const layout = layoutOf(spec, tile);
  // Parts side by side are further lanes along the rows, so that all of them finish rows.
  const shape: TileShape = { rows: RECORD_ROWS, perThread: ROWS / sides(tile), threads: tile.threads };
  const bindings = newBindings();
  const functions = new RowFunctions(bindings, [
    ...spec.terms.map((t) => ({ access: t.source, from: 0, width: t.source.channels })),
    ...epilogueWindows(spec.epilogue, start, spec.target),
  ]);
  const inside = rowInside(shape);
  const stored = tile.folds ? (r: number): Wgsl => wgsl`side == 0u && ${inside(r)}` : inside;
  const context: TileContext = { bindings, functions, shape, tiles: layout.tiles, row: globalRow(shape), stored };
  const books = spec.terms.map((t) => (t.map === undefined ? undefined : new Rulebook(bindings, t.map)));
  const starts = spec.terms.map((_, i) => books.slice(0, i).reduce((n, b) => n + (b?.taps ?? 1), 0));
  const text = new StreamedText(context, layout, tile, start.width);
  const terms = spec.terms.map((t, i) => text.term(t, i, books[i], starts[i]!));
  const body = [
    text.places(),
    text.clear(),
    spec.terms.map((_, i) => text.entries(books[i], starts[i]!)),
    wgsl`workgroupBarrier();`,
    text.compact(),
    wgsl`workgroupBarrier();`,
    tile.folds ? text.folded(terms) : terms,
    tile.folds ? undefined : text.finish(),
    epilogue(context, spec.epilogue, start, spec.target),
  ];
  const kernel = rowKernel({
    name: spec.name, header: spec.header, bindings, shape, tiles: layout.tiles, tileQuads: tile.threads, rows: spec.rows, tileSize: 0,
    declarations: [
      wgsl`var<workgroup> sums: array<vec4f, ${u32(layout.sums)}>;`,
      wgsl`var<workgroup> lists: array<u32, ${u32(layout.lists * LIST)}>;`,
      wgsl`var<workgroup> counts_: array<u32, ${u32(layout.lists)}>;`,
      functions.declarations,
    ],
    ...(tile.shares === true ? { subgroups: true as const } : {}),
    ...(tile.folds ? { halves: text.halves(Math.ceil(FEW_GROUPS / layout.tiles) * RECORD_ROWS) } : {}),
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

  /** Rows and columns of an invocation where the launch decides how columns and parts are divided. */
  halves(below: number): NonNullable<RowKernelParts["halves"]> {
    const { threads } = this.#tile;
    return {
      below,
      before: wgsl`
        let halved = launched.z == 2u;
        let lanes = select(${u32(threads)}, ${u32(threads / 2)}, halved);
        let side = lane / (lanes * ${u32(RECORD_ROWS / ROWS)});`,
      rowLane: wgsl`(lane / lanes) % ${u32(RECORD_ROWS / ROWS)}`,
      column: wgsl`wg.z * ${u32(threads / 2)} + lane % lanes`,
    };
  }

  places(): Hole {
    const { threads, folds, splits } = this.#tile;
    const column = folds ? wgsl`lane % lanes` : threads === 1 ? wgsl`0u` : wgsl`lane % ${u32(threads)}`;
    const beside = !folds && splits > 1;
    return wgsl`
      let column = ${column};
      ${beside ? wgsl`let part = row_lane / ${u32(RECORD_ROWS / ROWS)};` : undefined}
      let first = ${beside ? wgsl`(row_lane % ${u32(RECORD_ROWS / ROWS)})` : wgsl`row_lane`} * ${u32(ROWS)};`;
  }

  /** The terms once per part, or once for all parts where the columns are halved; leaves the sums of all in the accumulators. */
  folded(terms: Hole): Hole {
    const rows = Array.from({ length: ROWS }, (_, r) => r);
    const kept = (r: number): Wgsl => wgsl`${name(`kept${r}`)}`;
    const own = (r: number): Wgsl => wgsl`column * ${u32(LIST)} + row_lane + ${u32((r * RECORD_ROWS) / ROWS)}`;
    return wgsl`
      ${rows.map((r) => wgsl`var ${kept(r)} = vec4f();`)}
      for (var pass_ = 0u; pass_ < select(2u, 1u, halved); pass_++) {
        let part = side + pass_;
        ${terms}
        if (pass_ == 0u && !halved) {
          ${rows.map((r) => wgsl`${kept(r)} = sums[${own(r)}];`)}
          ${rows.map((r) => wgsl`sums[${own(r)}] = vec4f();`)}
          workgroupBarrier();
        }
      }
      ${rows.map((r) => wgsl`var ${acc(r, 0)} = select(${kept(r)}, sums[${own(r)}], halved) + sums[${own(r)} + select(0u, lanes * ${u32(LIST)}, halved)];`)}`;
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
    const own = (r: number): Wgsl => wgsl`${name(`own${r}`)}`;
    const product: Product = {
      shape: { rows: RECORD_ROWS, perThread: ROWS, threads: this.#tile.threads }, groups: 1, channels, stride, params: this.#context.bindings.params(),
      weight: wgsl`${quadOffset(t.weight)} + tap * ${u32(channels * stride)}`,
      start: wgsl`0u`, step: 1,
      row: (r, ahead) => wgsl`${load}(${item(r)} >> 5u, s${ahead === 0 ? undefined : wgsl` + ${u32(ahead)}`})`,
      ...(this.#tile.shares === true
        ? {
            round: {
              load: rows.map((r) => wgsl`let ${own(r)} = ${load}(${item(r)} >> 5u, s + neighbour);`),
              row: (r: number, ahead: number): Wgsl => wgsl`quadBroadcast(${own(r)}, ${u32(ahead)})`,
            },
          }
        : {}),
    };
    const list = wgsl`(${u32(start)} + tap) * ${u32(LIST)}`;
    return wgsl`
      let count = counts_[${u32(start)} + tap];
      // At most one round: compilers for CPUs leave a loop when no invocation is in it, but walk through a branch.
      for (var at = first; at < count; at += ${u32(RECORD_ROWS)}) {
        ${rows.map((r) => wgsl`let ${item(r)} = lists[${list} + min(first + ${u32(r)}, count - 1u)];`)}
        ${rows.map((r) => wgsl`let ${slot(r)} = select(${u32(RECORD_ROWS)}, ${item(r)} & 31u, first + ${u32(r)} < count);`)}
        ${rows.map((r) => wgsl`var ${acc(r, 0)} = ${this.#sum(slot(r))};`)}
        ${multiplyPart(product, this.#tile.ahead, this.#tile.splits)}
        ${rows.map((r) => wgsl`${this.#sum(slot(r))} = ${acc(r, 0)};`)}
      }
      workgroupBarrier();`;
  }

  /** The sums of the rows that the invocation finishes, parts in order. */
  finish(): Hole {
    const { perThread, threads } = this.#context.shape;
    return repeat(perThread, (r) => {
      const row = wgsl`row_lane + ${u32((r * RECORD_ROWS) / perThread)}`;
      const parts = Array.from({ length: this.#tile.splits }, (_, p) => wgsl`sums[(column + ${u32(p * threads)}) * ${u32(LIST)} + ${row}]`);
      return wgsl`var ${acc(r, 0)} = ${parts.reduce((sum, part) => wgsl`${sum} + ${part}`)};`;
    });
  }

  /** The sum of a row of the tile in the invocation's part and column. */
  #sum(row: Wgsl): Wgsl {
    const { folds, splits, threads } = this.#tile;
    const quad = folds ? wgsl`(column + side * lanes)` : splits > 1 ? wgsl`(column + part * ${u32(threads)})` : wgsl`column`;
    return wgsl`sums[${quad} * ${u32(LIST)} + ${row}]`;
  }
}
