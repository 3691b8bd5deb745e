import { describe, expect, test } from "vitest";
import { compileGeometry, type Mask } from "../../src/codegen/wgsl/geometry/index.ts";
import type { GeometrySpec } from "../../src/codegen/plan/geometry-spec.ts";
import { COUNT_SITE, countPairs, countSite, PAIR_COUNTERS } from "../../src/runtime/geometry/fields.ts";
import { layoutGeometry, type BoundRange, type GeometryLayout, type GeometryRequest } from "../../src/runtime/geometry/index.ts";
import { SpecWriter } from "./specs.ts";

const mask = (sites: string): Mask => ({ sites, source: { role: "mask", channels: 1, stride: 3, offset: 2 }, above: 0.5 });

/** Two prunings, the second behind a transposed convolution, and a set that joins what is late with what is not. */
const spec = (extents?: readonly number[]): GeometrySpec =>
  new SpecWriter(2).input("S", extents).reach("A", "S", { k: 3, s: 2, p: 1 }).prune("P", "A").reach("B", "P", { k: 3, s: 2, p: 1 })
    .rulebook("down", "P", "B", { k: 3, s: 2, p: 1 }, { transposed: true }).subm("early", "A", 3, { halo: { capacity: 300 } }).subm("late", "P", 3, { halo: { capacity: 300 } })
    .generate("G", "B", { k: 2, s: 2 }).prune("Q", "G").union("U", "Q", "A").rulebook("back", "B", "U", { k: 3, s: 2, p: 1 }).spec;
const MASKS = [mask("P"), mask("Q")];

const layout = (of: GeometrySpec, change: Partial<GeometryRequest> = {}): GeometryLayout =>
  layoutGeometry(compileGeometry(of, {}, MASKS).plan, { rows: of.sites.map((s) => (s.kind === "input" ? 400 : 0)), batch: 2, bounds: of.sites.map(() => undefined), capacities: of.sites.map(() => 0), ...change });
const capacity = (of: GeometrySpec, change: Partial<GeometryRequest>): Readonly<Record<string, number>> => {
  const { capacities } = layout(of, change);
  return Object.fromEntries(of.sites.map((s, i) => [s.id, capacities[i]!]));
};

/** Ranges of a buffer in order, none over another. */
function inOrder(ranges: readonly BoundRange[], buffer: string): readonly BoundRange[] {
  const sorted = ranges.filter((r) => r.buffer === buffer && r.size > 0).sort((a, b) => a.offset - b.offset);
  sorted.slice(1).forEach((r, i) => expect(r.offset).toBeGreaterThanOrEqual(sorted[i]!.offset + sorted[i]!.size));
  return sorted;
}

describe.each([["bounded", spec([64, 64])], ["unbounded", spec()]])("geometry between features, %s", (_name, of) => {
  const l = layout(of);
  const at = (id: string): number => of.sites.findIndex((s) => s.id === id);

  test("makes each pruned set with what derives from it and from no later one", () => {
    expect(l.late.map((p) => [p.site, p.sites])).toEqual([[at("P"), [at("P"), at("B"), at("G")]], [at("Q"), [at("Q"), at("U")]]]);
  });

  test("asks a mask first, or none, and binds what kernels can bind", () => {
    const compiled = compileGeometry(of, {}, MASKS);
    const kernels = new Map(compiled.kernels.map((k) => [k.name, k]));
    for (const { masked, all } of l.late) {
      expect(masked.map((d) => d.mask ?? false)).toEqual(masked.map((_, i) => i === 0));
      expect(all.map((d) => [d.kernel, d.mask])).toEqual(masked.map((d) => [d.kernel, undefined]));
      for (const d of [...masked, ...all, ...l.dispatches]) {
        const { bindings, workgroupBytes } = kernels.get(d.kernel)!;
        expect(d.bindings.length + (d.mask === true ? 1 : 0)).toBe(bindings.length);
        expect(bindings.length).toBeLessThanOrEqual(8);
        expect(workgroupBytes).toBeLessThanOrEqual(16384);
        for (const b of d.bindings) {
          expect(b.offset % 256).toBe(0);
          expect(b.offset + b.size).toBeLessThanOrEqual(l.bytes[b.buffer]);
        }
      }
    }
  });

  test("clears its tables, blocks and counters, and nobody else's", () => {
    const blocks = inOrder([l.clears, ...l.late.map((p) => p.clears)].flat(), "maps");
    expect(blocks.length).toBe(3);
    expect(blocks.reduce((n, r) => n + r.size, 0)).toBe(l.bytes.maps);
    expect(inOrder([l.clears, ...l.late.map((p) => p.clears)].flat(), "scratch").length).toBe(3);
    for (const { sites, clears } of l.late) {
      const words = new Set(inOrder(clears, "counts").flatMap((r) => Array.from({ length: r.size / 4 }, (_, w) => r.offset / 4 + w)));
      of.sites.forEach((_, i) => {
        for (let w = 0; w < COUNT_SITE; w++) expect(words.has(countSite(i) + w), of.sites[i]!.id).toBe(sites.includes(i));
      });
      of.rulebooks.forEach((r, i) => {
        const made = Math.max(...[r.from, r.to].map((id) => l.late.findIndex((p) => p.sites.includes(at(id)))));
        expect(words.has(countPairs(of.sites.length, i)), r.name).toBe(l.late[made]?.sites === sites);
        expect(words.has(countPairs(of.sites.length, i) + PAIR_COUNTERS - 1), r.name).toBe(l.late[made]?.sites === sites);
      });
    }
  });

  test("has room for every row of the parent, and behind a transposed convolution what is asked for or a third", () => {
    const asked = of.sites.map((s) => (s.id === "P" || s.id === "Q" ? 7 : 0));
    const [guessed, small] = [capacity(of, {}), capacity(of, { capacities: asked })];
    expect([guessed["P"], small["P"]]).toEqual([guessed["A"], small["A"]]);
    expect(guessed["Q"]).toBe(Math.min(guessed["G"]!, Math.ceil(guessed["G"]! / 3) + 1024));
    expect(small["Q"]).toBe(7);
    const kept = capacity(of, { capacities: asked, keepAll: true });
    expect([kept["P"], kept["Q"]]).toEqual([kept["A"], kept["G"]]);
  });

  test("needs one kernel more for one pruning more", () => {
    const more = new SpecWriter(2).input("S", of.sites[0]!.extents).prune("P", "S").reach("B", "P", { k: 2, s: 2 }).prune("Q", "S").reach("C", "Q", { k: 2, s: 2 }).spec;
    const fewer = { sites: more.sites.slice(0, 3), rulebooks: more.rulebooks.slice(0, 1) };
    const [two, one] = [compileGeometry(more, {}, MASKS).kernels, compileGeometry(fewer, {}, [MASKS[0]!]).kernels];
    expect(two.length).toBe(one.length + 1);
    expect(two.filter((k) => k.name.startsWith("geometry_prune")).map((k) => /\[row \* 3u \+ 2u\] > 0\.5f/.test(k.code))).toEqual([true, true]);
  });
});

test("a pruned set without a mask, or whose mask comes before its parent's, is a fault", () => {
  expect(() => compileGeometry(spec(), {}, [mask("P")])).toThrow(/no mask makes Q/);
  expect(() => compileGeometry(spec(), {}, [mask("Q"), mask("P")])).toThrow(/no mask makes Q/);
});
