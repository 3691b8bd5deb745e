import { expect, test } from "vitest";
import { executeGeometry } from "../../src/codegen/plan/geometry-executor.ts";
import { expectedGeometry, readBlock, transposedPairs } from "./oracle.ts";
import { randomCase } from "./random-spec.ts";

test.each(Array.from({ length: 40 }, (_, seed) => seed))("geometry on plain arrays, seed %i", (seed) => {
  const { spec, inputs } = randomCase(seed);
  const expected = expectedGeometry(spec, inputs);
  const made = executeGeometry(spec, new Map([[0, Int32Array.from(inputs["S"]!.flat())]]));
  spec.sites.forEach((s, i) => {
    const rows = expected.sites.get(s.id)!;
    expect(made.rows[i]).toBe(rows.length);
    expect([...made.coords[i]!]).toEqual(rows.flat());
  });
  spec.rulebooks.forEach((r, i) => {
    const taps = r.kernel.reduce((a, b) => a * b, 1);
    const pairs = expected.rulebooks.get(r.name)!;
    const rows = (id: string): number => expected.sites.get(id)!.length;
    const complain = (text: string): void => expect(text).toBe("");
    expect(readBlock(made.map(i, "forward"), taps, rows(r.to), complain)).toEqual(pairs);
    expect(readBlock(made.map(i, "transposed"), taps, rows(r.from), complain)).toEqual(transposedPairs(pairs));
  });
});
