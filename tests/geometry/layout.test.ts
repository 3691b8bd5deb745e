import { describe, expect, test } from "vitest";
import { compileGeometry } from "../../src/codegen/wgsl/geometry/index.ts";
import type { GeometrySpec } from "../../src/codegen/plan/geometry-spec.ts";
import { layoutGeometry, type GeometryRequest } from "../../src/runtime/geometry/index.ts";
import { minkUNet, second, SpecWriter } from "./specs.ts";

const request = (spec: GeometrySpec, rows: number, change: Partial<GeometryRequest> = {}): GeometryRequest => ({
  rows: spec.sites.map((s) => (s.kind === "input" ? rows : 0)),
  batch: 1,
  bounds: spec.sites.map(() => ({ min: spec.sites[0]!.extents?.map(() => 0) ?? [-100, -100, -100], max: spec.sites[0]!.extents?.map((n) => n - 1) ?? [100, 100, 100] })),
  capacities: spec.sites.map(() => 0),
  ...change,
});
const layout = (spec: GeometrySpec, rows: number, change: Partial<GeometryRequest> = {}, options = {}) =>
  layoutGeometry(compileGeometry(spec, options).plan, request(spec, rows, change));

describe("what a device can bind", () => {
  const specs: readonly [string, GeometrySpec][] = [
    ["SECOND", second()],
    ["MinkUNet", minkUNet()],
    ["with halo tables", new SpecWriter(4).input("S").reach("A", "S", { k: 2, d: 2 }).subm("s", "A", 3, { halo: { capacity: 4096 }, transposed: true }).sorted("T", "S").spec],
  ];
  test.each(specs)("%s: at most 8 storage buffers, 256 invocations and 16 KiB per kernel", (_, spec) => {
    for (const options of [{}, { bitmapCells: 0 }]) {
      for (const k of compileGeometry(spec, options).kernels) {
        expect(k.bindings.length).toBeLessThanOrEqual(8);
        expect(k.workgroupBytes).toBeLessThanOrEqual(16384);
        const arrays = [...k.code.matchAll(/var<workgroup> \w+: array<(?:u32|atomic<u32>), (\d+)u>/g)].reduce((sum, m) => sum + 4 * Number(m[1]), 0);
        const words = [...k.code.matchAll(/var<workgroup> \w+: (?:u32|atomic<u32>);/g)].length * 4;
        expect({ name: k.name, bytes: k.workgroupBytes }).toEqual({ name: k.name, bytes: arrays + words });
        expect(Number(/@workgroup_size\((\d+)\)/.exec(k.code)![1])).toBeLessThanOrEqual(256);
      }
    }
  });

  test.each(specs)("%s: ranges are aligned, inside their buffers and apart", (_, spec) => {
    const l = layout(spec, 1000);
    for (const d of l.dispatches) {
      for (const b of d.bindings) {
        expect(b.offset % 256).toBe(0);
        expect(b.size % 4).toBe(0);
        expect(b.size).toBeGreaterThan(0);
        expect(b.offset + b.size).toBeLessThanOrEqual(l.bytes[b.buffer]);
      }
    }
    for (const regions of [l.coords, l.maps.flatMap((m) => [m.forward, m.transposed, m.halo]).filter((r) => r !== undefined)]) {
      const sorted = [...regions].sort((a, b) => a.offset - b.offset);
      sorted.slice(1).forEach((r, i) => expect(r.offset).toBeGreaterThanOrEqual(sorted[i]!.offset + sorted[i]!.size));
      for (const r of sorted) expect(r.offset % 256).toBe(0);
    }
    expect(l.meta.byteLength).toBe(l.bytes.meta);
  });
});

describe("room", () => {
  test("what is asked for, and never more than can exist", () => {
    expect(layout(second(), 1000, { capacities: [0, 500, 10_000_000, 77, 3] }).capacities).toEqual([1000, 500, 64_000, 77, 3]);
    expect(layout(second([41, 9, 9]), 700, { capacities: [0, 1e9, 1e9, 1e9, 1e9] }).capacities).toEqual([700, 525, 99, 20, 8]);
  });

  test("for every output of a dilated kernel whose stride divides its dilation", () => {
    const spec = (s: number): GeometrySpec => new SpecWriter(1).input("S", [10_000]).reach("A", "S", { k: 3, s, p: 2, d: 2 }).spec;
    const asked = { capacities: [0, 1e9] };
    expect(layout(spec(1), 100, asked).capacities).toEqual([100, 300]);
    // Even rows reach by all three taps, odd ones by none.
    expect(layout(spec(2), 100, asked).capacities).toEqual([100, 300]);
    expect(layout(spec(3), 100, asked).capacities).toEqual([100, 100]);
    expect(layout(spec(4), 100, asked).capacities).toEqual([100, 200]);
  });

  test("a sorted copy and floor sets have no more rows than their parents", () => {
    expect(layout(minkUNet(), 1000).capacities).toEqual([1000, 1000, 1000, 1000, 1000]);
  });
});

describe("tables", () => {
  const hashed = (spec: GeometrySpec, change: Partial<GeometryRequest>): boolean => layout(spec, 1000, change).dispatches.some((d) => d.kernel.startsWith("geometry_merge"));
  const far = { min: [0, 0, 0], max: [1_000_000, 1000, 1000] };

  test("declared grids decide when compiling: kernels of bitmaps have no hash code for derived sets", () => {
    const kernels = compileGeometry(second()).kernels;
    expect(kernels.map((k) => k.name)).toEqual(["geometry_mark", "geometry_count", "geometry_emit", "geometry_search"]);
    expect(kernels.find((k) => k.name === "geometry_emit")!.code).not.toContain("keys");
    expect(compileGeometry(second([4096, 4096, 4096])).plan.sites.map((s) => s.storage)).toEqual(["hash", "hash", "hash", "bitmap", "bitmap"]);
    expect(compileGeometry(second(), { bitmapCells: 2 ** 20 }).plan.sites.map((s) => s.storage)).toEqual(["hash", "hash", "hash", "bitmap", "bitmap"]);
  });

  test("unbounded grids decide per scene, by their box", () => {
    const spec = new SpecWriter(3).input("S").floor("A", "S", 2).floor("B", "S", 64).spec;
    expect(hashed(spec, { capacities: [0, 1000, 1000] })).toBe(false);
    expect(hashed(spec, { bitmapCells: 1000, capacities: [0, 1000, 1000] })).toBe(true);
    expect(hashed(spec, { bounds: [far, undefined, undefined], capacities: [0, 1000, 10] })).toBe(true);
    // A list of one run is sorted without merges.
    expect(hashed(spec, { bounds: [far, undefined, undefined], capacities: [0, 512, 1000] })).toBe(false);
    expect(hashed(spec, { bounds: [undefined, undefined, undefined], capacities: [0, 1000, 1000] })).toBe(true);
    // The bitmap of A takes 512 KiB: what the bindings do not hold is hashed.
    const box = [{ min: [0, 0, 0], max: [1023, 255, 63] }, undefined, undefined];
    expect(hashed(spec, { bounds: box, capacities: [0, 1000, 1000] })).toBe(false);
    expect(hashed(spec, { bounds: box, bindingBytes: 300_000, capacities: [0, 1000, 1000] })).toBe(true);
  });

  test("more cells or candidates than can be numbered are refused", () => {
    const wide = new SpecWriter(3).input("S", [2048, 512, 512]).reach("A", "S", { k: 2, s: 2 }).spec;
    expect(() => layout(wide, 10, { batch: 64 })).toThrow(/SP0611.*site set A/);
    const many = new SpecWriter(3).input("S").reach("A", "S", { k: 5, d: 2 }).spec;
    expect(() => layout(many, 40_000_000, { bounds: [undefined, undefined] })).toThrow(/SP0611.*site set A/);
  });

  test("nothing is launched for what is not there", () => {
    expect(layout(second(), 0).dispatches.map((d) => d.kernel)).toEqual(["geometry_mark", "geometry_count", "geometry_emit"]);
    expect(layout(new SpecWriter(2).input("S").spec, 0).dispatches.length).toBe(1);
  });
});

test("kernels and plan are the same every time, and plain data", () => {
  const [a, b] = [compileGeometry(minkUNet()), compileGeometry(minkUNet())];
  expect(a.kernels.map((k) => k.code)).toEqual(b.kernels.map((k) => k.code));
  expect(JSON.parse(JSON.stringify(a.plan))).toEqual(a.plan);
});

test("equal kernels share their text however many rulebooks there are", () => {
  const network = (levels: number): GeometrySpec => {
    const w = new SpecWriter(3).input("S");
    for (let i = 0; i < levels; i++) w.floor(`L${i}`, "S", 2 ** (i + 1)).subm(`s${i}`, `L${i}`, 3);
    return w.spec;
  };
  const lines = (spec: GeometrySpec): number => compileGeometry(spec).kernels.find((k) => k.name === "geometry_search")!.code.split("\n").length;
  // One line each, in the comment at the head.
  expect(lines(network(8)) - lines(network(2))).toBe(6);
});
