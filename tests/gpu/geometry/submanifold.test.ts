import { expect, test } from "vitest";
import type { GeometrySpec } from "../../../src/codegen/plan/geometry-spec.ts";
import { cloud } from "../../geometry/clouds.ts";
import { checkGeometry } from "./check.ts";
import { GeometryRunner } from "./harness.ts";

const runner = GeometryRunner.ofFile();

/** One submanifold rulebook on an input set. */
const subm = (dim: number, kernel: number, extents: readonly number[] | undefined): GeometrySpec => {
  const all = (n: number): number[] => Array.from({ length: dim }, () => n);
  return {
    sites: [{ id: "S", kind: "input", dim, ...(extents === undefined ? {} : { extents }) }],
    rulebooks: [
      { name: "rb0", from: "S", to: "S", kernel: all(kernel), stride: all(1), padding: all((kernel - 1) / 2), dilation: all(1), mirrored: true, forward: true, transposed: false },
    ],
  };
};

test.each([1, 2, 3, 4])("a submanifold rulebook in %iD", async (dim) => {
  const extents = [40, 12, 9, 7].slice(0, dim);
  const rows = cloud({ seed: dim, dim, rows: 30 * dim, extents, batch: 3 });
  const run = await checkGeometry(runner, subm(dim, 3, extents), { S: rows });
  expect(run.dispatches).toBe(2);
});
