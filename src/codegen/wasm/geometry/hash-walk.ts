import { ARG, CHUNK_ROWS, SPEC, SPEC_KIND, TILE, TILE_BITS, tileBytes } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import { call, type Func, type Local } from "../func.ts";
import { UnitFunc } from "../kernels/frame.ts";
import { i32, type Sexpr } from "../wat.ts";
import { recordAt, rowInSlot } from "./hash.ts";
import { keepLists } from "./keep-lists.ts";
import { rowCoords, rowsWord, unitRows } from "./table.ts";

/** The numbers of a derivation or search on one axis, in locals; here they are read, not baked: one function serves all. */
interface Axis {
  readonly kernel: Local;
  readonly stride: Local;
  readonly padding: Local;
  readonly dilation: Local;
  readonly extent: Local;
  readonly tap: Local;
  readonly site: Local;
}

function readAxes(f: Func, spec: Local, dim: number): readonly Axis[] {
  return Array.from({ length: dim }, (_, a): Axis => {
    const word = (name: string, index: number): Local => f.let(`${name}${a}`, i32.load(spec.get, 4 * (SPEC.axes + SPEC.perAxis * a + index)));
    return {
      kernel: word("kernel", SPEC.kernel), stride: word("stride", SPEC.stride), padding: word("padding", SPEC.padding),
      dilation: word("dilation", SPEC.dilation), extent: word("extent", SPEC.extent), tap: f.local(`tap${a}`), site: f.local(`site${a}`),
    };
  });
}

/** floor(value / by) for a `by` that is read. */
function floorDiv(f: Func, value: Sexpr, by: Local): Sexpr {
  const v = f.let("dividend", value);
  return i32.sub(i32.divS(v.get, by.get), i32.ltS(["i32.rem_s", v.get, by.get], 0));
}

/** Sets an axis's site to (c + p − r·d) / s; whether that is whole. */
function output(f: Func, axis: Axis, c: Sexpr): Sexpr {
  const num = f.let("num", i32.sub(i32.add(c, axis.padding.get), i32.mul(axis.tap.get, axis.dilation.get)));
  f.add(axis.site.set(floorDiv(f, num.get, axis.stride)));
  return i32.eq(i32.mul(axis.site.get, axis.stride.get), num.get);
}

const inside = (axis: Axis): Sexpr => i32.or(i32.eq(axis.extent.get, -1), i32.ltU(axis.site.get, axis.extent.get));

/** `derive_hash_d(rows, parent coords, table, spec)`: puts the sites that rows lead to into a hashed table. */
export function addHashDerive(assembly: Assembly, dim: number, generates = false): void {
  const name = `derive_hash_${dim}d`;
  if (assembly.has(name)) return;
  const s = new UnitFunc(name);
  const { f } = s;
  const rows = rowsWord(s);
  const [coords, table, spec] = [s.word("coords", ARG.first), s.word("table", ARG.first + 1), s.word("spec", ARG.first + 2)];
  const kind = f.let("kind", i32.load(spec.get, 4 * SPEC.kind));
  const axes = readAxes(f, spec, dim);
  s.eachUnit(() => {
    const { first, last } = unitRows(s, rows, CHUNK_ROWS);
    f.for(first, first.get, last.get, 1, () => {
      const at = f.let("at", i32.add(coords.get, i32.mul(first.get, 4 * (dim + 1))));
      const row = rowCoords(at.get, dim);
      const insert = (): void => f.add(call(`hash_insert_${dim}d`, table.get, row.batch, ...axes.map((x) => x.site.get)));
      const reach = (a: number): void => {
        if (a === dim) return insert();
        const axis = axes[a]!;
        f.for(axis.tap, 0, axis.kernel.get, 1, () => f.if(i32.and(output(f, axis, row.axes[a]!), inside(axis)), () => reach(a + 1)));
      };
      const generate = (a: number): void => {
        if (a === dim) return insert();
        const axis = axes[a]!;
        f.for(axis.tap, 0, axis.kernel.get, 1, () => {
          f.add(axis.site.set(i32.add(i32.sub(i32.mul(row.axes[a]!, axis.stride.get), axis.padding.get), i32.mul(axis.tap.get, axis.dilation.get))));
          f.if(inside(axis), () => generate(a + 1));
        });
      };
      const others = (): void => (generates ? f.if(i32.eq(kind.get, SPEC_KIND.generate), () => generate(0), () => reach(0)) : reach(0));
      f.if(i32.eq(kind.get, SPEC_KIND.floor), () => {
        axes.forEach((axis, a) => f.add(axis.site.set(floorDiv(f, row.axes[a]!, axis.stride))));
        insert();
      }, others);
    });
  });
  assembly.add(f, [`sites that rows reach${generates ? ", generate" : ""} or floor to, into a hashed table, ${dim} axes`]);
}

/** A word of 64 cells that no coordinate lies in. */
const NO_LINE = -0x8000_0000;

/** Bytes of scratch that say which slot each row of a tile looked into last; its lists follow. */
const KEPT_SLOTS = 8 * TILE;
/** Scratch of one thread that a search with this many taps needs. */
export const hashSearchScratch = (taps: number): number => KEPT_SLOTS + tileBytes(taps);

/** `search_hash_d(rows, coords, table, lists, pairs, spec)`: pair lists by tap, tile by tile, through a hashed table. */
export function addHashSearch(assembly: Assembly, dim: number): void {
  const name = `search_hash_${dim}d`;
  if (assembly.has(name)) return;
  const s = new UnitFunc(name);
  const { f } = s;
  const rows = rowsWord(s);
  const [coords, table, lists] = [s.word("coords", ARG.first), s.word("table", ARG.first + 1), s.word("lists", ARG.first + 2)];
  const spec = s.word("spec", ARG.first + 4);
  const kind = f.let("kind", i32.load(spec.get, 4 * SPEC.kind));
  const axes = readAxes(f, spec, dim);
  const taps = f.let("taps", axes.reduce((n: Sexpr, x) => i32.mul(n, x.kernel.get), ["i32.const", "1"]));
  const found = f.let("found", 0);
  s.eachUnit(() => {
    const { first, last: end } = unitRows(s, rows, TILE);
    const last = axes.at(-1)!;
    const block = f.let("block", i32.add(s.scratch.get, KEPT_SLOTS));
    const head = f.let("head", block.get);
    const to = f.let("to", i32.add(block.get, i32.mul(i32.add(taps.get, 1), 4)));
    const row = f.local("row");
    const tap = (): void => {
      f.add(i32.store(head.get, i32.sub(to.get, block.get)), head.grow(4));
      f.for(row, first.get, end.get, 1, () => {
        const at = f.let("at", i32.add(coords.get, i32.mul(row.get, 4 * (dim + 1))));
        const { batch, axes: c } = rowCoords(at.get, dim);
        const whole = f.let("whole", 1);
        // No line begins there.
        f.if(i32.eqz(last.tap.get), () => f.add(i32.store(i32.add(s.scratch.get, i32.mul(i32.sub(row.get, first.get), 8)), NO_LINE)));
        f.if(i32.eq(kind.get, SPEC_KIND.forward), () => {
          axes.forEach((x, a) => f.add(x.site.set(i32.add(i32.sub(i32.mul(c[a]!, x.stride.get), x.padding.get), i32.mul(x.tap.get, x.dilation.get)))));
        }, () => axes.forEach((x, a) => f.add(whole.set(i32.and(whole.get, output(f, x, c[a]!))))));
        f.if(whole.get, () => {
          // The next tap of the line mostly lies in the same 64 cells: their slot is kept.
          const kept = f.let("kept", i32.add(s.scratch.get, i32.mul(i32.sub(row.get, first.get), 8)));
          const line = f.let("line", i32.shrS(last.site.get, 6));
          f.if(i32.ne(i32.load(kept.get), line.get), () => {
            f.add(i32.store(kept.get, line.get));
            f.add(i32.store(kept.get, call(`hash_slot_${dim}d`, table.get, 0, batch, ...axes.map((x) => x.site.get)), 4));
          });
          const hit = f.let("hit", rowInSlot(f, recordAt(table, dim, i32.load(kept.get, 4)), last.site.get));
          f.if(hit.get, () => {
            f.add(i32.store(to.get, i32.or(i32.shl(i32.sub(hit.get, 1), TILE_BITS), i32.sub(row.get, first.get))), to.grow(4), found.grow(1));
          });
        });
      });
    };
    const eachTap = (a: number): void => {
      if (a === dim) tap();
      else f.for(axes[a]!.tap, 0, axes[a]!.kernel.get, 1, () => eachTap(a + 1));
    };
    eachTap(0);
    f.add(i32.store(head.get, i32.sub(to.get, block.get)));
    keepLists(f, lists, s.unit, block, to);
  });
  f.add(["drop", ["i32.atomic.rmw.add", i32.load(s.arg.get, 4 * (ARG.first + 3)), found.get]]);
  assembly.add(f, [`pairs of every tap through a hashed table, ${dim} axes`]);
}
