import { describe, expect, test } from "vitest";
import { numbers, type Module } from "../../src/ir/module.ts";
import { checked, count, Draft, expectUnchanged, run } from "./support.ts";

const both = "lower,reuse-rulebooks";
const one = (module: Module, name: string): Module["ops"][number] => {
  const found = module.ops.filter((op) => op.name === name);
  expect(found).toHaveLength(1);
  return found[0]!;
};

describe("reuse-rulebooks", () => {
  test("equal searches become one, searched by half", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.subm(d.subm(d.subm(d.x, 4), 4), 4)), both);
    expect(one(after, "rulebook.search").attrs["mirrored"]).toBe(true);
  });

  test("a pool and a convolution of one relation share", () => {
    const d = new Draft("net");
    const g = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1], sites: "reach" };
    const pooled = d.op("pool", [d.x], { mode: "max", ...g, divisor: "count" });
    const after = checked(d.finish(d.add(pooled, d.conv(d.x, 4))), both);
    expect(one(after, "rulebook.search").attrs["mirrored"]).toBe(false);
  });

  test("a smaller kernel is a slice of a larger one, also of one that comes later", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.subm(d.subm(d.subm(d.x, 4, [1, 3]), 4, [5, 3]), 4, [3, 3])), both);
    expect(numbers(one(after, "rulebook.search").attrs, "kernel")).toEqual([5, 3]);
    const slices = after.ops.filter((op) => op.name === "rulebook.slice").map((op) => op.attrs["taps"]);
    expect(slices).toEqual([
      [6, 7, 8],
      [3, 4, 5, 6, 7, 8, 9, 10, 11],
    ]);
  });

  test("a dilated kernel is a slice of a denser one with the same offsets", () => {
    const d = new Draft("net");
    const wide = d.subm(d.x, 4, [5, 5]);
    const after = checked(d.finish(d.op("subm", [wide, d.param(3, 3, 4, 4)], { kernel: [3, 3], padding: [2, 2], dilation: [2, 2] })), both);
    expect(one(after, "rulebook.slice").attrs["taps"]).toEqual([0, 2, 4, 10, 12, 14, 20, 22, 24]);
  });

  test("the dilation of an axis with one tap decides nothing", () => {
    const d = new Draft("net");
    const a = d.op("subm", [d.x, d.param(3, 1, 4, 4)], { kernel: [3, 1], padding: [1, 0], dilation: [1, 2] });
    const after = checked(d.finish(d.subm(a, 4, [3, 1])), both);
    expect(count(after, "rulebook.search")).toBe(1);
  });

  test("inverse convolutions share the transpose of the stored forward search", () => {
    const d = new Draft("net");
    const g = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1] };
    const down = d.conv(d.x, 4);
    const ups = [4, 4].map((c) => d.op("up", [down, d.param(3, 3, 4, c)], { ...g, onto: d.sites }));
    const after = checked(d.finish(d.add(ups[0]!, ups[1]!)), both);
    const search = one(after, "rulebook.search");
    expect(one(after, "rulebook.transpose").operands).toEqual(search.results);
  });

  test("an inverse by a smaller kernel is a slice of the transpose, so that one block serves both", () => {
    const d = new Draft("net");
    const down = d.conv(d.x, 4, { sites: "floor" });
    const small = d.conv(d.x, 4, { k: 2, p: 0, sites: "floor" });
    const both2 = d.add(down, small);
    const g = { stride: [2, 2], dilation: [1, 1], onto: d.sites };
    const fine = d.op("up", [both2, d.param(2, 2, 4, 4)], { kernel: [2, 2], padding: [0, 0], ...g });
    const wide = d.op("up", [both2, d.param(3, 3, 4, 4)], { kernel: [3, 3], padding: [1, 1], ...g });
    const after = checked(d.finish(d.add(fine, wide)), both);
    expect(count(after, "rulebook.search")).toBe(1);
    expect(count(after, "rulebook.transpose")).toBe(1);
    expect(count(after, "rulebook.slice")).toBe(2);
  });

  test("offsets that are no part of each other stay two searches, and no larger one is made up", () => {
    const d = new Draft("net");
    const after = checked(d.finish(d.subm(d.subm(d.x, 4, [1, 3]), 4, [3, 1])), both);
    expect(count(after, "rulebook.search")).toBe(2);
    expect(count(after, "rulebook.slice")).toBe(0);
  });

  test("the same kernel on other sites, by another stride or with other padding is another search", () => {
    const d = new Draft("net");
    const down = d.conv(d.subm(d.x, 4), 4);
    const shifted = d.op("subm", [d.subm(down, 4), d.param(3, 3, 4, 4)], { kernel: [3, 3], padding: [0, 0], dilation: [1, 1] });
    const after = checked(d.finish(shifted), both);
    expect(after.ops.filter((op) => op.name === "rulebook.search").map((op) => op.attrs["mirrored"])).toEqual([true, false, true, false]);
  });

  test("options: no slices, no halves", () => {
    const d = new Draft("net");
    const net = d.finish(d.subm(d.subm(d.x, 4, [1, 3]), 4));
    const after = checked(net, "lower,reuse-rulebooks{slices=false,mirrored=false}");
    expect(after.ops.filter((op) => op.name === "rulebook.search").map((op) => op.attrs["mirrored"])).toEqual([false, false]);
  });

  test("counts what it did", () => {
    const d = new Draft("net");
    const { steps } = run(d.finish(d.subm(d.subm(d.subm(d.x, 4, [1, 3]), 4), 4)), both);
    expect(steps[1]!.stats).toEqual({ searches: 1, shared: 1, sliced: 1, transposed: 0, mirrored: 1 });
  });

  test("UNCHANGED: a strided search by itself", () => {
    const d = new Draft("net");
    expectUnchanged(d.finish(d.conv(d.x, 4)), "lower", "reuse-rulebooks");
  });
});
