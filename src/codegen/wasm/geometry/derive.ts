import { ARG, CHUNK_ROWS } from "../../../runtime/cpu/fields.ts";
import type { SiteSpec } from "../../plan/geometry-spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Func } from "../func.ts";
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
  const { dim, extents } = site;
  const [kernel, stride, padding, dilation] = [site.kernel!, site.stride!, site.padding!, site.dilation!];
  const box = kernel.every((k, a) => k === 1 || dilation[a] === 1);
  if (box) {
    const ranges = coords.map((c, a) => {
      const top = f.let(`top${a}`, i32.add(c, padding[a]!));
      let low: Sexpr = floorDiv(f, i32.add(top.get, stride[a]! - 1 - (kernel[a]! - 1) * dilation[a]!), stride[a]!);
      let high: Sexpr = floorDiv(f, top.get, stride[a]!);
      const lowest = f.let(`low${a}`, low);
      const highest = f.let(`high${a}`, high);
      if (extents !== undefined) {
        low = i32.maxS(lowest.get, 0);
        high = i32.minS(highest.get, extents[a]! - 1);
        f.add(lowest.set(low), highest.set(high));
      }
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
    return;
  }
  const outs = coords.map((_, a) => f.local(`o${a}`));
  const tap = (a: number): void => {
    if (a === dim) {
      table.mark(f.let("cell", table.cell(batch, outs.map((o) => o.get))));
      return;
    }
    const r = f.local(`r${a}`);
    f.for(r, 0, kernel[a]!, 1, () => {
      const num = f.let(`num${a}`, i32.sub(i32.add(coords[a]!, padding[a]!), scaled(r.get, dilation[a]!)));
      f.add(outs[a]!.set(floorDiv(f, num.get, stride[a]!)));
      let good: Sexpr = stride[a] === 1 ? ["i32.const", "1"] : i32.eq(i32.mul(outs[a]!.get, stride[a]!), num.get);
      if (extents !== undefined) good = i32.and(good, i32.ltU(outs[a]!.get, extents[a]!));
      f.if(good, () => tap(a + 1));
    });
  };
  tap(0);
}

