import { CHUNK_LEAST, CHUNKS, type Reduced } from "../../wgsl/spec.ts";
import type { Local } from "../func.ts";
import { i32, type I32, type Sexpr } from "../wat.ts";
import type { StepFunc } from "./frame.ts";

/** Name of the binding that holds the row count of the reduced sites. */
export const REDUCED_ROWS = "reduced_rows";

/** Sets `found` to the first row whose batch item is at least `item`, by bisection: all sites are in sorted order. */
export function firstRow(s: StepFunc, spec: { readonly coords: string; readonly dim: number }, found: Local, item: Sexpr): void {
  const { f } = s;
  const high = f.let("high", s.at(REDUCED_ROWS));
  f.add(found.set(0));
  f.while(i32.ltU(found.get, high.get), () => {
    const middle = f.let("middle", i32.shrU(i32.add(found.get, high.get), 1));
    const batch = i32.load(i32.add(s.at(spec.coords), i32.mul(middle.get, 4 * (spec.dim + 1))));
    f.if(i32.ltS(batch, item), () => f.add(found.set(i32.add(middle.get, 1))), () => f.add(high.set(middle.get)));
  });
}

/** Rows [first, last) that are reduced for an item, none for items that have no statistics of their own, and the size of their parts. */
export function reducedRows(s: StepFunc, spec: Reduced, item: Local): { readonly first: Local; readonly last: Local; readonly size: Local } {
  const { f } = s;
  const [first, last] = [f.local("firstRow"), f.local("lastRow")];
  const { coords, dim } = spec;
  // Rows that are batch items have no site set: the step's own rows are they.
  const rows: I32 = coords === undefined ? s.rows.get : s.at(REDUCED_ROWS);
  if (spec.whole || coords === undefined) f.add(first.set(0), last.set(["select", rows, ["i32.const", "0"], i32.eqz(item.get)]));
  else {
    firstRow(s, { coords, dim }, first, item.get);
    firstRow(s, { coords, dim }, last, i32.add(item.get, 1));
  }
  const even = i32.divU(i32.add(i32.sub(last.get, first.get), CHUNKS - 1), CHUNKS);
  return { first, last, size: f.let("partRows", i32.maxS(even, CHUNK_LEAST)) };
}
