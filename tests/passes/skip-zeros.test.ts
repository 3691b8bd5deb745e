import { describe, expect, test } from "vitest";
import type { Module, ValueId } from "../../src/ir/module.ts";
import { decodeTile } from "../../src/passes/rewrite/tile.ts";
import { checked, Draft, expectUnchanged, run } from "./support.ts";

const fused = "lower,reuse-rulebooks,fuse-cat,fold-bn,fuse-epilogue";
const any = "skip-zeros{channels=1}";

/** Of each convolution, which terms are marked. */
const marks = (module: Module): readonly (readonly boolean[])[] =>
  module.ops.flatMap((op) => {
    const head = decodeTile(op)?.head;
    return head?.kind === "conv" ? [head.terms.map((t) => t.zeros === true)] : [];
  });

/** Whether the last convolution is marked, term by term. */
function last(build: (d: Draft) => ValueId, passes = `${fused},${any}`): readonly boolean[] | undefined {
  const d = new Draft("net");
  return marks(checked(d.finish(build(d)), passes)).at(-1);
}

describe("skip-zeros", () => {
  const cases: Readonly<Record<string, (d: Draft) => ValueId>> = {
    "a convolution after convolution, norm and relu": (d) => d.subm(d.relu(d.bn(d.subm(d.x, 8))), 4),
    "of an input behind a relu": (d) => d.subm(d.relu(d.x), 4),
    "a strided one": (d) => d.conv(d.relu(d.subm(d.x, 8)), 4),
    "after a residual sum": (d) => d.subm(d.relu(d.add(d.subm(d.x, 4), d.x)), 4),
    "after relu6": (d) => d.subm(d.op("relu6", [d.subm(d.x, 8)]), 4),
  };
  test.each(Object.entries(cases))("%s is marked", (_, build) => expect(last(build)).toEqual([true]));

  test("of two sources the one that comes out of a relu", () => {
    expect(last((d) => d.subm(d.cat(d.relu(d.subm(d.x, 8)), d.subm(d.x, 4)), 4))).toEqual([true, false]);
    expect(last((d) => d.subm(d.cat(d.subm(d.x, 4), d.relu(d.subm(d.x, 8))), 4))).toEqual([false, true]);
  });

  test("of a result before the relu and one after it the second alone", () => {
    const build = (raw: boolean) => (d: Draft): ValueId => {
      const y = d.subm(d.x, 8);
      const z = d.relu(y);
      return d.add(d.add(d.op("sigmoid", [y]), d.op("tanh", [z])), d.subm(raw ? y : z, 8));
    };
    expect(last(build(false))).toEqual([true]);
    expect(last(build(true))).toEqual([false]);
  });

  const others: Readonly<Record<string, (d: Draft) => ValueId>> = {
    "an input": (d) => d.subm(d.x, 4),
    "what has no activation": (d) => d.subm(d.bn(d.subm(d.x, 8)), 4),
    "other activations": (d) => d.subm(d.op("sigmoid", [d.subm(d.x, 8)]), 4),
    "a norm behind the relu": (d) => d.subm(d.bn(d.relu(d.subm(d.x, 8))), 4),
    "a sum behind the relu": (d) => d.subm(d.add(d.relu(d.subm(d.x, 4)), d.x), 4),
    "a pointwise layer, which gathers nothing": (d) => d.linear(d.relu(d.subm(d.x, 8)), 4),
  };
  test.each(Object.entries(others))("UNCHANGED: rows of %s", (_, build) => {
    const d = new Draft("net");
    expectUnchanged(d.finish(build(d)), fused, any);
  });

  test("UNCHANGED: few channels, and a remark says so", () => {
    const d = new Draft("net");
    const { steps } = expectUnchanged(d.finish(cases["of an input behind a relu"]!(d)), fused, "skip-zeros");
    expect(steps.at(-1)!.remarks.map((r) => `${r.kind}: ${r.text}`)).toEqual(["missed: products with zeros are not left out: fewer than 32 input channels"]);
  });

  test("counts and says what it marks", () => {
    const d = new Draft("net");
    const step = run(d.finish(cases["after a residual sum"]!(d)), `${fused},${any}`).steps.at(-1)!;
    expect(step.stats).toEqual({ marked: 1 });
    expect(step.remarks.map((r) => r.kind)).toEqual(["done"]);
  });
});
