import { expect } from "vitest";
import type { GeometrySpec } from "../../../src/codegen/plan/geometry-spec.ts";
import { readBlock } from "../../geometry/oracle.ts";
import type { GeometryRun } from "./harness.ts";

/**
 * Reads the halo tables of a rulebook by their documented layout and checks them against its block: own rows first,
 * others ascending and once, every pair at its position, lists within the capacity, no smaller split possible.
 * Returns the split of each record.
 */
export function checkHalo(run: GeometryRun, spec: GeometrySpec, name: string): readonly number[] {
  const book = spec.rulebooks.find((r) => r.name === name)!;
  const taps = book.kernel.reduce((a, b) => a * b, 1);
  const rows = run.counts.rows[spec.sites.findIndex((s) => s.id === book.to)]!;
  const pairs = readBlock(run.map(name, "forward"), taps, rows, (text) => expect(text).toBe(""));
  const capacity = run.compiled.plan.rulebooks.find((r) => r.name === name)!.halo!.capacity;
  expect(capacity).toBeLessThanOrEqual(book.halo!.capacity);
  const table = run.map(name, "halo");
  const listAt = 34;
  const positionsAt = listAt + 32 * (taps + 1);
  const words = positionsAt + 32 * Math.ceil(taps / 2);
  const inputsOf = (row: number): number[] => Array.from({ length: taps }, (_, t) => pairs.get(`${row},${t}`)).filter((i) => i !== undefined);
  const partRows = (record: number, split: number, p: number): number[] =>
    Array.from({ length: 32 / split }, (_, i) => record * 32 + (p * 32) / split + i).filter((row) => row < rows);
  const listOf = (own: readonly number[]): number[] => {
    const others = new Set(own.flatMap(inputsOf).filter((i) => !own.includes(i)));
    return [...own, ...[...others].sort((a, b) => a - b)];
  };
  const splits: number[] = [];
  for (let record = 0; record * 32 < rows; record++) {
    const block = table.subarray(record * words, (record + 1) * words);
    const split = block[0]!;
    expect([1, 2, 4, 8, 16, 32]).toContain(split);
    splits.push(split);
    if (split > 1) {
      const halves = Array.from({ length: split / 2 }, (_, p) => listOf(partRows(record, split / 2, p)).length);
      expect(Math.max(...halves)).toBeGreaterThan(capacity);
    }
    for (let p = 0; p < split; p++) {
      const own = partRows(record, split, p);
      const list = listOf(own);
      expect(list.length).toBeLessThanOrEqual(capacity);
      expect([...block.subarray(listAt + block[1 + p]!, listAt + block[2 + p]!)]).toEqual(list.map((row) => row + 1));
      for (const row of own) {
        for (let tap = 0; tap < taps; tap++) {
          const position = (block[positionsAt + (tap >> 1) * 32 + (row & 31)]! >>> (16 * (tap & 1))) & 0xffff;
          const input = pairs.get(`${row},${tap}`);
          if ((position === 0 ? undefined : list[position - 1]) !== input) expect({ name, row, tap, position }).toEqual({ name, row, tap, input });
        }
      }
    }
    expect([...block.subarray(1 + split, listAt)].every((start) => start === block[1 + split])).toBe(true);
  }
  return splits;
}
