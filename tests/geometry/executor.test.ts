import { expect, test } from "vitest";
import { executeGeometry } from "../../src/codegen/plan/geometry-executor.ts";
import { expectedGeometry, readBlock, transposedPairs } from "./oracle.ts";
import { combinedCase, randomCase } from "./random-spec.ts";

const made = [randomCase, combinedCase] as const;

test.each(made.flatMap((make) => Array.from({ length: 40 }, (_, seed) => [make.name, seed, make] as const)))("geometry on plain arrays, %s of seed %i", (_name, seed, make) => {
  const { spec, inputs } = make(seed);
  const expected = expectedGeometry(spec, inputs);
  const made = executeGeometry(spec, new Map(spec.sites.flatMap((s, i) => (s.kind === "input" ? [[i, Int32Array.from(inputs[s.id]!.flat())] as const] : []))));
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
