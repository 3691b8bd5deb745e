import { describe, expect, it } from "vitest";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import type { Choices } from "../../src/codegen/tuning/choices.ts";
import { FALSE_WINS } from "../../src/codegen/tuning/decide.ts";
import { needsSubgroups, tileKey, withTiles, type Tile, type TileTarget } from "../../src/codegen/tuning/tiles.ts";
import { tune, type Workbench } from "../../src/cli/tuning/search.ts";
import type { Module } from "../../src/ir/module.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import { printPipeline } from "../../src/passes/pipeline.ts";
import { presetPipeline } from "../../src/passes/presets.ts";
import { netFromText } from "../support/source-net.ts";
import { noise } from "./noise.ts";

const { module } = netFromText(`spnet 1
net Two {
  dialect spconv
  sites S : (z: 8, y: 8, x: 8)
  input v : feat[S, 16]
  output out = v |> subm(16, k=3, w="a") |> relu |> subm(16, k=3, w="b") |> relu |> subm(32, k=3, w="c")
}
`);
const start: Choices = { pipeline: presetPipeline("O2"), tiles: {} };
const [NARROW, WIDE] = ["27tx16->16", "27tx16->32"] as const;

const plans = new Map<string, Module>();
function planOf({ pipeline, tiles }: Choices, target: TileTarget): Module {
  const key = `${target} ${printPipeline(pipeline)} ${JSON.stringify(tiles)}`;
  const plan = plans.get(key) ?? withTiles((target === "webgpu" ? lowerToPlan : lowerToCpuPlan)(runPipeline(module, pipeline).module), tiles, target);
  plans.set(key, plan);
  return plan;
}

interface MadeUp {
  /** Milliseconds of a convolution of a kind with a tile; 10 of every other step. */
  readonly cost: (key: string, tile: Tile | undefined) => number;
  readonly wrong?: (choices: Choices) => boolean;
  readonly factor?: () => number;
  readonly target?: TileTarget;
  readonly subgroups?: boolean;
  /** Least step that the clock shows. */
  readonly step?: number;
}

/** A machine that is made up: time passes only when it runs. */
function machine({ cost, wrong = () => false, factor = () => 1, target = "webgpu", subgroups = false, step = 0 }: MadeUp): Workbench<Choices> & { readonly lines: string[]; readonly alive: () => number; readonly most: () => number; readonly runs: () => number } {
  let [time, alive, most, runs] = [0, 0, 0, 0];
  const lines: string[] = [];
  const shown = (): number => (step === 0 ? time : Math.floor(time / step) * step);
  const times = (choices: Choices): readonly number[] =>
    planOf(choices, target).ops.filter((op) => op.name.startsWith("step.") && op.name !== "step.geometry").map((op) => {
      const spec = op.attrs["spec"] as { readonly tile?: never; readonly registers?: never };
      return op.name === "step.conv" ? cost(tileKey(op)!, spec.tile ?? spec.registers) : op.name === "step.pair" ? 30 : 10;
    });
  return {
    target, subgroups, lines, alive: () => alive, most: () => most, runs: () => runs,
    plan: (choices) => planOf(choices, target),
    open(choices) {
      alive++;
      most = Math.max(most, alive);
      return Promise.resolve({
        plan: planOf(choices, target),
        results: choices,
        run: () => {
          runs++;
          for (const ms of times(choices)) time += ms * factor();
          return Promise.resolve();
        },
        profile: () => Promise.resolve(times(choices).map((ms) => {
          const before = shown();
          time += ms * factor();
          return shown() - before;
        })),
        dispose: () => void alive--,
      });
    },
    difference: (found) => (wrong(found) ? "they differ" : undefined),
    // Reading the clock takes a little, so that its steps can be seen.
    now: () => ((time += step / 50), shown()),
    say: (line) => void lines.push(line),
  };
}

const fastest = { threads: 2, perThread: 8 };
const isFastest = (tile: Tile | undefined): boolean => tile !== undefined && "threads" in tile && tile.dataflow === undefined && tile.threads === fastest.threads && tile.perThread === fastest.perThread;
const prefers = (_: string, tile: Tile | undefined): number => (isFastest(tile) ? 5 : 10);

describe("tuning", () => {
  it("finds the fastest tile, leaves what is slower, and closes what it opened; never more than two networks are open", async () => {
    const bench = machine({ cost: prefers });
    const found = await tune(bench, start, 60);
    expect(found.choices.tiles).toEqual({ [NARROW]: fastest, [WIDE]: fastest });
    expect(printPipeline(found.choices.pipeline)).toBe(printPipeline(start.pipeline));
    expect(found.milliseconds).toEqual({ standard: 30, tuned: 15 });
    expect(found.dropped).toEqual([]);
    expect(bench.alive()).toBe(0);
    expect(bench.most()).toBe(2);
  });

  it("finds the fastest register tile on the CPU", async () => {
    const bench = machine({ target: "wasm", cost: (key, tile) => (key === NARROW && tile !== undefined && "rows" in tile && tile.rows === 6 && tile.columns === 8 ? 5 : 10) });
    const found = await tune(bench, start, 60);
    expect(found.choices.tiles).toEqual({ [NARROW]: { rows: 6, columns: 8 } });
    expect(found.milliseconds).toEqual({ standard: 30, tuned: 20 });
    expect([bench.alive(), bench.most()]).toEqual([0, 2]);
  });

  it("tries tiles that need subgroups only where there are some", async () => {
    const cost = (_: string, tile: Tile | undefined): number => (tile !== undefined && needsSubgroups(tile) ? 5 : 10);
    const [without, with_] = [await tune(machine({ cost }), start, 60), await tune(machine({ cost, subgroups: true }), start, 60)];
    expect(without.choices).toEqual(start);
    expect(Object.values(with_.choices.tiles).some(needsSubgroups)).toBe(true);
    expect(buildProgram(planOf(with_.choices, "webgpu")).plan.features).toEqual(["subgroups"]);
  });

  it("takes a pipeline that is faster", async () => {
    const found = await tune(machine({ cost: () => 40 }), start, 60);
    expect(printPipeline(found.choices.pipeline)).toContain("fuse-pairs{pairs=always}");
    expect(found.milliseconds.standard).toBe(120);
    expect(found.milliseconds.tuned).toBeLessThan(120);
  });

  it("drops a candidate with other results, says so, and takes the next best", async () => {
    const bench = machine({ cost: prefers, wrong: (choices) => Object.values(choices.tiles).some(isFastest) });
    const found = await tune(bench, start, 60);
    expect(found.dropped).toEqual([`${NARROW}: tile 2 × 8`, `${WIDE}: tile 2 × 8`]);
    expect(bench.lines.join("\n")).toContain(`${NARROW}: tile 2 × 8: dropped, its results differ: they differ`);
    expect(found.choices).toEqual(start);
    expect(found.milliseconds).toEqual({ standard: 30, tuned: 30 });
    expect(bench.alive()).toBe(0);
  });

  it("drops a tile for the kind where it is wrong only", async () => {
    const bench = machine({ cost: prefers, wrong: (choices) => isFastest(choices.tiles[WIDE]) });
    const found = await tune(bench, start, 60);
    expect(found.dropped).toEqual([`${WIDE}: tile 2 × 8`]);
    expect(found.choices.tiles).toEqual({ [NARROW]: fastest });
    expect([bench.alive(), bench.most()]).toEqual([0, 2]);
  });

  it("drops a candidate that cannot be made, says so, and goes on", async () => {
    const bench = machine({ cost: prefers });
    const { open } = bench;
    const failing = { ...bench, open: (choices: Choices) => (Object.values(choices.tiles).some((t) => "dataflow" in t) ? Promise.reject(new Error("no such kernel")) : open(choices)) };
    const found = await tune(failing, start, 60);
    expect(found.choices.tiles).toEqual({ [NARROW]: fastest, [WIDE]: fastest });
    expect(found.dropped.length).toBeGreaterThan(0);
    expect(found.dropped.every((label) => / (packed|direct|streamed .*)$/.test(label))).toBe(true);
    expect(bench.lines.join("\n")).toContain("dropped, it does not run here: no such kernel");
    expect(bench.alive()).toBe(0);
  });

  it("begins nothing new when its time is up", async () => {
    const bench = machine({ cost: prefers });
    expect((await tune(bench, start, 0)).choices).toEqual(start);
    expect(bench.now()).toBeLessThan(400);
  });

  it("finds nothing where nothing is faster", async () => {
    expect((await tune(machine({ cost: () => 10 }), start, 600)).choices).toEqual(start);
  });

  it("finds nothing where a gain is below the least margin", async () => {
    expect((await tune(machine({ cost: (key, tile) => (key === NARROW && isFastest(tile) ? 9.8 : 10) }), start, 600)).choices).toEqual(start);
  });

  it("repeats short runs until a coarse clock can tell them apart, and says how often", async () => {
    const bench = machine({ cost: (key, tile) => prefers(key, tile) / 100, step: 1 });
    const found = await tune(bench, start, 3600);
    expect(found.choices.tiles[NARROW]).toEqual(fastest);
    // 200 steps of the clock: more than 600 runs of 0.3 ms.
    expect(found.samples.repetitions).toBeGreaterThan(600);
    expect(found.milliseconds.standard).toBeGreaterThan(0.29);
    expect(found.milliseconds.standard).toBeLessThan(0.35);
    expect(bench.lines.join("\n")).toMatch(/over \d+ rounds of \d+ runs, faster/);
  });
});

describe("noise", () => {
  const TUNINGS = 60;
  it.each(["webgpu", "wasm"] as const)("on %s: equal candidates win in no more tunings than is stated", async (target) => {
    let false_ = 0;
    for (let seed = 1; seed <= TUNINGS; seed++) {
      const found = await tune(machine({ target, cost: () => 10, factor: noise(1000 + seed) }), start, 3600);
      if (found.choices !== start) false_++;
    }
    expect(false_ / TUNINGS).toBeLessThanOrEqual(FALSE_WINS);
  });

  it("beside a true gain equal candidates of another kind win as rarely, and the gain is found", async () => {
    let [false_, found] = [0, 0];
    for (let seed = 1; seed <= TUNINGS; seed++) {
      const { tiles } = (await tune(machine({ cost: (key, tile) => (key === NARROW && isFastest(tile) ? 5 : 10), factor: noise(2000 + seed) }), start, 3600)).choices;
      if (WIDE in tiles) false_++;
      if (tiles[NARROW] !== undefined && isFastest(tiles[NARROW])) found++;
    }
    expect(false_ / TUNINGS).toBeLessThanOrEqual(FALSE_WINS);
    expect(found / TUNINGS).toBeGreaterThan(0.5);
  });
});
