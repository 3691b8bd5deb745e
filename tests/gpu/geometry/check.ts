import { expect } from "vitest";
import type { CompileOptions } from "../../../src/codegen/wgsl/geometry/index.ts";
import type { GeometrySpec } from "../../../src/codegen/plan/geometry-spec.ts";
import { expectPairs } from "../../geometry/compare.ts";
import { expectedGeometry, readBlock, transposedPairs, type Pairs, type Rows } from "../../geometry/oracle.ts";
import type { GeometryRun, GeometryRunner, RequestChange } from "./harness.ts";

const volume = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

/** Runs a geometry and compares every site list and every block with the oracle. */
export async function checkGeometry(
  runner: GeometryRunner, spec: GeometrySpec, inputs: Readonly<Record<string, Rows>>, change: RequestChange = {}, options: CompileOptions = {},
): Promise<GeometryRun> {
  let run = await runner.run(spec, inputs, change, options);
  // What did not fit by guess gets the room it asked for, as a scene does.
  for (let attempt = 0; run.counts.overflow && change.room === undefined && attempt < 8; attempt++) {
    run = await runner.run(spec, inputs, { ...change, room: Object.fromEntries(spec.sites.map((s, i) => [s.id, run.counts.rows[i]!])) }, options);
  }
  const expected = expectedGeometry(spec, inputs);
  expect(run.counts.problems).toEqual([]);
  expect(run.counts.overflow).toBe(false);
  spec.sites.forEach((s, i) => {
    const rows = expected.sites.get(s.id)!;
    expect(`${s.id}: ${run.counts.rows[i]} rows`).toBe(`${s.id}: ${rows.length} rows`);
    expect(run.coords(s.id)).toEqual(rows);
  });
  spec.rulebooks.forEach((r, i) => {
    const pairs = expected.rulebooks.get(r.name)!;
    const rowsOf = (id: string): number => expected.sites.get(id)!.length;
    if (r.forward) checkBlock(`${r.name} forward`, run.map(r.name, "forward"), volume(r.kernel), rowsOf(r.to), pairs);
    if (r.transposed) checkBlock(`${r.name} transposed`, run.map(r.name, "transposed"), volume(r.kernel), rowsOf(r.from), transposedPairs(pairs));
    expect(`${r.name}: ${run.counts.pairs[i]} pairs`).toBe(`${r.name}: ${pairs.size} pairs`);
  });
  return run;
}

function checkBlock(what: string, block: Uint32Array, taps: number, rows: number, pairs: Pairs): void {
  const wrong: string[] = [];
  expectPairs(what, readBlock(block, taps, rows, (text) => wrong.push(text)), pairs, wrong);
}
