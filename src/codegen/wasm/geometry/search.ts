import { ARG, listsAt, searchScratch, TILE, TILE_BITS } from "../../../runtime/cpu/fields.ts";
import type { RulebookSpec } from "../../plan/geometry-spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Func, Local } from "../func.ts";
import { UnitFunc } from "../kernels/frame.ts";
import { i32, i64, v128, type Sexpr } from "../wat.ts";
import { floorDiv } from "./derive.ts";
import { keepLists } from "./keep-lists.ts";
import { rowCoords, rowsWord, scaled, Table, unitRows } from "./table.ts";

const volume = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

/** Cells that one unaligned load of 64 bits surely shows. */
const WINDOW = 57;

/** Words of a search's arguments, from `ARG.first`: coordinates of the rows, table of what they look for, lists, counter of pairs. */
const SEARCH = { coords: 0, table: 1, lists: 2, pairs: 3 } as const;

/**
 * `search_…(rows, coords, table, lists, pairs)`: for each tile of 64 rows, the pairs of each tap, one list after
 * another. `forward`: rows are outputs looking for their inputs, in = s·out − p + r·d; `transposed`: rows are inputs
 * looking for their outputs.
 */
export function addSearch(assembly: Assembly, book: Pick<RulebookSpec, "kernel" | "stride" | "padding" | "dilation">, form: "forward" | "transposed"): string {
  const shape = [book.kernel, book.stride, book.padding, book.dilation].map((l) => l.join("x").replaceAll("-", "m")).join("_");
  const name = `search_${form}_${shape}`;
  if (assembly.has(name)) return name;
  const dim = book.kernel.length;
  const taps = volume(book.kernel);
  const s = new UnitFunc(name);
  const { f } = s;
  const rows = rowsWord(s);
  const coords = s.word("coords", ARG.first + SEARCH.coords);
  const table = new Table(f, s.word("table", ARG.first + SEARCH.table), dim);
  const lists = s.word("lists", ARG.first + SEARCH.lists);
  const inLine = book.kernel[dim - 1]!;
  assembly.needScratch(searchScratch(taps, inLine));
  const found = f.let("found", 0);
  s.eachUnit(() => {
    const { first, last } = unitRows(s, rows, TILE);
    const block = f.let("block", i32.add(s.scratch.get, listsAt(inLine)));
    const head = f.let("head", block.get);
    const to = f.let("to", i32.add(block.get, 4 * (taps + 1)));
    const site = f.let("site", i32.add(coords.get, i32.mul(first.get, 4 * (dim + 1))));
    const count = f.let("count", i32.sub(last.get, first.get));
    const body: SearchBody = { s, table, site, count, head, to, block };
    const inRow = (inLine - 1) * book.dilation[dim - 1]! + 1;
    if (form === "forward" && inRow <= WINDOW) byWindows(body, book);
    else byTaps(body, book, form);
    f.add(i32.store(head.get, i32.sub(to.get, block.get)));
    f.add(found.grow(i32.shrU(i32.sub(i32.sub(to.get, block.get), 4 * (taps + 1)), 2)));
    keepLists(f, lists, s.unit, block, to);
  });
  f.add(["drop", ["i32.atomic.rmw.add", i32.load(s.arg.get, 4 * (ARG.first + SEARCH.pairs)), found.get]]);
  assembly.add(f, [`pairs of every tap, tile by tile: ${form}, kernel ${book.kernel.join(" ")}, stride ${book.stride.join(" ")}, padding ${book.padding.join(" ")}, dilation ${book.dilation.join(" ")}`]);
  return name;
}

interface SearchBody {
  readonly s: UnitFunc;
  readonly table: Table;
  /** Coordinates of the tile's first row. */
  readonly site: Local;
  readonly count: Local;
  /** Where the next list's offset goes, where the next entry goes, where the tile's lists begin. */
  readonly head: Local;
  readonly to: Local;
  readonly block: Local;
}

type Shape = Pick<RulebookSpec, "kernel" | "stride" | "padding" | "dilation">;

/**
 * Taps along the last axis lie in one window of the bitmap: one load shows them all, and as present cells have
 * consecutive rows, one rank numbers them all. Lists are filled without branches: every tap writes, and steps on
 * only when it found a row.
 */
function byWindows({ s, table, site, count, head, to, block }: SearchBody, book: Shape): void {
  const { f } = s;
  const dim = book.kernel.length;
  const last = dim - 1;
  const inLine = book.kernel[last]!;
  const step = book.dilation[last]!;
  const row = f.local("row");
  const at = f.local("at");
  // The cell that tap 0 of each row reads.
  f.add(at.set(site.get));
  f.for(row, 0, count.get, 1, () => {
    const { batch, axes } = rowCoords(at.get, dim);
    const cell = table.cell(batch, axes.map((c, a) => i32.sub(scaled(c, book.stride[a]!), book.padding[a]!)));
    f.add(i32.store(i32.add(s.scratch.get, i32.mul(row.get, 4)), cell), at.grow(4 * (dim + 1)));
  });
  const ends = Array.from({ length: inLine }, (_, j) => f.local(`end${j}`));
  const begin = (j: number): number => 4 * TILE * (1 + j);
  const line = (a: number, offset: Sexpr): void => {
    if (a < last) {
      const [r, next] = [f.local(`r${a}`), f.local(`offset${a}`)];
      f.add(next.set(offset));
      f.for(r, 0, book.kernel[a]!, 1, () => {
        line(a + 1, next.get);
        f.add(next.grow(scaled(["i32.const", String(book.dilation[a]!)], table.stride(a))));
      });
      return;
    }
    ends.forEach((end, j) => f.add(end.set(i32.add(s.scratch.get, begin(j)))));
    f.for(row, 0, count.get, 1, () => {
      const cell = f.let("cell", i32.add(i32.load(i32.add(s.scratch.get, i32.mul(row.get, 4))), offset));
      const window = f.let("window", i64.shrU(i64.load(i32.add(table.bits.get, i32.shrU(cell.get, 3)), 0, 1), i64.extend(i32.and(cell.get, 7))), "i64");
      f.if(i64.ne(i64.and(window.get, i64.const(windowMask(inLine, step))), i64.const(0n)), () => {
        const entry = f.let("entry", i32.or(i32.mul(table.rank(cell.get), TILE), row.get));
        const bit = f.local("bit");
        ends.forEach((end, j) => {
          f.add(i32.store(end.get, j === 0 || step === 1 ? entry.get : skipped(table, cell, row, window, j * step)));
          f.add(bit.set(i32.and(i32.wrap(i64.shrU(window.get, i64.const(BigInt(j * step)))), 1)));
          f.add(end.grow(i32.mul(bit.get, 4)));
          if (step === 1 && j < inLine - 1) f.add(entry.grow(i32.mul(bit.get, TILE)));
        });
      });
    });
    ends.forEach((end, j) => {
      f.add(i32.store(head.get, i32.sub(to.get, block.get)), head.grow(4));
      const from = f.let("from", i32.add(s.scratch.get, begin(j)));
      const bytes = f.let("bytes", i32.sub(end.get, from.get));
      const copied = f.local("copied");
      f.for(copied, 0, bytes.get, 16, () => f.add(v128.store(i32.add(to.get, copied.get), v128.load(i32.add(from.get, copied.get)))));
      f.add(to.grow(bytes.get));
    });
  };
  line(0, ["i32.const", "0"]);
}

/** Entry of the cell `by` cells further on: as many rows further as the window shows sites before it. */
function skipped(table: Table, cell: Local, row: Local, window: Local, by: number): Sexpr {
  const before = i32.wrap(i64.popcnt(i64.and(window.get, i64.const((1n << BigInt(by)) - 1n))));
  return i32.or(i32.mul(i32.add(table.rank(cell.get), before), TILE), row.get);
}

function windowMask(taps: number, step: number): bigint {
  let mask = 0n;
  for (let j = 0; j < taps; j++) mask |= 1n << BigInt(j * step);
  return mask;
}

/** Tap by tap, row by row: for rows that look for outputs, and kernels wider than a window. */
function byTaps({ s, table, site, count, head, to, block }: SearchBody, book: Shape, form: "forward" | "transposed"): void {
  const { f } = s;
  const dim = book.kernel.length;
  const row = f.local("row");
  const at = f.local("at");
  const taps = book.kernel.map((_, a) => f.local(`r${a}`));
  const sought = book.kernel.map((_, a) => f.local(`q${a}`));
  const eachTap = (a: number, body: () => void): void => {
    if (a === dim) body();
    else f.for(taps[a]!, 0, book.kernel[a]!, 1, () => eachTap(a + 1, body));
  };
  eachTap(0, () => {
    f.add(i32.store(head.get, i32.sub(to.get, block.get)), head.grow(4), at.set(site.get));
    f.for(row, 0, count.get, 1, () => {
      const { batch, axes } = rowCoords(at.get, dim);
      const look = (): void => {
        const cell = f.let("cell", table.cell(batch, sought.map((q) => q.get)));
        f.if(table.has(cell.get), () => f.add(i32.store(to.get, i32.or(i32.shl(table.rank(cell.get), TILE_BITS), row.get)), to.grow(4)));
      };
      if (form === "forward") {
        axes.forEach((c, a) => f.add(sought[a]!.set(i32.add(i32.sub(scaled(c, book.stride[a]!), book.padding[a]!), scaled(taps[a]!.get, book.dilation[a]!)))));
        look();
      } else {
        const whole = axes.map((c, a) => outputOf(f, book, a, c, taps[a]!, sought[a]!)).filter((e) => e !== undefined);
        if (whole.length === 0) look();
        else f.if(whole.reduce((x, y) => i32.and(x, y)), look);
      }
      f.add(at.grow(4 * (dim + 1)));
    });
  });
}

/** Sets `out` to the output on one axis that an input feeds through a tap; the condition that it is a whole number. */
function outputOf(f: Func, book: Shape, a: number, c: Sexpr, tap: Local, out: Local): Sexpr | undefined {
  const num = f.let(`num${a}`, i32.sub(i32.add(c, book.padding[a]!), scaled(tap.get, book.dilation[a]!)));
  f.add(out.set(floorDiv(f, num.get, book.stride[a]!)));
  return book.stride[a] === 1 ? undefined : i32.eq(i32.mul(out.get, book.stride[a]!), num.get);
}
