import { expect, test } from "vitest";
import { compareOutputs } from "../../src/cli/compare-outputs.ts";
import type { OutputValue } from "../../src/cli/files/scene.ts";

const feat = (coords: readonly number[], features: readonly number[]): OutputValue => ({ kind: "feat", dim: 1, coords: Int32Array.from(coords), channels: 1, features: Float64Array.from(features) });
const dense = (shape: readonly number[], data: readonly number[]): OutputValue => ({ kind: "dense", shape, data: Float64Array.from(data) });
const compare = (a: OutputValue, b: OutputValue) => compareOutputs(new Map([["y", a]]), new Map([["y", b]]))[0]!;

test("rows are matched by site, whatever their order", () => {
  expect(compare(feat([0, 5, 1, 5], [2, 4]), feat([1, 5, 0, 5], [4, 2])).relative).toBe(0);
  expect(compare(feat([0, 5, 1, 5], [2, 5]), feat([1, 5, 0, 5], [4, 2])).relative).toBe(0.25);
});

test("other sites, shapes, kinds or a missing output are no match at all", () => {
  expect(compare(feat([0, 5], [2]), feat([0, 6], [2]))).toMatchObject({ relative: Infinity, problem: "site (0, 6) is not active" });
  expect(compare(feat([0, 5], [2]), feat([0, 5, 0, 6], [2, 2]))).toMatchObject({ relative: Infinity, problem: "it has 1 sites, expected 2" });
  expect(compare(dense([1, 2], [1, 2]), dense([2, 1], [1, 2]))).toMatchObject({ relative: Infinity });
  expect(compare(dense([1], [1]), feat([0, 5], [1]))).toMatchObject({ relative: Infinity, problem: "it is of another kind" });
  expect(compareOutputs(new Map(), new Map([["y", dense([1], [1])]]))[0]).toMatchObject({ relative: Infinity, problem: "it is missing" });
});

test("NaN never passes, nothing against nothing does", () => {
  expect(compare(dense([2], [1, NaN]), dense([2], [1, 2])).relative).toBe(Infinity);
  expect(compare(dense([2], [0, 1]), dense([2], [0, 0])).relative).toBe(Infinity);
  expect(compare(feat([], []), feat([], [])).relative).toBe(0);
});
