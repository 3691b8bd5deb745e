import { tileKey, tilesOf, tileText, withTiles, type Tile } from "../../src/codegen/tuning/tiles.ts";
import type { Module } from "../../src/ir/module.ts";
import { median, row } from "../cpu/context.ts";
import type { BenchScene } from "../ablation/scenes.ts";
import type { BenchTarget } from "../ablation/targets.ts";

/** One kind of convolution with one tile: milliseconds of its steps by the device's clock. */
export interface TileTime {
  readonly key: string;
  readonly rows: readonly number[];
  readonly pairs: number;
  readonly macs: number;
  readonly tile: string;
  readonly milliseconds: number;
}

/** Parts of the channels that are tried. */
const SPLITS = [1, 2, 4];

/** Times every tile of every kind of convolution, many kinds at once: a network's i-th variant has each kind's i-th tile. */
export async function timeTiles(target: BenchTarget, plan: Module, net: Module, scene: BenchScene, runs: number): Promise<readonly TileTime[]> {
  const tiles = new Map<string, readonly Tile[]>();
  for (const op of plan.ops) {
    const key = tileKey(op);
    if (key === undefined || tiles.has(key)) continue;
    tiles.set(key, tilesOf(op, "webgpu", SPLITS));
  }
  const most = Math.max(...[...tiles.values()].map((list) => list.length));
  const found: TileTime[] = [];
  for (let i = 0; i < most; i++) {
    const chosen = Object.fromEntries([...tiles].flatMap(([key, list]): readonly (readonly [string, Tile])[] => (i < list.length ? [[key, list[i]!]] : [])));
    const variant = withTiles(plan, chosen, "webgpu", SPLITS);
    const network = await target.open(variant, net).catch((cause: unknown) => {
      console.log(`  left out: ${String(cause).slice(0, 200)}`);
      return undefined;
    });
    if (network === undefined) continue;
    const kept = await network.prepare({ [scene.input]: scene.coords });
    const rounds: number[][] = [];
    let steps: Awaited<ReturnType<typeof kept.profile>>["steps"] = [];
    for (let round = -2; round < runs; round++) {
      ({ steps } = await kept.profile({ [scene.input]: scene.features }));
      if (round >= 0) rounds.push(steps.map((s) => s.milliseconds));
    }
    const keys = variant.ops.filter((op) => op.name.startsWith("step.")).map((op) => tileKey(op));
    for (const [key, tile] of Object.entries(chosen)) {
      const mine = steps.flatMap((_, k) => (keys[k] === key ? [k] : []));
      const sum = (of: (k: number) => number): number => mine.reduce((n, k) => n + of(k), 0);
      found.push({ key, rows: mine.map((k) => steps[k]!.rows), pairs: sum((k) => steps[k]!.pairs), macs: sum((k) => steps[k]!.macs), tile: tileText(tile), milliseconds: sum((k) => median(rounds.map((r) => r[k]!))) });
    }
    kept.dispose();
    network.dispose();
  }
  return found;
}

/** The best tiles of each kind, with the time of its standard one. */
export function printTiles(times: readonly TileTime[], most = 6): void {
  for (const key of new Set(times.map((t) => t.key))) {
    const mine = times.filter((t) => t.key === key).sort((a, b) => a.milliseconds - b.milliseconds);
    row(`  ${key}, ${mine[0]!.rows.join("+")} rows, ${mine[0]!.pairs} pairs`);
    for (const t of mine.slice(0, most)) row(`    ${t.tile}`, t.milliseconds.toFixed(4), `${((2 * t.macs) / t.milliseconds / 1e6).toFixed(0)} GFLOP/s`);
  }
}
