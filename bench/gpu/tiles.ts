import { tileKey, tilesOf, tileText, withTiles, type Tile } from "../../src/codegen/tuning/tiles.ts";
import type { Module } from "../../src/ir/module.ts";
import type { StepTime } from "../../src/runtime/index.ts";
import { median, row } from "../cpu/context.ts";
import type { BenchScene } from "../ablation/scenes.ts";
import type { BenchTarget } from "../ablation/targets.ts";

/** One kind of convolution with one tile. */
export interface TileTime {
  readonly key: string;
  readonly rows: readonly number[];
  readonly pairs: number;
  readonly macs: number;
  readonly tile: string;
  /** Of its steps, by the device's clock, and over the standard tile's in the same rounds. */
  readonly milliseconds: number;
  readonly ratio: number;
}

/** Work before each measurement, so that the GPU's clock is up: milliseconds. */
const WARM = 40;

/**
 * Times tiles of every kind of convolution, many kinds at once: a network's i-th variant has each kind's i-th tile, and takes
 * turns with the standard network. Ends after `seconds` with what it has. `words`: only tiles with one of these in their text.
 */
export async function timeTiles(target: BenchTarget, plan: Module, net: Module, scene: BenchScene, runs: number, seconds: number, words: readonly string[]): Promise<readonly TileTime[]> {
  const tiles = new Map<string, readonly Tile[]>();
  for (const op of plan.ops) {
    const key = tileKey(op);
    if (key !== undefined && !tiles.has(key)) tiles.set(key, tilesOf(op).filter((tile) => promising(tile) && words.some((w) => tileText(tile).includes(w))));
  }
  const keys = plan.ops.filter((op) => op.name.startsWith("step.") && op.name !== "step.geometry").map((op) => tileKey(op));
  const standard = await open(target, plan, net, scene);
  // A device that is slow enough to need no warming is a software one.
  const slow = (await standard.profile()).reduce((n, s) => n + s.milliseconds, 0) > WARM;
  const most = Math.max(...[...tiles.values()].map((list) => list.length));
  const found: TileTime[] = [];
  const end = performance.now() + 1000 * seconds;
  for (let i = 0; i < most && performance.now() < end; i++) {
    const chosen = Object.fromEntries([...tiles].flatMap(([key, list]): readonly (readonly [string, Tile])[] => (i < list.length ? [[key, list[i]!]] : [])));
    const variant = await open(target, withTiles(plan, chosen), net, scene).catch((cause: unknown) => {
      console.log(`  left out: ${String(cause).slice(0, 200)}`);
      return undefined;
    });
    if (variant === undefined) continue;
    const rounds: { readonly mine: readonly StepTime[]; readonly theirs: readonly StepTime[] }[] = [];
    for (let round = -1; round < runs; round++) {
      const warm = performance.now() + WARM;
      while (!slow && performance.now() < warm) await standard.busy();
      const theirs = await standard.profile();
      const mine = await variant.profile();
      if (round >= 0) rounds.push({ mine, theirs });
    }
    for (const [key, tile] of Object.entries(chosen)) {
      const steps = rounds[0]!.mine.filter((_, k) => keys[k] === key);
      const sum = (list: readonly StepTime[], of: (s: StepTime) => number): number => list.reduce((n, s, k) => n + (keys[k] === key ? of(s) : 0), 0);
      found.push({
        key, rows: steps.map((s) => s.rows), pairs: sum(rounds[0]!.mine, (s) => s.pairs), macs: sum(rounds[0]!.mine, (s) => s.macs), tile: tileText(tile),
        milliseconds: median(rounds.map((r) => sum(r.mine, (s) => s.milliseconds))),
        ratio: median(rounds.map((r) => sum(r.mine, (s) => s.milliseconds) / sum(r.theirs, (s) => s.milliseconds))),
      });
    }
    variant.close();
  }
  standard.close();
  return found;
}

/** Leaves out masked and packed tiles that were far behind on every GPU measured so far. */
function promising(tile: Tile): boolean {
  if (!("threads" in tile) || tile.dataflow === "streamed") return true;
  return tile.dataflow === "packed" ? tile.threads >= 4 : ["1 1", "4 1", "8 2", "16 2"].includes(`${tile.threads} ${tile.perThread}`);
}

async function open(target: BenchTarget, plan: Module, net: Module, scene: BenchScene) {
  const network = await target.open(plan, net);
  const kept = await network.prepare({ [scene.input]: scene.coords });
  const features = { [scene.input]: scene.features };
  return {
    profile: async (): Promise<readonly StepTime[]> => (await kept.profile(features)).steps,
    busy: () => Promise.all(Array.from({ length: 10 }, () => kept.run(features))),
    close: (): void => {
      kept.dispose();
      network.dispose();
    },
  };
}

/** The best tiles of each kind, with the time of its standard one. */
export function printTiles(times: readonly TileTime[], most = 8): void {
  for (const key of new Set(times.map((t) => t.key))) {
    const mine = times.filter((t) => t.key === key).sort((a, b) => a.ratio - b.ratio);
    row(`  ${key}, ${mine[0]!.rows.join("+")} rows, ${mine[0]!.pairs} pairs`);
    for (const t of mine.slice(0, most)) row(`    ${t.tile}`, t.ratio.toFixed(3), t.milliseconds.toFixed(4), `${((2 * t.macs) / t.milliseconds / 1e6).toFixed(0)} GFLOP/s`);
  }
}
