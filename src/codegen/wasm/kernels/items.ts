import { momentOf, pad4, type BroadcastSpec, type EpilogueStep, type NormaliseSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Local } from "../func.ts";
import { f32x4, i32, v128, type I32, type Sexpr } from "../wat.ts";
import { finishTile, tileScratch } from "./epilogue.ts";
import type { StepFunc } from "./frame.ts";
import { eachVector, part, rowOf } from "./pool.ts";

/** The batch item of a row. */
const itemOf = (s: StepFunc, coords: string, dim: number, row: Local): Sexpr => i32.load(i32.add(s.at(coords), i32.mul(row.get, 4 * (dim + 1))));

/** A tile whose accumulators are made row by row, four channels at a time, then the epilogue. */
export function eachRow(
  assembly: Assembly, s: StepFunc, channels: number, spec: { readonly epilogue: readonly EpilogueStep[]; readonly target: BroadcastSpec["target"] },
  body: (row: Local) => (at: Sexpr, count: number) => Sexpr,
): void {
  const { f } = s;
  const width = pad4(channels);
  assembly.needScratch(tileScratch(width, spec.epilogue));
  s.eachTile(1, () => {
    const inTile = f.local("inTile");
    f.for(inTile, 0, s.count.get, 1, () => {
      const value = body(f.let("of", i32.add(s.first.get, inTile.get)));
      const to = f.let("into", i32.add(s.scratch.get, i32.mul(inTile.get, 4 * width)));
      eachVector(s, channels, (at, count) => f.add(v128.store(i32.add(to.get, at), value(at, count))));
    });
    finishTile(assembly, s, { at: s.scratch, width, columns: channels, from: 0 }, spec.epilogue, spec.target);
  });
}

/** Each row joined with the row of its batch item. */
export function broadcastBody(assembly: Assembly, s: StepFunc, spec: BroadcastSpec): void {
  const { source, vector, by } = spec;
  eachRow(assembly, s, vector.channels, spec, (row) => {
    const of = s.f.let("item", rowOf(s, vector, itemOf(s, spec.coords, spec.dim, row)));
    const from = source === undefined ? undefined : s.f.let("from", rowOf(s, source, row.get));
    return (at, count) => {
      const v = part(count, i32.add(of.get, at));
      if (from === undefined) return v;
      const x = part(count, i32.add(from.get, at));
      return by === "sum" ? f32x4.add(x, v) : f32x4.mul(x, v);
    };
  });
}

/** ((x − mean) − rest) · factor. */
export function normaliseBody(assembly: Assembly, s: StepFunc, spec: NormaliseSpec): void {
  const { source, statistics, coords } = spec;
  const apart = 4 * momentOf(statistics, 1).offset;
  eachRow(assembly, s, source.channels, spec, (row) => {
    const item: I32 = coords === undefined ? 0 : itemOf(s, coords, spec.dim, row);
    const of = s.f.let("item", i32.add(s.at(statistics.role), i32.mul(item, 4 * statistics.stride)));
    const from = s.f.let("from", rowOf(s, source, row.get));
    return (at, count) => {
      const moment = (k: number): Sexpr => v128.load(i32.add(of.get, at), k * apart);
      return f32x4.mul(f32x4.sub(f32x4.sub(part(count, i32.add(from.get, at)), moment(0)), moment(1)), moment(2));
    };
  });
}
