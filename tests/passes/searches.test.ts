import { describe, expect, test } from "vitest";
import { numbers, type Module } from "../../src/ir/module.ts";
import { kernelVolume } from "../../src/ir/ops/rulebook.ts";
import { count, example, run } from "./support.ts";

/** Convolutions through a rulebook, as written. */
const spatial = (module: Module): number =>
  module.ops.filter((op) => ["subm", "conv", "up"].includes(op.name) && kernelVolume(numbers(op.attrs, "kernel")) > 1).length;

test("Cylinder3D: 44 maps where keys are written by hand, 20 distinct ones, 9 searches", () => {
  const net = example("cylinder3d");
  expect(net.ops.filter((op) => op.name === "subm" || op.name === "conv")).toHaveLength(44);
  const reused = run(net, "lower,reuse-rulebooks{slices=false}").module;
  expect(count(reused, "rulebook.search")).toBe(20);
});

describe("rulebook searches of whole networks", () => {
  test.each([
    ["second", 12, 8],
    ["centerpoint", 21, 8],
    ["minkunet18", 41, 9],
    ["sparse_resunet42", 42, 9],
    ["cylinder3d", 48, 9],
  ])("%s: %i convolutions, %i searches", (name, convolutions, searches) => {
    const net = example(name);
    expect(spatial(net)).toBe(convolutions);
    const lowered = run(net, "lower").module;
    expect(count(lowered, "rulebook.search")).toBe(convolutions);
    for (const text of ["reuse-rulebooks", "reuse-rulebooks,fuse-cat,fold-bn,fuse-epilogue,dce"]) {
      expect(count(run(lowered, text).module, "rulebook.search")).toBe(searches);
    }
  });
});
