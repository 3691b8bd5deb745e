import { describe, expect, it } from "vitest";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import type { Choices } from "../../src/codegen/tuning/choices.ts";
import { withTiles } from "../../src/codegen/tuning/tiles.ts";
import { tune, type Subject, type Workbench } from "../../src/cli/tuning/search.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import { printPipeline } from "../../src/passes/pipeline.ts";
import { presetPipeline } from "../../src/passes/presets.ts";
import { netFromText } from "../support/source-net.ts";

const { module } = netFromText(`spnet 1
net Two {
  dialect spconv
  sites S : (z: 8, y: 8, x: 8)
  input v : feat[S, 16]
  output out = v |> subm(16, k=3, w="a") |> relu |> subm(16, k=3, w="b")
}
`);
const start: Choices = { pipeline: presetPipeline("O2"), tiles: {} };

interface Made extends Subject {
  readonly choices: Choices;
}

/** A machine that is made up: a step takes `cost` of its tile, pairs cost `pairs`, time passes only when it runs. */
function machine(cost: (tile: { readonly threads: number; readonly perThread: number; readonly dataflow?: string } | undefined) => number, wrong: (choices: Choices) => boolean = () => false): Workbench<Made> & { readonly lines: string[]; readonly alive: () => number } {
  let clock = 0;
  let opened = 0;
  const lines: string[] = [];
  const plan = (choices: Choices): ReturnType<typeof lowerToPlan> => withTiles(lowerToPlan(runPipeline(module, choices.pipeline).module), choices.tiles);
  const times = (choices: Choices): readonly number[] => plan(choices).ops.filter((op) => op.name.startsWith("step.") && op.name !== "step.geometry").map((op) => (op.name === "step.pair" ? 30 : cost((op.attrs["spec"] as { tile?: never }).tile)));
  const spend = (ms: number): number => {
    clock += ms;
    return ms;
  };
  return {
    target: "webgpu", lines, alive: () => opened, plan,
    open(choices) {
      opened++;
      return Promise.resolve({
        choices, plan: plan(choices),
        run: () => Promise.resolve(spend(times(choices).reduce((a, b) => a + b, 0))),
        profile: () => Promise.resolve(times(choices).map(spend)),
        dispose: () => void opened--,
      });
    },
    difference: (found) => (wrong(found.choices) ? "they differ" : undefined),
    now: () => clock,
    say: (line) => void lines.push(line),
  };
}

describe("tuning", () => {
  const fastest = { threads: 2, perThread: 8 };
  const prefers = (tile: { readonly threads: number; readonly perThread: number; readonly dataflow?: string } | undefined): number =>
    tile !== undefined && tile.dataflow === undefined && tile.threads === fastest.threads && tile.perThread === fastest.perThread ? 5 : 10;

  it("finds the fastest tile, leaves what is slower, and closes what it opened", async () => {
    const bench = machine(prefers);
    const found = await tune(bench, start, 60);
    expect(found.choices.tiles).toEqual({ "27tx16->16": fastest });
    expect(printPipeline(found.choices.pipeline)).toBe(printPipeline(start.pipeline));
    expect(found.milliseconds).toEqual({ standard: 20, tuned: 10 });
    expect(found.dropped).toEqual([]);
    expect(bench.alive()).toBe(0);
  });

  it("takes a pipeline that is faster", async () => {
    const found = await tune(machine(() => 40), start, 60);
    expect(printPipeline(found.choices.pipeline)).toContain("fuse-pairs{pairs=always}");
    expect(found.milliseconds).toEqual({ standard: 80, tuned: 30 });
  });

  it("drops a candidate with other results, says so, and takes the next best", async () => {
    const bench = machine(prefers, (choices) => Object.values(choices.tiles).some((t) => prefers(t) === 5));
    const found = await tune(bench, start, 60);
    expect(found.dropped).toEqual(["tile 2 × 8"]);
    expect(bench.lines.join("\n")).toContain("tile 2 × 8: dropped, its results differ: they differ");
    expect(found.choices).toEqual(start);
    expect(found.milliseconds).toEqual({ standard: 20, tuned: 20 });
    expect(bench.alive()).toBe(0);
  });

  it("drops a candidate that cannot be made, says so, and goes on", async () => {
    const bench = machine(prefers);
    const { open } = bench;
    const failing = { ...bench, open: (choices: Choices) => (Object.values(choices.tiles).some((t) => t.dataflow === "packed") ? Promise.reject(new Error("no such kernel")) : open(choices)) };
    const found = await tune(failing, start, 60);
    expect(found.choices.tiles).toEqual({ "27tx16->16": fastest });
    expect(found.dropped.length).toBeGreaterThan(0);
    expect(found.dropped.every((label) => label.endsWith("packed"))).toBe(true);
    expect(bench.lines.join("\n")).toContain("dropped, it does not run here: no such kernel");
    expect(bench.alive()).toBe(0);
  });

  it("begins nothing new when its time is up", async () => {
    const bench = machine(prefers);
    expect((await tune(bench, start, 0)).choices).toEqual(start);
    expect(bench.now()).toBeLessThan(400);
  });

  it("finds nothing where nothing is faster", async () => {
    expect((await tune(machine(() => 10), start, 60)).choices).toEqual(start);
  });
});
