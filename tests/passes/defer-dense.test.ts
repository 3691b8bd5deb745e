import { describe, expect, test } from "vitest";
import type { Module, ValueId } from "../../src/ir/module.ts";
import { decodeTile } from "../../src/passes/rewrite/tile.ts";
import { checked, Draft, expectUnchanged, run } from "./support.ts";

const fused = "lower,fuse-epilogue";

/** How many scatters are deferred, as an op of their own and at the end of a kernel. */
const deferred = (module: Module): readonly [number, number] => [
  module.ops.filter((op) => op.name === "to_dense" && op.attrs["deferred"] === true).length,
  module.ops.filter((op) => decodeTile(op)?.epilogue.some((item) => item.do === "dense" && item.deferred === true)).length,
];

const dense = (d: Draft, x: ValueId, attrs = {}): ValueId => d.op("to_dense", [x], attrs);

describe("defer-dense", () => {
  const cases: Readonly<Record<string, readonly [wanted: readonly [number, number], (d: Draft) => readonly ValueId[]]>> = {
    "at the end of a kernel": [[0, 1], (d) => [dense(d, d.relu(d.subm(d.x, 8)))]],
    "with an axis in the channels": [[0, 1], (d) => [dense(d, d.conv(d.x, 8), { fold: "y" })]],
    "of rows that are an output too": [[0, 1], (d) => { const y = d.relu(d.subm(d.x, 8)); return [y, dense(d, y)]; }],
    "of an input": [[1, 0], (d) => [dense(d, d.x)]],
    "with channels last": [[1, 0], (d) => [dense(d, d.subm(d.x, 8), { layout: "channels_last" })]],
    "twice": [[0, 2], (d) => [dense(d, d.subm(d.x, 8)), dense(d, d.subm(d.x, 4))]],
  };
  test.each(Object.entries(cases))("a dense output %s", (_, [wanted, build]) => {
    const d = new Draft("net");
    expect(deferred(checked(d.finish(...build(d)), `${fused},defer-dense`))).toEqual(wanted);
  });

  test("once: it is as it was then", () => {
    const d = new Draft("net");
    expectUnchanged(d.finish(dense(d, d.subm(d.x, 8)), dense(d, d.x)), `${fused},defer-dense`, "defer-dense");
  });

  test("UNCHANGED: a ground, which fills the tensor before, and a remark says so", () => {
    const d = new Draft("net");
    const { steps } = expectUnchanged(d.finish(d.op("to_dense", [d.subm(d.x, 8), d.param(8)])), fused, "defer-dense");
    expect(steps.at(-1)!.remarks.map((r) => r.text)).toEqual(["the dense output is made at once: a ground fills it before its rows"]);
  });

  test("UNCHANGED: outputs that are rows", () => {
    const d = new Draft("net");
    expectUnchanged(d.finish(d.relu(d.subm(d.x, 8))), fused, "defer-dense");
  });

  test("says what it did", () => {
    const d = new Draft("net");
    const { steps } = run(d.finish(dense(d, d.subm(d.x, 8)), dense(d, d.x)), `${fused},defer-dense`);
    expect(steps.at(-1)!.stats).toEqual({ deferred: 2 });
    expect(steps.at(-1)!.remarks.map((r) => r.kind)).toEqual(["done", "done"]);
  });
});
