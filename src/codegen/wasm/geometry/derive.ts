import { ARG, CHUNK_ROWS } from "../../../runtime/cpu/fields.ts";
import type { SiteSpec } from "../../plan/geometry-spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Func, Local } from "../func.ts";
import { UnitFunc } from "../kernels/frame.ts";
import { i32, type Sexpr } from "../wat.ts";
import { rowCoords, rowsWord, scaled, Table, unitRows } from "./table.ts";

/** `derive_…(rows, parent coords, table)`: puts the sites that a parent's rows lead to into a derived set's bitmap. */
export function addDerive(assembly: Assembly, site: SiteSpec): string {
  const lists = site.kind === "floor" ? [site.stride!] : [site.kernel!, site.stride!, site.padding!, site.dilation!];
  const clip = site.extents === undefined ? [] : [site.extents];
  const name = `derive_${site.kind}_${[...lists, ...clip].map((l) => l.join("x").replaceAll("-", "m")).join("_")}`;
  if (assembly.has(name)) return name;
  const s = new UnitFunc(name);
  const { f } = s;
  const rows = rowsWord(s);
  const coords = s.word("coords", ARG.first);
  const table = new Table(f, s.word("table", ARG.first + 1), site.dim);
  s.eachUnit(() => {
    const { first, last } = unitRows(s, rows, CHUNK_ROWS);
    f.for(first, first.get, last.get, 1, () => {
      const at = f.let("at", i32.add(coords.get, i32.mul(first.get, 4 * (site.dim + 1))));
      const row = rowCoords(at.get, site.dim);
      if (site.kind === "floor") {
        const cell = f.let("cell", table.cell(row.batch, row.axes.map((c, a) => floorDiv(f, c, site.stride![a]!))));
        table.mark(cell);
      } else if (site.kind === "generate") {
        generate(f, table, site, row.batch, row.axes);
      } else {
        reach(f, table, site, row.batch, row.axes);
      }
    });
  });
  assembly.add(f, [`sites that rows reach: ${name}`]);
  return name;
}

/** floor(value / by), `by` a positive constant. */
export function floorDiv(f: Func, value: Sexpr, by: number): Sexpr {
  if (by === 1) return value;
  if (Number.isInteger(Math.log2(by))) return i32.shrS(value, Math.log2(by));
  const v = f.let("dividend", value);
  // Towards minus infinity: one less where the remainder is negative.
  return i32.sub(i32.divS(v.get, by), i32.ltS(["i32.rem_s", v.get, ["i32.const", String(by)]], 0));
}

/**
 * Marks every output out = (in + p − r·d) / s that is whole and inside the extents. Without dilation the outputs of a
 * row are a box: its lines are marked by ranges. Otherwise tap by tap.
 */
function reach(f: Func, table: Table, site: SiteSpec, batch: Sexpr, coords: readonly Sexpr[]): void {
  const [kernel, stride, padding, dilation] = [site.kernel!, site.stride!, site.padding!, site.dilation!];
  if (isBox(site)) {
    markBox(f, table, site, batch, (a) => {
      const top = f.let(`top${a}`, i32.add(coords[a]!, padding[a]!));
      const low: Sexpr = floorDiv(f, i32.add(top.get, stride[a]! - 1 - (kernel[a]! - 1) * dilation[a]!), stride[a]!);
      const high: Sexpr = floorDiv(f, top.get, stride[a]!);
      const lowest = f.let(`low${a}`, low);
      return { lowest, highest: f.let(`high${a}`, high) };
    });
    return;
  }
  markTaps(f, table, site, batch, (a, tap, out) => {
    const num = f.let(`num${a}`, i32.sub(i32.add(coords[a]!, padding[a]!), scaled(tap, dilation[a]!)));
    f.add(out.set(floorDiv(f, num.get, stride[a]!)));
    return stride[a] === 1 ? ["i32.const", "1"] : i32.eq(i32.mul(out.get, stride[a]!), num.get);
  });
}

/** Marks every output out = s·in − p + r·d inside the extents: a box without dilation, otherwise tap by tap. */
function generate(f: Func, table: Table, site: SiteSpec, batch: Sexpr, coords: readonly Sexpr[]): void {
  const [kernel, stride, padding, dilation] = [site.kernel!, site.stride!, site.padding!, site.dilation!];
  const first = (a: number): Sexpr => i32.sub(scaled(coords[a]!, stride[a]!), padding[a]!);
  if (isBox(site)) {
    markBox(f, table, site, batch, (a) => {
      const lowest = f.let(`low${a}`, first(a));
      return { lowest, highest: f.let(`high${a}`, i32.add(lowest.get, kernel[a]! - 1)) };
    });
    return;
  }
  markTaps(f, table, site, batch, (a, tap, out) => {
    f.add(out.set(i32.add(first(a), scaled(tap, dilation[a]!))));
    return ["i32.const", "1"];
  });
}

/** Whether what one row leads to is a box. */
const isBox = ({ kernel, dilation }: SiteSpec): boolean => kernel!.every((k, a) => k === 1 || dilation![a] === 1);

/** Marks a box of cells, the part of it inside the extents, line by line. */
function markBox(f: Func, table: Table, { dim, extents }: SiteSpec, batch: Sexpr, ends: (axis: number) => { readonly lowest: Local; readonly highest: Local }): void {
  const ranges = Array.from({ length: dim }, (_, a) => {
    const { lowest, highest } = ends(a);
    if (extents !== undefined) f.add(lowest.set(i32.maxS(lowest.get, 0)), highest.set(i32.minS(highest.get, extents[a]! - 1)));
    return { lowest, highest, at: f.local(`o${a}`) };
  });
  const line = (a: number): void => {
    const { lowest, highest, at } = ranges[a]!;
    if (a === dim - 1) {
      f.if(i32.leS(lowest.get, highest.get), () => {
        const cell = (end: Sexpr): Sexpr => table.cell(batch, [...ranges.slice(0, -1).map((r) => r.at.get), end]);
        const from = f.let("from", cell(lowest.get));
        table.markRange(from, f.let("to", i32.add(from.get, i32.sub(highest.get, lowest.get))));
      });
      return;
    }
    f.add(at.set(lowest.get));
    f.while(i32.leS(at.get, highest.get), () => {
      line(a + 1);
      f.add(at.grow(1));
    });
  };
  line(0);
}

/** Marks tap by tap. `output` sets an axis's output for a tap and says whether there is one, as far as extents are not asked. */
function markTaps(f: Func, table: Table, { dim, extents, kernel }: SiteSpec, batch: Sexpr, output: (axis: number, tap: Sexpr, out: Local) => Sexpr): void {
  const outs = kernel!.map((_, a) => f.local(`o${a}`));
  const tap = (a: number): void => {
    if (a === dim) {
      table.mark(f.let("cell", table.cell(batch, outs.map((o) => o.get))));
      return;
    }
    const r = f.local(`r${a}`);
    f.for(r, 0, kernel![a]!, 1, () => {
      let good: Sexpr = output(a, r.get, outs[a]!);
      if (extents !== undefined) good = i32.and(good, i32.ltU(outs[a]!.get, extents[a]!));
      f.if(good, () => tap(a + 1));
    });
  };
  tap(0);
}

