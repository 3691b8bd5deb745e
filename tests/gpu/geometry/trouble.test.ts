import { describe, expect, test } from "vitest";
import { cloud } from "../../geometry/clouds.ts";
import { expectedGeometry, readBlock, type Rows } from "../../geometry/oracle.ts";
import { minkUNet, SpecWriter } from "../../geometry/specs.ts";
import { checkGeometry } from "./check.ts";
import { GeometryRunner, type RequestChange } from "./harness.ts";

const runner = GeometryRunner.ofFile();

const bounded = new SpecWriter(2).input("S", [20, 30]).subm("s", "S", 3).reach("A", "S", { k: 3, s: 2, p: 1 }).rulebook("r", "S", "A", { k: 3, s: 2, p: 1 }, { transposed: true }).spec;
const free = new SpecWriter(2).input("S").subm("s", "S", 3).floor("A", "S", 2).rulebook("r", "S", "A", { k: 2, s: 2 }).spec;
const rows = cloud({ seed: 5, dim: 2, rows: 100, extents: [20, 30] });

describe("small scenes", () => {
  test.each([
    { what: "no rows", inputs: [] },
    { what: "one site", inputs: [[0, 3, 4]] },
    { what: "one site in the last corner", inputs: [[2, 19, 29]] },
    { what: "a full grid", inputs: Array.from({ length: 600 }, (_, i) => [0, Math.floor(i / 30), i % 30]) },
  ])("$what", async ({ inputs }) => {
    await checkGeometry(runner, bounded, { S: inputs });
    await checkGeometry(runner, free, { S: inputs });
    await checkGeometry(runner, free, { S: inputs }, { bitmapCells: 0 });
  });

  test("one site reaches 3^d outputs, in 1D to 4D, and stays one under a submanifold kernel", async () => {
    for (const dim of [1, 2, 3, 4]) {
      const spec = new SpecWriter(dim).input("S").reach("A", "S", { k: 3, p: 1 }).reach("B", "A", { k: 3, p: 1 }).subm("s", "S", 3).spec;
      const run = await checkGeometry(runner, spec, { S: [[0, ...Array.from({ length: dim }, () => -5)]] });
      expect(run.counts.rows).toEqual([1, 3 ** dim, 5 ** dim]);
      expect(run.counts.pairs).toEqual([1]);
    }
  });

  test("coordinates far from the origin, and a gap too wide for any bitmap", async () => {
    const far: Rows = [[0, -(2 ** 30) + 5, 2 ** 30 - 5], [0, 2 ** 30 - 5, 2 ** 30 - 6], [0, 2 ** 30 - 6, 2 ** 30 - 6], [1, 0, 0], [0, -1, -1]];
    const run = await checkGeometry(runner, free, { S: far });
    expect(run.dispatches).toBe(4);
  });

  test("two inputs of different dimensions", async () => {
    const a = new SpecWriter(2).input("P", [9, 9]).reach("P/2", "P", { k: 2, s: 2 }).subm("p", "P/2", 3).spec;
    const b = new SpecWriter(3).input("Q").floor("Q/2", "Q", 2).rulebook("q", "Q", "Q/2", { k: 2, s: 2 }).spec;
    const spec = { sites: [...a.sites, ...b.sites], rulebooks: [...a.rulebooks, ...b.rulebooks] };
    const run = await checkGeometry(runner, spec, { P: cloud({ seed: 1, dim: 2, rows: 30, extents: [9, 9] }), Q: cloud({ seed: 2, dim: 3, rows: 40, extents: [5, 5, 5], low: -2 }) });
    expect(run.dispatches).toBe(8);
  });
});

describe("rows that are wrong", () => {
  test.each([{ injectFailures: false }, { injectFailures: true }])("the second of equal rows is named, however they meet ($injectFailures)", async (options) => {
    const given = [...rows.slice(0, 40), rows[12]!, ...rows.slice(40), rows[3]!, rows[12]!];
    for (let n = 0; n < 3; n++) {
      const run = await runner.run(bounded, { S: given }, {}, options);
      expect(run.counts.problems).toEqual([{ kind: "duplicate", site: 0, row: 40 }]);
    }
  });

  test("the first row outside the extents or of a batch item that is not there", async () => {
    const given = [...rows.slice(0, 50), [0, 20, 3], [0, 3, -1], [3, 1, 1], [-1, 1, 1], ...rows.slice(50)];
    const run = await runner.run(bounded, { S: given }, { batch: 3 });
    expect(run.counts.problems).toEqual([{ kind: "batch", site: 0, row: 52 }, { kind: "out-of-range", site: 0, row: 50 }]);
    const good = expectedGeometry(bounded, { S: rows });
    expect(run.coords("A")).toEqual(good.sites.get("A"));
  });

  test("a row outside the box that its caller said", async () => {
    const run = await runner.run(free, { S: [...rows, [0, 200, 5]] }, { box: { min: [0, 0], max: [19, 29] } });
    expect(run.counts.problems).toEqual([{ kind: "out-of-range", site: 0, row: 100 }]);
  });

  test("coordinates at the ends of i32 do no harm", async () => {
    const ends = [[0, -(2 ** 31), 2 ** 31 - 1], [0, 2 ** 31 - 1, -(2 ** 31)]];
    const run = await runner.run(bounded, { S: [...ends, ...rows] });
    expect(run.counts.problems).toEqual([{ kind: "out-of-range", site: 0, row: 0 }]);
    expect((await runner.run(free, { S: [...ends, ...rows] }, { boxless: true })).counts.problems).toEqual([{ kind: "out-of-range", site: 0, row: 0 }]);
  });
});

describe("too little room", () => {
  const room = { A: 30 };
  test.each<{ what: string; spec: typeof free; change: RequestChange }>([
    { what: "bitmap", spec: bounded, change: { room } },
    { what: "bitmap of an unbounded grid", spec: free, change: { room } },
  ])("$what: the rows needed are told, the first rows are right", async ({ spec, change }) => {
    const expected = expectedGeometry(spec, { S: rows }).sites.get("A")!;
    const run = await runner.run(spec, { S: rows }, change);
    expect(run.counts.overflow).toBe(true);
    expect(run.counts.rows).toEqual([100, expected.length]);
    expect(run.counts.problems).toEqual([]);
    expect(run.layout.capacities).toEqual([100, 30]);
    expect(run.coords("A")).toEqual(expected.slice(0, 30));
    expect(run.guarded).toEqual([]);
    const pairs = readBlock(run.map("r", "forward"), spec === free ? 4 : 9, 30, (text) => expect(text).toBe(""));
    expect(pairs.size).toBeGreaterThan(0);
    await checkGeometry(runner, spec, { S: rows }, { room: { A: run.counts.rows[1]! } });
  });

  test("hash: more is asked for until it fits, and nothing is written outside", async () => {
    const many = cloud({ seed: 6, dim: 2, rows: 1500, extents: [300, 300] });
    const needed = expectedGeometry(free, { S: many }).sites.get("A")!.length;
    let ask = 1;
    let tries = 0;
    for (;;) {
      const run = await runner.run(free, { S: many }, { bitmapCells: 0, room: { A: ask } });
      expect(run.guarded).toEqual([]);
      if (!run.counts.overflow) break;
      expect(run.counts.rows[1]!).toBeGreaterThan(run.layout.capacities[1]!);
      expect(run.counts.rows[1]!).toBeLessThanOrEqual(Math.max(needed, 2 * ask + 64));
      ask = run.counts.rows[1]!;
      expect(++tries).toBeLessThan(10);
    }
    expect(tries).toBeGreaterThan(0);
    await checkGeometry(runner, free, { S: many }, { bitmapCells: 0, room: { A: ask } });
  });
});

describe("launches", () => {
  test("rulebooks that no one binding holds are searched in several dispatches", async () => {
    const given = cloud({ seed: 8, dim: 3, rows: 400, extents: [30, 30, 30], low: -10 });
    const whole = await checkGeometry(runner, minkUNet(), { S: given });
    const split = await checkGeometry(runner, minkUNet(), { S: given }, { bindingBytes: 100_000 });
    expect(split.dispatches).toBeGreaterThan(whole.dispatches);
    for (const d of split.layout.dispatches) for (const b of d.bindings) expect(b.offset % 256).toBe(0);
  });

  test("the order of the input rows does not matter to derived sets, and two runs leave the same bits", async () => {
    const given = cloud({ seed: 9, dim: 3, rows: 600, extents: [20, 20, 20] });
    const turned = [...given].reverse();
    for (const change of [{}, { bitmapCells: 0 }]) {
      const [a, b] = [await runner.run(minkUNet(), { S: given }, change), await runner.run(minkUNet(), { S: given }, change)];
      const c = await runner.run(minkUNet(), { S: turned }, change);
      for (const r of minkUNet().rulebooks) {
        expect(a.map(r.name, "forward")).toEqual(b.map(r.name, "forward"));
        if (r.from !== "S" && r.to !== "S") expect(a.map(r.name, "forward")).toEqual(c.map(r.name, "forward"));
      }
      expect(a.coords("S/2")).toEqual(c.coords("S/2"));
    }
  });

  test("more workgroups than one dimension takes", async () => {
    const spec = new SpecWriter(1).input("S", [8_000_000]).reach("A", "S", { k: 4096 }).reach("B", "A", { k: 2, d: 2 }).spec;
    const given = Array.from({ length: 1100 }, (_, i) => [0, 7_000_000 + i]);
    const run = await checkGeometry(runner, spec, { S: given }, { room: { A: 65_536 * 64 + 1000, B: 6000 } });
    expect(Math.max(...run.layout.dispatches.map((d) => d.groups))).toBeGreaterThan(65_535);
  });

  test("sorting runs in several merges", async () => {
    const given = cloud({ seed: 10, dim: 2, rows: 9000, extents: [3000, 3000], low: -1500 });
    const run = await checkGeometry(runner, free, { S: given }, { bitmapCells: 0 });
    expect(run.layout.dispatches.filter((d) => d.kernel.startsWith("geometry_merge")).length).toBe(2);
  });
});
